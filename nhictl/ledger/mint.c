/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/mint.h"

#include "lib/jose/json.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/localdb.h"
#include "nhictl/ledger/fleet.h"
#include "nhictl/ledger/state.h"

#include <stdio.h>

static const char *const account_members[] = { "name", "kind",  "owner", "uid",
                                               "gid",  "gecos", "home",  "shell" };
/* nbf and exp are converted, everything else stands in the ledger as it stands in the set. */
static const char *const grant_members[] = {
        "jti",     "account",      "sub",       "act",       "owner",
        "reason",  "ticket",       "issued_by", "approvals", "authorization_details",
        "windows", "max_sessions",
};

static json_t *copy_members(const json_t *doc, const char *const *members, size_t n)
{
        json_t *copy = json_object();

        for (size_t i = 0; copy && i < n; i++) {
                json_t *value = json_object_get(doc, members[i]);

                if (value && json_object_set(copy, members[i], value) < 0) {
                        json_decref(copy);
                        return NULL;
                }
        }
        return copy;
}

int mint_grant(const json_t *doc, json_t **ret)
{
        json_t *grant = copy_members(doc, grant_members, ELEMENTSOF(grant_members));
        int64_t nbf_sec = 0, exp_sec = 0;

        if (!grant || document_time(doc, "nbf", &nbf_sec) < 0 ||
            document_time(doc, "exp", &exp_sec) < 0 ||
            json_object_set_new(grant, "nbf", json_integer(nbf_sec)) < 0 ||
            json_object_set_new(grant, "exp", json_integer(exp_sec)) < 0) {
                json_decref(grant);
                return -ENOMEM;
        }
        *ret = grant;
        return 0;
}

static int add_grant(json_t *grants, const json_t *doc)
{
        json_t *grant = NULL;
        int r = mint_grant(doc, &grant);

        return r == 0 && json_array_append_new(grants, grant) < 0 ? -ENOMEM : r;
}

int mint_accounts(const Ledger *l, json_t *accounts)
{
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_names(l, DOC_ACCOUNT, &n);
        int r = names ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++) {
                const json_t *doc = ledger_get(l, DOC_ACCOUNT, names[i]);
                json_t *account;

                if (document_is_disabled(doc))
                        continue;
                account = copy_members(doc, account_members, ELEMENTSOF(account_members));
                if (json_array_append_new(accounts, account) < 0)
                        r = -ENOMEM;
        }
        return r;
}

json_t *mint_envelope(const Ledger *l, const char *name, int64_t now_sec, json_t *accounts,
                      json_t *grants)
{
        return json_pack("{s:i, s:s, s:s, s:I, s:I, s:o, s:o}", "format", LEDGER_FORMAT, "iss",
                         l->settings.issuer, "aud", name, "iat", (json_int_t)now_sec, "exp",
                         (json_int_t)(now_sec + l->settings.set_lifetime_sec), "accounts", accounts,
                         "grants", grants);
}

int mint_payload(const Ledger *l, const char *name, const json_t *host, int64_t now_sec,
                 json_t **ret)
{
        _cleanup_(fleet_freep) Fleet *f = NULL;
        int r = fleet_new(l, now_sec, &f);

        return r == 0 ? fleet_payload(f, name, host, ret) : r;
}

int mint_sign(const SigningKey *key, json_t *payload, int64_t ver, const char *revision, char **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size;

        if (json_object_set_new(payload, "ver", json_integer(ver)) < 0 ||
            json_object_set_new(payload, "ledger", json_string(revision)) < 0)
                return -ENOMEM;
        text = json_write(payload, JSON_COMPACT | JSON_SORT_KEYS);
        if (!text)
                return -ENOMEM;
        size = strlen(text);
        if (base64url_size(size) + JWS_HEADER_MAX > SET_SIZE_MAX)
                return -EFBIG;
        return jws_sign(key, JWS_TYP_GRANTS, text, size, ret);
}

/* Every group that the payload names: whether a root-equivalent one is allowed is its host's
 * choice, not ours. */
static int collect_groups(const json_t *payload, StrList *ret)
{
        const json_t *grant, *term, *group;
        size_t i, j, k;

        json_array_foreach(json_object_get(payload, "grants"), i, grant) {
                json_array_foreach(json_object_get(grant, "authorization_details"), j, term) {
                        json_array_foreach(json_object_get(term, "groups"), k, group) {
                                const char **grown;

                                if (!json_is_string(group))
                                        continue;
                                grown = realloc(ret->items, (ret->n + 1) * sizeof(*grown));
                                if (!grown)
                                        return -ENOMEM;
                                ret->items = grown;
                                ret->items[ret->n++] = json_string_value(group);
                        }
                }
        }
        return 0;
}

