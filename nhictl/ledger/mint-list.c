/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/mint-list.h"

#include "lib/jose/json.h"
#include "nhictl/ledger/state.h"

#include <stdio.h>

/* The member of a name that is no kind of its own. */
typedef bool (*IsRevoked)(const json_t *doc, int64_t now_sec);

/* Over by itself, it needs no entry any more. */
static bool grant_is_revoked(const json_t *doc, int64_t now_sec)
{
        int64_t exp_sec = 0;

        return json_object_get(doc, "revoked") && document_time(doc, "exp", &exp_sec) == 0 &&
               now_sec < exp_sec;
}

static bool is_disabled(const json_t *doc, int64_t now_sec)
{
        return document_is_disabled(doc);
}

static const struct {
        RevocationKind kind;
        DocKind documents;
        IsRevoked is_revoked;
} sources[] = {
        { REVOCATION_GRANT, DOC_GRANT, grant_is_revoked },
        { REVOCATION_ACCOUNT, DOC_ACCOUNT, is_disabled },
        { REVOCATION_OWNER, DOC_OWNER, is_disabled },
};

static int add_entry(size_t source, const char *name, json_t *list)
{
        json_t *entry = json_pack("{s:s, s:s}", "kind", revocation_kind_name(sources[source].kind),
                                  "name", name);

        return json_array_append_new(list, entry) < 0 ? -ENOMEM : 0;
}

static int add_documents(const Ledger *l, size_t source, int64_t now_sec, json_t *list)
{
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_names(l, sources[source].documents, &n);
        int r = names ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++) {
                const json_t *doc = ledger_get(l, sources[source].documents, names[i]);

                if (sources[source].is_revoked(doc, now_sec))
                        r = add_entry(source, names[i], list);
        }
        return r;
}

/* L3: it may have been revoked, and gives nothing in the sets either. */
static int add_unread(const Ledger *l, size_t source, json_t *list)
{
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_unread(l, sources[source].documents, &n);
        int r = names ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = add_entry(source, names[i], list);
        return r;
}

int mint_list_payload(const Ledger *l, int64_t now_sec, json_t **ret)
{
        json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(sources); i++) {
                r = add_documents(l, i, now_sec, list);
                if (r == 0)
                        r = add_unread(l, i, list);
        }
        if (r == 0 && l->settings.revoked &&
            json_array_extend(list, (json_t *)l->settings.revoked) < 0)
                r = -ENOMEM;
        if (r < 0) {
                json_decref(list);
                return r;
        }
        *ret = json_pack("{s:i, s:s, s:s, s:I, s:I, s:o}", "format", LEDGER_FORMAT, "iss",
                         l->settings.issuer, "aud", REVOCATIONS_AUDIENCE, "iat",
                         (json_int_t)now_sec, "exp", (json_int_t)(now_sec + MINT_LIST_LIFETIME_SEC),
                         "revoked", list);
        return *ret ? 0 : -ENOMEM;
}

int mint_list_sign(const SigningKey *key, json_t *payload, int64_t ver, const char *revision,
                   char **ret)
{
        _cleanup_free_ char *text = NULL;

        if (json_object_set_new(payload, "ver", json_integer(ver)) < 0 ||
            json_object_set_new(payload, "ledger", json_string(revision)) < 0)
                return -ENOMEM;
        text = json_write(payload, JSON_COMPACT | JSON_SORT_KEYS);
        return text ? jws_sign(key, JWS_TYP_REVOCATIONS, text, strlen(text), ret) : -ENOMEM;
}

int mint_list_verify(const Ledger *l, const SigningKey *key, const char *jws, int64_t now_sec,
                     SetError *ret_error)
{
        const TrustedKey trusted = { .jwk = key->public, .reach = { .sign_revocations = true } };
        const SetPolicy policy = { .issuer = l->settings.issuer, .keys = &trusted, .n_keys = 1 };
        const SetFloor floor = { 0 };
        const Now now = { .real_usec = now_sec * 1000000, .boot_usec = 1000000 };
        RevocationList *list = NULL;
        int r;

        *ret_error = (SetError){ 0 };
        r = revocations_verify(jws, strlen(jws), &policy, &floor, now, REVOCATIONS_OFFERED, &list,
                               ret_error);
        if (r == 0 && list->n_skipped > 0)
                r = set_refused(ret_error, "entry", "%s", list->skipped[0]);
        revocation_list_free(list);
        return r > 0 ? -EBADMSG : r;
}
