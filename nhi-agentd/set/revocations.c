/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A revocation list from its bytes to entries that are looked up (revocations.h). */

#include "nhi-agentd/set/revocations.h"

#include "lib/base/macro.h"
#include "lib/base/sort.h"
#include "lib/jose/json.h"
#include "nhi-agentd/set/decode.h"

#include <stdio.h>

static const char *const kind_names[REVOCATION_N] = {
        [REVOCATION_GRANT] = "grant", [REVOCATION_ACCOUNT] = "account",
        [REVOCATION_OWNER] = "owner", [REVOCATION_ISSUER] = "issuer",
        [REVOCATION_KEY] = "key",
};

const char *revocation_kind_name(RevocationKind k)
{
        return (size_t)k < ELEMENTSOF(kind_names) ? kind_names[k] : "?";
}

RevocationKind revocation_kind_find(const char *name)
{
        size_t k = 0;

        while (k < ELEMENTSOF(kind_names) && !streq(kind_names[k], name))
                k++;
        return (RevocationKind)k;
}

/* One list being decoded. */
typedef struct Reading {
        Decode d;
        RevocationList *list;
        const SetFloor *floor;
        RevocationsFrom from;
} Reading;

/* ---- the signature --------------------------------------------------------------------------- */

static int check_key(Decode *d, const TrustedKey *key)
{
        const int n = key_check_usable(d, key);

        if (n != 0 || key->reach.sign_revocations)
                return n;
        return decode_problem(d, "reach", "the key's reach does not cover the signing of %s",
                              "revocation lists");
}

static int verify_signature(Reading *r, const char *jws, size_t size, char **ret, size_t *ret_size)
{
        const SetPolicy *p = r->d.policy;
        _cleanup_free_ const Jwk **trusted = calloc(p->n_keys + 1, sizeof(*trusted));
        size_t key = 0;
        JwsError e;
        int n;

        if (!trusted)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_keys; i++)
                trusted[i] = &p->keys[i].jwk;
        e = jws_open(jws, size, JWS_TYP_REVOCATIONS, trusted, p->n_keys, &key, ret, ret_size);
        if (e == JWS_E_MEMORY)
                return -ENOMEM;
        if (e != JWS_OK)
                return decode_problem(&r->d, jws_error_code(e), "%s", jws_error_text(e));
        memcpy(r->list->kid, p->keys[key].jwk.kid, sizeof(r->list->kid));
        n = check_key(&r->d, &p->keys[key]);
        if (n != 0)
                free(TAKE_PTR(*ret));
        return n;
}

/* The payload of what was verified when it was archived. */
static int open_kept(Reading *r, const char *jws, size_t size, char **ret, size_t *ret_size)
{
        const char *text = memchr(jws, '.', size), *end;

        text = text ? text + 1 : NULL;
        end = text ? memchr(text, '.', (size_t)(jws + size - text)) : NULL;
        *ret = end ? malloc((size_t)(end - text) + 1) : NULL;
        if (end && !*ret)
                return -ENOMEM;
        if (end && base64url_decode_public(text, (size_t)(end - text), (uint8_t *)*ret,
                                           (size_t)(end - text), ret_size) == 0)
                return 0;
        return decode_problem(&r->d, "base64", "%s", jws_error_text(JWS_E_BASE64));
}

/* R2, R4 */
static int open_payload(Reading *r, const char *jws, size_t size, char **ret, size_t *ret_size)
{
        int n;

        if (size > REVOCATIONS_SIZE_MAX)
                return decode_problem(&r->d, "size", "the list is larger than %u bytes",
                                      REVOCATIONS_SIZE_MAX);
        content_hash(jws, size, r->list->hash);
        if (r->from == REVOCATIONS_KEPT && !streq(r->list->hash, r->floor->hash))
                return decode_problem(&r->d, "archive", "%s",
                                      "these are not the bytes that were archived");
        n = verify_signature(r, jws, size, ret, ret_size);
        r->list->is_trusted = n == 0;
        if (n == DECODE_E_PROBLEM && r->from == REVOCATIONS_KEPT)
                n = open_kept(r, jws, size, ret, ret_size);
        return n;
}

/* ---- what it says of itself ------------------------------------------------------------------ */

#define AT(member) offsetof(Envelope, member)
static const Member list_members[] = {
        { .name = "format", .read = read_number, .offset = AT(format), .required = true },
        { .name = "iss", .read = read_text, .offset = AT(iss), .required = true, .limit = 512 },
        { .name = "aud", .read = read_text, .offset = AT(aud), .required = true, .limit = 253 },
        { .name = "iat", .read = read_time, .offset = AT(iat_sec), .required = true },
        { .name = "exp", .read = read_time, .offset = AT(exp_sec), .required = true },
        { .name = "ver", .read = read_number, .offset = AT(ver), .required = true },
        { .name = "ledger", .read = read_text, .offset = AT(ledger), .limit = 256 },
        { .name = "revoked", .read = read_array, .offset = AT(grants), .required = true },
};
#undef AT

