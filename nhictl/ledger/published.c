/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/published.h"

#include "nhi-agentd/set/revocations.h"
#include "nhictl/ledger/fleet.h"

#include <stdio.h>

/* Versions are milliseconds of a clock. */
#define VER_MAX (TIME_SEC_MAX * 1000)

static int64_t integer(const json_t *payload, const char *member)
{
        return json_integer_value(json_object_get(payload, member));
}

static bool is_within(int64_t n, int64_t max)
{
        return n > 0 && n <= max;
}

void published_set_numbers(Published *p, int64_t ver, int64_t iat_sec, int64_t exp_sec)
{
        const bool has_times = is_within(iat_sec, TIME_SEC_MAX) && is_within(exp_sec, TIME_SEC_MAX);

        p->ver = is_within(ver, VER_MAX) ? ver : 0;
        p->iat_sec = has_times ? iat_sec : 0;
        p->exp_sec = has_times ? exp_sec : 0;
}

static void fill(const json_t *payload, Published *ret)
{
        ret->ours = !ret->former && !ret->retired;
        published_set_numbers(ret, ret->retired ? 0 : integer(payload, "ver"),
                              integer(payload, "iat"), integer(payload, "exp"));
        (void)snprintf(ret->revision, sizeof(ret->revision), "%s",
                       document_text(payload, "ledger"));
}

/* What another key of the key list signed. */
static JwsError open_former(const char *jws, size_t size, const char *typ, const KeyList *others,
                            char **ret, size_t *ret_size, Published *p)
{
        JwsError e = JWS_E_KEY;

        for (size_t i = 0; others && e != JWS_OK && i < others->n_keys; i++) {
                const Jwk *trusted = &others->keys[i].jwk;
                size_t signer;

                e = jws_open(jws, size, typ, &trusted, 1, &signer, ret, ret_size);
                p->former = e == JWS_OK && !others->keys[i].is_retired;
                if (p->former)
                        memcpy(p->former_kid, trusted->kid, sizeof(p->former_kid));
                p->retired = e == JWS_OK && others->keys[i].is_retired;
        }
        return e;
}

/* NULL: it is neither ours nor a former key's. */
static json_t *open_ours(const char *jws, size_t size, const char *typ, const char *issuer,
                         const char *audience, const SigningKey *key, const KeyList *others,
                         Published *ret)
{
        const Jwk *trusted = &key->public;
        _cleanup_free_ char *text = NULL;
        size_t text_size, signer;
        json_t *payload;

        *ret = (Published){ .exists = true };
        content_hash(jws, size, ret->hash);
        if (jws_open(jws, size, typ, &trusted, 1, &signer, &text, &text_size) != JWS_OK &&
            open_former(jws, size, typ, others, &text, &text_size, ret) != JWS_OK)
                return NULL;
        payload = json_loadb(text, text_size, JSON_REJECT_DUPLICATES, NULL);
        if (streq(document_text(payload, "iss"), issuer) &&
            streq(document_text(payload, "aud"), audience)) {
                fill(payload, ret);
                return payload;
        }
        ret->former = ret->retired = false;
        ret->former_kid[0] = '\0';
        json_decref(payload);
        return NULL;
}

static bool has_items(const json_t *payload, const char *member)
{
        return json_array_size(json_object_get(payload, member)) > 0;
}

int published_parse(const char *jws, size_t size, const char *issuer, const SigningKey *key,
                    const KeyList *others, const char *host, Published *ret)
{
        json_t *payload = open_ours(jws, size, JWS_TYP_GRANTS, issuer, host, key, others, ret);
        int r = 0;

        if (payload) {
                ret->says_something =
                        has_items(payload, "grants") || has_items(payload, "accounts");
                r = content_of_payload(payload, ret->content);
        }
        json_decref(payload);
        return r;
}

int published_list_parse(const char *jws, size_t size, const char *issuer, const SigningKey *key,
                         const KeyList *others, Published *ret)
{
        json_t *payload = open_ours(jws, size, JWS_TYP_REVOCATIONS, issuer, REVOCATIONS_AUDIENCE,
                                    key, others, ret);
        int r = 0;

        if (payload) {
                ret->says_something = has_items(payload, "revoked");
                r = content_of_json(json_object_get(payload, "revoked"), ret->content);
        }
        json_decref(payload);
        return r;
}

/* Its bytes are its content: a signature more is news. It is never due to be renewed. */
int published_keys_parse(const char *bytes, size_t size, const KeyList *ledgers, int64_t now_sec,
                         Published *ret)
{
        const Now now = { .real_usec = now_sec * 1000000 };
        static const SetFloor none;
        SetPolicy policy = { 0 };
        KeyList *list = NULL;
        SetError e;
        int r;

        *ret = (Published){ .exists = true, .exp_sec = TIME_SEC_MAX };
        content_hash(bytes, size, ret->hash);
        memcpy(ret->content, ret->hash, sizeof(ret->content));
        if (!ledgers)
                return 0;
        policy.issuer = ledgers->issuer;
        policy.roots = ledgers->roots;
        policy.n_roots = ledgers->n_roots;
        policy.root_threshold = ledgers->threshold;
        r = keylist_verify(bytes, size, &policy, &none, now, KEYLIST_OFFERED, &list, &e);
        if (r != 0)
                return r == SET_E_REFUSED ? 0 : r;
        ret->ours = ret->says_something = true;
        ret->ver = list->ver;
        ret->iat_sec = list->iat_sec;
        key_list_free(list);
        return 0;
}

/* In place: what mint_payload() would leave out by now. */
static void drop_ended(json_t *grants, int64_t now_sec)
{
        for (size_t i = json_array_size(grants); i > 0; i--)
                if (integer(json_array_get(grants, i - 1), "exp") <= now_sec)
                        (void)json_array_remove(grants, i - 1);
}

int published_live_content(const char *jws, size_t size, const SigningKey *key, int64_t now_sec,
                           char ret[static LEDGER_HASH_SIZE])
{
        const Jwk *trusted = &key->public;
        _cleanup_free_ char *text = NULL;
        size_t text_size, signer;
        json_t *payload;
        int r;

        if (jws_open(jws, size, JWS_TYP_GRANTS, &trusted, 1, &signer, &text, &text_size) != JWS_OK)
                return -ENOMEM; /* it did a moment ago */
        payload = json_loadb(text, text_size, JSON_REJECT_DUPLICATES, NULL);
        drop_ended(json_object_get(payload, "grants"), now_sec);
        r = payload ? content_of_payload(payload, ret) : -ENOMEM;
        json_decref(payload);
        return r;
}

int64_t published_lifetime(const Published *p)
{
        return p->exp_sec - p->iat_sec;
}

bool published_is_due(const Published *p, int64_t now_sec)
{
        int64_t age_sec = now_sec - p->iat_sec;

        return age_sec < 0 || age_sec > published_lifetime(p) / 4;
}
