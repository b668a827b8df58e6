/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The keys of a key list: roots, those that sign, those that are retired. */

#include "nhi-agentd/set/keylist-read.h"

#include "lib/base/sort.h"
#include "lib/jose/json.h"

#include <stdio.h>

#define LIFETIME_DEFAULT_SEC 86400
#define LIFETIME_MIN_SEC     60

static const char *any[] = { "*" };

/* ---- one key --------------------------------------------------------------------------------- */

static int read_jwk(Decode *d, const json_t *v, Jwk *ret)
{
        _cleanup_free_ char *text = json_is_object(v) ? json_dumps(v, JSON_COMPACT) : NULL;

        if (!text)
                return json_is_object(v) ? -ENOMEM
                                         : decode_problem(d, "member-type", "%s",
                                                          "a key is not a JSON object");
        return jwk_parse(text, strlen(text), ret) == 0
                       ? 0
                       : decode_problem(d, "member-value", "%s", "no public Ed25519 JWK");
}

static bool has_kid(const Jwk *keys, size_t n, const char *kid)
{
        for (size_t i = 0; i < n; i++)
                if (streq(keys[i].kid, kid))
                        return true;
        return false;
}

/* ---- roots ----------------------------------------------------------------------------------- */

int keylist_read_roots(KeyReading *r, const json_t *roots, int64_t threshold)
{
        const size_t n = json_array_size(roots);
        Jwk *keys = arena_alloc(r->d.arena, n + 1, sizeof(*keys));

        if (!keys)
                return -ENOMEM;
        if (n == 0 || n > KEYLIST_ROOTS_MAX || threshold > (int64_t)n)
                return decode_problem(&r->d, "member-value", "%zu roots and a threshold of %lld", n,
                                      (long long)threshold);
        for (size_t i = 0; i < n; i++) {
                int e = read_jwk(&r->d, json_array_get(roots, i), &keys[i]);

                if (e != 0)
                        return e;
                if (has_kid(keys, i, keys[i].kid))
                        return decode_problem(&r->d, "member-value", "roots[%zu] stands twice", i);
        }
        r->list->roots = keys;
        r->list->n_roots = n;
        r->list->threshold = (uint32_t)threshold;
        return 0;
}

/* ---- reach ----------------------------------------------------------------------------------- */

static const struct {
        const char *word;
        size_t offset;
} sign_words[] = {
        { "accounts", offsetof(Reach, sign_accounts) },
        { "ssh_keys", offsetof(Reach, sign_ssh_keys) },
        { "grants", offsetof(Reach, sign_grants) },
        { "revocations", offsetof(Reach, sign_revocations) },
        { "freshness", offsetof(Reach, sign_freshness) },
};

static int read_sign(Decode *d, const Member *m, const json_t *v, void *ret)
{
        int r = check_array(d, m, v);
        const json_t *word;
        size_t i;

        if (r != 0)
                return r;
        json_array_foreach(v, i, word) {
                size_t k = 0;

                while (k < ELEMENTSOF(sign_words) &&
                       !streq_ptr(sign_words[k].word, json_string_value(word)))
                        k++;
                if (k == ELEMENTSOF(sign_words))
                        return decode_problem(d, "member-value",
                                              "reach.sign[%zu] is nothing that is known", i);
                *(bool *)((uint8_t *)ret + sign_words[k].offset) = true;
        }
        return 0;
}

#define AT(member) offsetof(Reach, member)
static const Member reach_members[] = {
        { .name = "sign", .read = read_sign, .offset = 0, .required = true },
        { .name = "accounts", .read = read_list, .offset = AT(accounts), .may_be_empty = true },
        { .name = "services", .read = read_list, .offset = AT(services), .may_be_empty = true },
        { .name = "groups", .read = read_list, .offset = AT(groups), .may_be_empty = true },
        { .name = "run_as", .read = read_list, .offset = AT(run_as), .may_be_empty = true },
        { .name = "lifetime_max", .read = read_number, .offset = AT(lifetime_max_sec) },
};
#undef AT