static int verify_with(const Ledger *l, const SigningKey *key, const char *name, const char *jws,
                       const StrList *groups, int64_t now_sec, GrantSet **ret, SetError *ret_error)
{
        static const char *everything[] = { "*" };
        const StrList all = { everything, 1 };
        const Reach reach = { .sign_accounts = true,
                              .sign_ssh_keys = true,
                              .sign_grants = true,
                              .accounts = all,
                              .services = all,
                              .groups = all,
                              .run_as = all,
                              .lifetime_max_sec = l->settings.lifetime_max_sec };
        const TrustedKey trusted = { .jwk = key->public, .reach = reach };
        const SetPolicy policy = { .issuer = l->settings.issuer,
                                   .audience = name,
                                   .keys = &trusted,
                                   .n_keys = 1,
                                   .ceiling = reach,
                                   .groups_allowed = *groups };
        const SetFloor floor = { 0 };
        const Now now = { .real_usec = now_sec * 1000000, .boot_usec = 1000000 };
        LocalDb *local = NULL;
        IdMap *ids = NULL;
        int r;

        r = localdb_empty(&local);
        if (r == 0)
                r = idmap_new(&ids);
        if (r == 0)
                r = grant_set_verify(jws, strlen(jws), &policy, &floor, local, ids, now, false, ret,
                                     ret_error);
        localdb_free(local);
        idmap_free(ids);
        return r > 0 ? -EBADMSG : r;
}

int mint_verify(const Ledger *l, const SigningKey *key, const char *name, const char *jws,
                int64_t now_sec, GrantSet **ret, SetError *ret_error)
{
        const Jwk *trusted = &key->public;
        _cleanup_free_ char *payload = NULL;
        StrList groups = { 0 };
        json_t *document;
        size_t size, signer;
        int r;

        *ret_error = (SetError){ 0 };
        if (jws_open(jws, strlen(jws), JWS_TYP_GRANTS, &trusted, 1, &signer, &payload, &size) !=
            JWS_OK)
                return -EBADMSG;
        document = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);
        if (!document)
                return -EBADMSG;
        r = collect_groups(document, &groups);
        if (r == 0)
                r = verify_with(l, key, name, jws, &groups, now_sec, ret, ret_error);
        free(groups.items);
        json_decref(document);
        return r;
}

/* Sign the payload with a key that lives for this call, and read it back. */
static int check_payload(const Ledger *l, json_t *payload, int64_t now_sec, char *error)
{
        _cleanup_(grant_set_freep) GrantSet *set = NULL;
        _cleanup_free_ char *jws = NULL;
        SigningKey key = { 0 };
        SetError refused = { 0 };
        int r;

        r = signing_key_generate(&key);
        if (r == 0)
                r = mint_sign(&key, payload, now_sec * 1000, "check", &jws);
        if (r == 0)
                r = mint_verify(l, &key, "check", jws, now_sec, &set, &refused);
        signing_key_done(&key);
        if (r == -EBADMSG)
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s: %s", refused.code, refused.detail);
        else if (r < 0)
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s", strerror(-r));
        if (r < 0 || set->n_quarantine == 0)
                return r;
        (void)snprintf(error, LEDGER_ERROR_MAX, "%s: %s: %s", set->quarantine[0].entry,
                       set->quarantine[0].code, set->quarantine[0].detail);
        return -EBADMSG;
}

static int check_one(const Ledger *l, const json_t *grant, const json_t *account, int64_t now_sec,
                     char *error)
{
        json_t *accounts = json_array(), *grants = json_array(), *payload = NULL;
        int r = accounts && grants ? 0 : -ENOMEM;

        if (r == 0 && account)
                r = json_array_append_new(accounts, copy_members(account, account_members,
                                                                 ELEMENTSOF(account_members))) < 0
                            ? -ENOMEM
                            : 0;
        if (r == 0 && grant)
                r = add_grant(grants, grant);
        if (r == 0) {
                payload = mint_envelope(l, "check", now_sec, json_incref(accounts),
                                        json_incref(grants));
                r = payload ? check_payload(l, payload, now_sec, error) : -ENOMEM;
        }
        if (r == -ENOMEM)
                (void)snprintf(error, LEDGER_ERROR_MAX, "out of memory");
        json_decref(payload);
        json_decref(accounts);
        json_decref(grants);
        return r;
}

int mint_check_grant(const Ledger *l, const json_t *grant, int64_t now_sec,
                     char ret_error[static LEDGER_ERROR_MAX])
{
        return check_one(l, grant, ledger_get(l, DOC_ACCOUNT, document_text(grant, "account")),
                         now_sec, ret_error);
}

int mint_check_account(const Ledger *l, const json_t *account, int64_t now_sec,
                       char ret_error[static LEDGER_ERROR_MAX])
{
        return check_one(l, NULL, account, now_sec, ret_error);
}