static int check_for_whom(Decode *d, const Envelope *e)
{
        if (!streq(e->iss, d->policy->issuer))
                return decode_problem(d, "issuer", "iss is %.80s, expected %.80s", e->iss,
                                      d->policy->issuer);
        if (!streq(e->aud, REVOCATIONS_AUDIENCE))
                return decode_problem(d, "audience",
                                      "aud is %.80s: a revocation list is for every host, \"*\"",
                                      e->aud);
        return 0;
}

static int check_times(Reading *r, const Envelope *e)
{
        Decode *d = &r->d;
        int n = 0;

        if (e->exp_sec <= e->iat_sec || e->exp_sec - e->iat_sec > REVOCATIONS_LIFETIME_MAX_SEC)
                return decode_problem(d, "lifetime", "exp is not within %d days after iat", 90);
        if (r->from == REVOCATIONS_KEPT)
                return 0;
        n = envelope_check_not_ahead(d, e);
        if (n == 0)
                n = envelope_check_floor(d, e, r->floor, r->list->hash);
        if (n == 0 && e->exp_sec <= d->now.real_usec / 1000000)
                n = decode_problem(d, "expired", "the list's exp has passed");
        return n;
}

static int read_envelope(Reading *r, const json_t *payload, Envelope *ret)
{
        const json_t *format = json_object_get(payload, "format");
        Decode *d = &r->d;
        int n;

        if (json_is_integer(format) && json_integer_value(format) != 1)
                return decode_problem(d, "format", "format %lld is not known to this version",
                                      (long long)json_integer_value(format));
        n = members_read(d, payload, list_members, ELEMENTSOF(list_members), ret);
        if (n == 0)
                n = check_for_whom(d, ret);
        if (n == 0)
                n = check_times(r, ret);
        if (n == 0 && json_array_size(ret->grants) > REVOCATIONS_MAX)
                n = decode_problem(d, "limit", "more than %u entries", REVOCATIONS_MAX);
        return n;
}

static int fill_head(Reading *r, const Envelope *e)
{
        RevocationList *l = r->list;
        char title[640];

        l->issuer = e->iss;
        l->iat_sec = e->iat_sec;
        l->exp_sec = e->exp_sec;
        l->ver = e->ver;
        (void)snprintf(title, sizeof(title), "the revocation list of %s, version %lld", e->iss,
                       (long long)e->ver);
        l->title = arena_text(r->d.arena, title);
        return l->title ? 0 : -ENOMEM;
}

/* ---- entries --------------------------------------------------------------------------------- */

static int read_kind(Decode *d, const Member *m, const json_t *v, void *ret)
{
        const char *text = json_string_value(v);
        const RevocationKind kind = text ? revocation_kind_find(text) : REVOCATION_N;

        if (kind == REVOCATION_N)
                return decode_problem(d, "member-value", "member \"%s\" is no kind that is known",
                                      m->name);
        *(RevocationKind *)ret = kind;
        return 0;
}

#define AT(member) offsetof(Revocation, member)
static const Member entry_members[] = {
        { .name = "kind", .read = read_kind, .offset = AT(kind), .required = true },
        { .name = "name", .read = read_text, .offset = AT(name), .required = true },
        { .name = "issuer", .read = read_text, .offset = AT(issuer), .limit = 512 },
        { .name = "before", .read = read_time, .offset = AT(before_sec) },
        { .name = "reason", .read = read_text, .offset = AT(reason), .may_be_empty = true },
};
#undef AT

/* As members_read(), but what nobody knows is passed over. */
static int read_members(Decode *d, const json_t *v, Revocation *ret)
{
        int r = json_is_object(v) ? 0 : decode_problem(d, "member-type", "not a JSON object");

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(entry_members); i++) {
                const Member *m = &entry_members[i];
                const json_t *value = json_object_get(v, m->name);

                if (value)
                        r = m->read(d, m, value, (char *)ret + m->offset);
                else if (m->required)
                        r = decode_problem(d, "member-missing", "member \"%s\" is missing",
                                           m->name);
        }
        return r;
}

/* R4: a name comes back to life with grants that begin after the list; an id, an issuer and a key
 * do not. */
static int64_t begins_before(const RevocationList *l, RevocationKind kind)
{
        return kind == REVOCATION_ACCOUNT || kind == REVOCATION_OWNER ? l->exp_sec : INT64_MAX;
}