static int read_reach(Decode *d, const Member *m, const json_t *v, void *ret)
{
        Reach reach = { .lifetime_max_sec = LIFETIME_DEFAULT_SEC };
        int r = json_is_object(v)
                        ? members_read(d, v, reach_members, ELEMENTSOF(reach_members), &reach)
                        : decode_problem(d, "member-type", "%s", "reach is not a JSON object");

        if (r == 0 && (reach.lifetime_max_sec < LIFETIME_MIN_SEC ||
                       reach.lifetime_max_sec > KEYLIST_LIFETIME_MAX))
                r = decode_problem(d, "member-value", "reach.lifetime_max is not within %d to %d s",
                                   LIFETIME_MIN_SEC, KEYLIST_LIFETIME_MAX);
        if (r == 0)
                *(Reach *)ret = reach;
        return r;
}

/* ---- keys that sign -------------------------------------------------------------------------- */

static int read_nothing(Decode *d, const Member *m, const json_t *v, void *ret)
{
        return 0; /* jwk_parse() read it */
}

#define AT(member) offsetof(TrustedKey, member)
static const Member key_members[] = {
        { .name = "kty", .read = read_nothing, .required = true },
        { .name = "crv", .read = read_nothing, .required = true },
        { .name = "x", .read = read_nothing, .required = true },
        { .name = "kid", .read = read_nothing },
        { .name = "alg", .read = read_nothing },
        { .name = "use", .read = read_nothing },
        { .name = "reach", .read = read_reach, .offset = AT(reach), .required = true },
        { .name = "nbf", .read = read_time, .offset = AT(nbf_sec) },
        { .name = "exp", .read = read_time, .offset = AT(exp_sec) },
};
#undef AT

static int read_key(KeyReading *r, const json_t *v, TrustedKey *ret)
{
        TrustedKey key = { 0 };
        int n = read_jwk(&r->d, v, &key.jwk);

        if (n == 0)
                n = members_read(&r->d, v, key_members, ELEMENTSOF(key_members), &key);
        if (n == 0 && has_kid(r->list->roots, r->list->n_roots, key.jwk.kid))
                n = decode_problem(&r->d, "member-value", "%s", "a root key signs key lists only");
        if (n != 0)
                return n;
        if (r->list->exp_sec != 0 && (key.exp_sec == 0 || key.exp_sec > r->list->exp_sec))
                key.exp_sec = r->list->exp_sec;
        *ret = key;
        return 0;
}

/* K5 */
static int skip_key(KeyReading *r, size_t i)
{
        KeyList *l = r->list;
        char text[SET_DETAIL_MAX + 64];

        (void)snprintf(text, sizeof(text), "keys[%zu]: %s: %s", i, r->d.code, r->d.detail);
        l->skipped[l->n_skipped] = arena_text(r->d.arena, text);
        return l->skipped[l->n_skipped++] ? 0 : -ENOMEM;
}

static bool stands_already(const TrustedKey *keys, size_t n, const char *kid)
{
        for (size_t i = 0; i < n; i++)
                if (streq(keys[i].jwk.kid, kid))
                        return true;
        return false;
}

/* ---- keys that are retired (K4) -------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
        const Revocation *x = a, *y = b;

        return strcmp(x->name, y->name);
}

/* As a revocation list would name them: of all grants under them, whenever they begin. */
static int name_retired(KeyReading *r, const TrustedKey *retired, size_t n)
{
        Revocation *entries = arena_alloc(r->d.arena, n + 1, sizeof(*entries));
        KeyList *l = r->list;

        if (!entries)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                entries[i] = (Revocation){ .kind = REVOCATION_KEY,
                                           .name = retired[i].jwk.kid,
                                           .issuer = l->issuer,
                                           .reason = "it is retired",
                                           .before_sec = INT64_MAX };
        sort_items(entries, n, compare_entries);
        l->retired = (RevocationList){ .issuer = l->issuer,
                                       .title = l->title,
                                       .ver = l->ver,
                                       .is_trusted = true,
                                       .entries = entries,
                                       .n_entries = n };
        for (size_t k = REVOCATION_KEY + 1; k <= REVOCATION_N; k++)
                l->retired.first[k] = n;
        return 0;
}

