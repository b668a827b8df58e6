/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The publication: {format, iss, ledger, hosts: {NAME: [content, ver, iat, exp, says]}, pending:
 * [NAME...]} under the issuer's signature, so that a store cannot make us believe that a set says
 * what it does not. */

#include "lib/jose/json.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/document.h"
#include "nhictl/store/store.h"

#include <stdio.h>

int publication_sign(const StoreOptions *o, const char *revision, const json_t *hosts,
                     const json_t *pending, char **ret)
{
        _cleanup_(json_decrefp) json_t *names = pending ? json_array() : NULL;
        _cleanup_(json_decrefp) json_t *document = NULL;
        _cleanup_free_ char *text = NULL;
        const json_t *value;
        const char *name;

        json_object_foreach((json_t *)(uintptr_t)pending, name, value) {
                if (json_array_append_new(names, json_string(name)) < 0)
                        return -ENOMEM;
        }
        document = json_pack("{s:i, s:s, s:s, s:O*, s:O*}", "format", LEDGER_FORMAT, "iss",
                             o->issuer, "ledger", revision, "hosts", hosts, "pending", names);
        text = document ? json_write(document, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        return text ? jws_sign(o->key, JWS_TYP_PUBLICATION, text, strlen(text), ret) : -ENOMEM;
}

static int pending_read(const json_t *list, json_t **ret)
{
        json_t *pending = json_object();
        const json_t *name;
        size_t i;

        json_array_foreach(list, i, name) {
                if (json_is_string(name) && store_object_is_valid(json_string_value(name)))
                        (void)json_object_set_new(pending, json_string_value(name), json_true());
        }
        *ret = pending;
        return pending ? 0 : -ENOMEM;
}

/* What another key listed is signed anew, and looked at for that: also hosts that the ledger has no
 * more, which nobody else remembers. */
static int pending_add_listed(json_t *pending, const json_t *hosts)
{
        const json_t *entry;
        const char *name;

        json_object_foreach((json_t *)(uintptr_t)hosts, name, entry) {
                if (store_object_is_valid(name) &&
                    json_object_set_new(pending, name, json_true()) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* By our key, or by one that the key list names: a key that was exchanged published the last time.
 * -EKEYREVOKED: by one that it retired. */
static int open_signed(const StoreOptions *o, const char *jws, size_t size, bool *ret_own,
                       char **ret, size_t *ret_size)
{
        const Jwk *trusted = &o->key->public;
        bool is_retired = false;
        size_t signer;
        JwsError e;

        e = jws_open(jws, size, JWS_TYP_PUBLICATION, &trusted, 1, &signer, ret, ret_size);
        *ret_own = e == JWS_OK;
        for (size_t i = 0; o->others && e == JWS_E_KEY && i < o->others->n_keys; i++) {
                trusted = &o->others->keys[i].jwk;
                is_retired = o->others->keys[i].is_retired;
                e = jws_open(jws, size, JWS_TYP_PUBLICATION, &trusted, 1, &signer, ret, ret_size);
        }
        if (e != JWS_OK)
                return -EBADMSG;
        return is_retired ? -EKEYREVOKED : 0;
}

int publication_open(const StoreOptions *o, const char *jws, size_t size,
                     char ret_revision[static LEDGER_HASH_SIZE], json_t **ret_hosts,
                     json_t **ret_pending)
{
        _cleanup_(json_decrefp) json_t *document = NULL;
        _cleanup_free_ char *text = NULL;
        size_t text_size = 0;
        bool is_own = false;
        json_t *hosts;
        int r = open_signed(o, jws, size, &is_own, &text, &text_size);

        if (r < 0)
                return r;
        document = json_read(text, text_size, JSON_REJECT_DUPLICATES, NULL);
        if (!streq(document_text(document, "iss"), o->issuer) ||
            json_integer_value(json_object_get(document, "format")) != LEDGER_FORMAT)
                return -EBADMSG;
        (void)snprintf(ret_revision, LEDGER_HASH_SIZE, "%s", document_text(document, "ledger"));
        if (!ret_hosts || !ret_pending)
                return 0;
        hosts = json_object_get(document, "hosts");
        *ret_hosts = is_own && json_is_object(hosts) ? json_incref(hosts) : json_object();
        r = *ret_hosts ? pending_read(json_object_get(document, "pending"), ret_pending) : -ENOMEM;
        return r == 0 && !is_own ? pending_add_listed(*ret_pending, hosts) : r;
}

/* Does it say whose it is, whether that is so or not? */
static bool names_an_issuer(const char *text, size_t size)
{
        _cleanup_(json_decrefp) json_t *payload = document_unverified(text, size, NULL);

        return *document_text(payload, "iss") != '\0';
}

static bool may_replace(const StoreOptions *o, const char *hash)
{
        for (size_t i = 0; i < o->n_replace; i++)
                if (streq(o->replace[i], hash))
                        return true;
        return false;
}

int publication_load(Store *s, const char *where, const char *text, size_t size, json_t **ret_hosts,
                     json_t **ret_pending)
{
        char hash[LEDGER_HASH_SIZE];
        int r = publication_open(&s->o, text, size, s->revision, ret_hosts, ret_pending);

        if (r != -EBADMSG && r != -EKEYREVOKED)
                return r;
        content_hash(text, size, hash);
        if (r == -EBADMSG && names_an_issuer(text, size) && !may_replace(&s->o, hash))
                return store_failed(s, -EPERM,
                                    "%s is not signed by this key: another issuer publishes there, "
                                    "or the key was changed. Where nobody else does: nhictl "
                                    "publish --replace %s",
                                    where, hash);
        s->revision[0] = '\0';
        s->is_publication_lost = true;
        if (!ret_hosts || !ret_pending)
                return 0;
        *ret_hosts = json_object();
        *ret_pending = json_object();
        return *ret_hosts && *ret_pending ? 0 : -ENOMEM;
}

json_t *publication_entry(const Published *p)
{
        return json_pack("[s, I, I, I, b]", p->content, (json_int_t)p->ver, (json_int_t)p->iat_sec,
                         (json_int_t)p->exp_sec, (int)p->says_something);
}

int publication_entry_read(const json_t *entry, const char *revision, Published *ret)
{
        json_int_t ver, iat_sec, exp_sec;
        const char *content;
        int says_something;

        if (json_unpack((json_t *)(uintptr_t)entry, "[s, I, I, I, b]", &content, &ver, &iat_sec,
                        &exp_sec, &says_something) < 0)
                return -EBADMSG;
        *ret = (Published){ .exists = true, .ours = true, .says_something = says_something };
        published_set_numbers(ret, ver, iat_sec, exp_sec);
        (void)snprintf(ret->content, sizeof(ret->content), "%s", content);
        (void)snprintf(ret->revision, sizeof(ret->revision), "%s", revision);
        return 0;
}