static int read_entry(Reading *r, const json_t *v, Revocation *ret)
{
        Revocation e = { .reason = "" };
        int n;

        n = read_members(&r->d, v, &e);
        if (n != 0)
                return n;
        if (e.kind == REVOCATION_ISSUER)
                e.issuer = e.name;
        else if (!e.issuer)
                e.issuer = r->list->issuer;
        if (e.before_sec == 0)
                e.before_sec = begins_before(r->list, e.kind);
        *ret = e;
        return 0;
}

static int skip_entry(Reading *r, size_t i)
{
        RevocationList *l = r->list;
        char text[SET_DETAIL_MAX + 64];

        if (l->n_skipped < REVOCATIONS_SKIPPED_MAX) {
                (void)snprintf(text, sizeof(text), "revoked[%zu]: %s: %s", i, r->d.code,
                               r->d.detail);
                l->skipped[l->n_skipped] = arena_text(r->d.arena, text);
                if (!l->skipped[l->n_skipped])
                        return -ENOMEM;
        }
        l->n_skipped++;
        return 0;
}

static int compare_entries(const void *a, const void *b)
{
        const Revocation *y = b;

        return revocation_compare(a, y->kind, y->name, y->issuer);
}

/* Said twice, the wider one counts. */
static size_t unite(Revocation *entries, size_t n)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++) {
                if (kept > 0 && compare_entries(&entries[kept - 1], &entries[i]) == 0) {
                        if (entries[kept - 1].before_sec < entries[i].before_sec)
                                entries[kept - 1].before_sec = entries[i].before_sec;
                        continue;
                }
                entries[kept++] = entries[i];
        }
        return kept;
}

static void mark_kinds(RevocationList *l)
{
        for (size_t i = 0; i < l->n_entries; i++) {
                l->first[l->entries[i].kind + 1] = i + 1;
                l->has_anybody |= streq(l->entries[i].issuer, REVOCATIONS_ANYBODY);
        }
        for (size_t k = 1; k <= REVOCATION_N; k++)
                if (l->first[k] < l->first[k - 1])
                        l->first[k] = l->first[k - 1];
}

static int read_entries(Reading *r, const json_t *list)
{
        Revocation *entries = arena_alloc(r->d.arena, json_array_size(list) + 1, sizeof(*entries));
        size_t n = 0, i;
        const json_t *v;

        if (!entries)
                return -ENOMEM;
        json_array_foreach(list, i, v) {
                int e = read_entry(r, v, &entries[n]);

                if (e == 0)
                        n++;
                else if (e == DECODE_E_PROBLEM)
                        e = skip_entry(r, i);
                if (e < 0)
                        return e;
        }
        sort_items(entries, n, compare_entries);
        r->list->entries = entries;
        r->list->n_entries = unite(entries, n);
        mark_kinds(r->list);
        return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int read_payload(Reading *r, const char *text, size_t size)
{
        _cleanup_(json_decrefp) json_t *payload =
                json_read(text, size, JSON_REJECT_DUPLICATES, NULL);
        Envelope e = { 0 };
        int n;

        if (!payload)
                return errno == ENOMEM ? -ENOMEM
                                       : decode_problem(&r->d, "json", "the payload is no JSON");
        n = read_envelope(r, payload, &e);
        if (n == 0)
                n = fill_head(r, &e);
        return n == 0 ? read_entries(r, e.grants) : n;
}

static int read_whole(Reading *r, const char *jws, size_t size)
{
        _cleanup_free_ char *payload = NULL;
        size_t payload_size = 0;
        int n;

        r->d.arena = arena_new();
        r->list = r->d.arena ? arena_alloc(r->d.arena, 1, sizeof(*r->list)) : NULL;
        if (!r->list)
                return -ENOMEM;
        r->list->storage = r->d.arena;
        n = open_payload(r, jws, size, &payload, &payload_size);
        return n == 0 ? read_payload(r, payload, payload_size) : n;
}

RevocationList *revocation_list_free(RevocationList *l)
{
        if (l)
                arena_free(l->storage); /* the list itself lives in it */
        return NULL;
}

int revocations_verify(const char *jws, size_t size, const SetPolicy *policy, const SetFloor *floor,
                       Now now, RevocationsFrom from, RevocationList **ret, SetError *ret_error)
{
        Reading r = { .d = { .policy = policy, .now = now }, .floor = floor, .from = from };
        int n = read_whole(&r, jws, size);

        intern_done(&r.d.texts);
        if (n == 0)
                *ret = r.list;
        else
                arena_free(r.d.arena);
        return decode_result(&r.d, n, ret_error);
}