/* What it signed is read as it was, so that it can be told what is over. */
static TrustedKey retired_key(const Jwk *jwk)
{
        const StrList all = { any, 1 };

        return (TrustedKey){ .jwk = *jwk,
                             .is_retired = true,
                             .reach = { .sign_accounts = true,
                                        .sign_ssh_keys = true,
                                        .sign_grants = true,
                                        .accounts = all,
                                        .services = all,
                                        .groups = all,
                                        .run_as = all,
                                        .lifetime_max_sec = KEYLIST_LIFETIME_MAX } };
}

static int read_retired(KeyReading *r, const json_t *list, TrustedKey *ret, size_t *ret_n)
{
        const json_t *v;
        size_t i, n = 0;

        json_array_foreach(list, i, v) {
                Jwk jwk;
                int e = read_jwk(&r->d, v, &jwk);

                if (e != 0)
                        return e;
                if (!stands_already(ret, n, jwk.kid))
                        ret[n++] = retired_key(&jwk);
        }
        *ret_n = n;
        return 0;
}

/* ---- all ------------------------------------------------------------------------------------- */

static int read_signing(KeyReading *r, const json_t *list, const TrustedKey *retired,
                        size_t n_retired, TrustedKey *ret, size_t *ret_n)
{
        const json_t *v;
        size_t i, n = 0;

        json_array_foreach(list, i, v) {
                int e = read_key(r, v, &ret[n]);

                if (e == DECODE_E_PROBLEM)
                        e = skip_key(r, i);
                else if (e == 0 && stands_already(ret, n, ret[n].jwk.kid))
                        e = decode_problem(&r->d, "member-value", "keys[%zu] stands twice", i);
                else if (e == 0 && !stands_already(retired, n_retired, ret[n].jwk.kid))
                        n++;
                if (e != 0)
                        return e;
        }
        *ret_n = n;
        return 0;
}

int keylist_read_keys(KeyReading *r, const json_t *keys, const json_t *retired)
{
        const size_t n_all = json_array_size(keys) + json_array_size(retired);
        TrustedKey *all = arena_alloc(r->d.arena, n_all + 1, sizeof(*all));
        TrustedKey *over = arena_alloc(r->d.arena, n_all + 1, sizeof(*over));
        size_t n_over = 0;
        int n;

        if (!all || !over)
                return -ENOMEM;
        if (json_array_size(keys) > KEYLIST_KEYS_MAX ||
            json_array_size(retired) > KEYLIST_RETIRED_MAX)
                return decode_problem(&r->d, "limit", "more than %u keys, or %u retired ones",
                                      KEYLIST_KEYS_MAX, KEYLIST_RETIRED_MAX);
        n = read_retired(r, retired, over, &n_over);
        if (n == 0)
                n = read_signing(r, keys, over, n_over, all, &r->list->n_signing);
        if (n != 0)
                return n;
        if (n_over > 0)
                memcpy(all + r->list->n_signing, over, n_over * sizeof(*over));
        r->list->keys = all;
        r->list->n_keys = r->list->n_signing + n_over;
        return name_retired(r, over, n_over);
}

/* ---- roots, compared ------------------------------------------------------------------------- */

static int compare_kids(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void roots_digest(const Jwk *roots, size_t n, uint32_t threshold, char ret[static 65])
{
        char text[KEYLIST_ROOTS_MAX * (JWK_KID_SIZE + 1) + 16];
        const char *kids[KEYLIST_ROOTS_MAX] = {};
        size_t used;

        if (n > KEYLIST_ROOTS_MAX)
                n = KEYLIST_ROOTS_MAX;
        for (size_t i = 0; i < n; i++)
                kids[i] = roots[i].kid;
        sort_items(kids, n, compare_kids);
        used = (size_t)snprintf(text, sizeof(text), "%u\n", threshold);
        for (size_t i = 0; i < n; i++)
                used += (size_t)snprintf(text + used, sizeof(text) - used, "%s\n", kids[i]);
        content_hash(text, used, ret);
}
