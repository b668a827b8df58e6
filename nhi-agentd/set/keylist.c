/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A key list from its bytes to keys that are believed (keylist.h): who signed it, and what it says
 * of itself. */

#include "lib/base/macro.h"
#include "lib/jose/json.h"
#include "nhi-agentd/set/keylist-read.h"

#include <stdio.h>

/* ---- the signatures (K1, K2) ----------------------------------------------------------------- */

/* The payload that they are over, still encoded. */
typedef struct Signed {
        const char *text; /* NULL: no signature was seen yet */
        size_t size;
        bool is_archived; /* believed once: a line that does not sign it is nobody's */
} Signed;

/* One line by one of these roots: *ret_key, or n_roots where it is somebody else's. */
static int check_line(Decode *d, const char *line, size_t size, const Jwk *const *roots,
                      size_t n_roots, Signed *s, size_t *ret_key)
{
        Signed own = { 0 };
        JwsError e =
                jws_verify(line, size, JWS_TYP_KEYS, roots, n_roots, ret_key, &own.text, &own.size);
        bool is_other;

        if (e == JWS_E_MEMORY)
                return -ENOMEM;
        is_other = e == JWS_OK && s->text &&
                   (s->size != own.size || memcmp(s->text, own.text, own.size) != 0);
        if (e == JWS_E_KEY || (s->is_archived && (e != JWS_OK || is_other))) {
                *ret_key = n_roots;
                return 0;
        }
        if (e != JWS_OK)
                return decode_problem(d, jws_error_code(e), "%s", jws_error_text(e));
        if (is_other)
                return decode_problem(d, "payloads", "%s", "the root keys signed different lists");
        s->text = own.text;
        s->size = own.size;
        return 0;
}

/* As many different roots as the threshold says. */
static int check_signers(Decode *d, const char *bytes, size_t size, const SetPolicy *p, Signed *s)
{
        const Jwk *roots[KEYLIST_ROOTS_MAX];
        uint32_t seen = 0, n = 0;
        size_t n_lines = 0;

        for (size_t i = 0; i < p->n_roots && i < KEYLIST_ROOTS_MAX; i++)
                roots[i] = &p->roots[i];
        while (size > 0) {
                const char *end = memchr(bytes, '\n', size);
                const size_t line = end ? (size_t)(end - bytes) : size;
                size_t key = 0;
                int r;

                if (++n_lines > KEYLIST_LINES_MAX)
                        return decode_problem(d, "limit", "more than %u signatures",
                                              KEYLIST_LINES_MAX);
                r = check_line(d, bytes, line, roots, p->n_roots, s, &key);
                if (r != 0)
                        return r;
                if (key < p->n_roots && !(seen & (1u << key))) {
                        seen |= 1u << key;
                        n++;
                }
                bytes += line + (end != NULL);
                size -= line + (end != NULL);
        }
        if (p->root_threshold == 0 || n < p->root_threshold)
                return decode_problem(d, "root-threshold",
                                      "%u of the root keys that count signed it, %u are needed", n,
                                      p->root_threshold);
        return 0;
}

/* The line whose payload has this hash, whoever signed it. */
static bool find_payload(const char *bytes, size_t size, const char *hash, Signed *ret)
{
        for (size_t i = 0; size > 0 && i < KEYLIST_LINES_MAX; i++) {
                const char *end = memchr(bytes, '\n', size);
                const size_t line = end ? (size_t)(end - bytes) : size;
                const char *text = memchr(bytes, '.', line), *last;
                char found[65];

                text = text ? text + 1 : bytes + line;
                last = memchr(text, '.', (size_t)(bytes + line - text));
                *ret = (Signed){ .text = text,
                                 .size = last ? (size_t)(last - text) : 0,
                                 .is_archived = true };
                content_hash(ret->text, ret->size, found);
                if (last && streq(found, hash))
                        return true;
                bytes += line + (end != NULL);
                size -= line + (end != NULL);
        }
        return false;
}

bool keylist_is(const char *bytes, size_t size, const char *hash)
{
        Signed s;

        return size <= KEYLIST_SIZE_MAX && find_payload(bytes, size, hash, &s);
}

static int open_payload(KeyReading *r, const char *bytes, size_t size, char **ret, size_t *ret_size)
{
        Signed s = { 0 };
        int n;

        if (size > KEYLIST_SIZE_MAX)
                return decode_problem(&r->d, "size", "the list is larger than %u bytes",
                                      KEYLIST_SIZE_MAX);
        if (r->from != KEYLIST_OFFERED && !find_payload(bytes, size, r->floor->hash, &s))
                return decode_problem(&r->d, "archive", "%s",
                                      "this is not the list that was archived");
        n = r->from == KEYLIST_KEPT ? 0 : check_signers(&r->d, bytes, size, r->d.policy, &s);
        if (n != 0)
                return n;
        content_hash(s.text, s.size, r->list->hash);
        *ret = malloc(s.size + 1);
        if (!*ret)
                return -ENOMEM;
        return base64url_decode_public(s.text, s.size, (uint8_t *)*ret, s.size, ret_size) == 0
                       ? 0
                       : decode_problem(&r->d, "base64", "%s", jws_error_text(JWS_E_BASE64));
}

/* K2: new roots do not come in without a word of their own. */
static int check_own_roots(KeyReading *r, const char *bytes, size_t size)
{
        const SetPolicy own = { .roots = r->list->roots,
                                .n_roots = r->list->n_roots,
                                .root_threshold = r->list->threshold };
        Signed s = { 0 };
        int n;

        if (r->from != KEYLIST_OFFERED)
                return 0;
        n = check_signers(&r->d, bytes, size, &own, &s);
        if (n == DECODE_E_PROBLEM && streq(r->d.code, "root-threshold"))
                return decode_problem(&r->d, "root-threshold",
                                      "fewer than %u of the root keys that it names itself signed "
                                      "it",
                                      own.root_threshold);
        return n;
}

/* ---- what it says of itself ------------------------------------------------------------------ */

typedef struct KeyEnvelope {
        Envelope e;
        int64_t threshold, floor;
        const json_t *retired, *roots;
} KeyEnvelope;

#define AT(member) offsetof(KeyEnvelope, member)
static const Member list_members[] = {
        { .name = "format", .read = read_number, .offset = AT(e.format), .required = true },
        { .name = "iss", .read = read_text, .offset = AT(e.iss), .required = true, .limit = 512 },
        { .name = "aud", .read = read_text, .offset = AT(e.aud), .required = true, .limit = 253 },
        { .name = "iat", .read = read_time, .offset = AT(e.iat_sec), .required = true },
        { .name = "exp", .read = read_time, .offset = AT(e.exp_sec) },
        { .name = "ver", .read = read_number, .offset = AT(e.ver), .required = true },
        { .name = "keys", .read = read_array, .offset = AT(e.accounts), .required = true },
        { .name = "retired", .read = read_array, .offset = AT(retired) },
        { .name = "roots", .read = read_array, .offset = AT(roots), .required = true },
        { .name = "threshold", .read = read_number, .offset = AT(threshold), .required = true },
        { .name = "floor", .read = read_number, .offset = AT(floor) },
};
#undef AT

static int check_for_whom(Decode *d, const Envelope *e)
{
        if (!streq(e->iss, d->policy->issuer))
                return decode_problem(d, "issuer", "iss is %.80s, expected %.80s", e->iss,
                                      d->policy->issuer);
        if (!streq(e->aud, KEYLIST_AUDIENCE))
                return decode_problem(d, "audience",
                                      "aud is %.80s: a key list is for every host, \"*\"", e->aud);
        return 0;
}

static int check_times(KeyReading *r, const Envelope *e)
{
        Decode *d = &r->d;
        int n;

        if (e->exp_sec != 0 && e->exp_sec <= e->iat_sec)
                return decode_problem(d, "lifetime", "%s", "exp is not after iat");
        if (r->from != KEYLIST_OFFERED)
                return 0;
        n = envelope_check_not_ahead(d, e);
        if (n == 0)
                n = envelope_check_floor(d, e, r->floor, r->list->hash);
        if (n == 0 && e->exp_sec != 0 && e->exp_sec <= d->now.real_usec / 1000000)
                n = decode_problem(d, "expired", "%s", "the list's exp has passed");
        return n;
}

/* A floor in the future would shut out every set until then. */
static int read_floor(KeyReading *r, const KeyEnvelope *e)
{
        r->list->floor_ver = e->floor;
        return e->floor > e->e.ver ? decode_problem(&r->d, "member-value", "%s",
                                                    "floor is above the list's own ver")
                                   : 0;
}

static int fill_head(KeyReading *r, const Envelope *e)
{
        KeyList *l = r->list;
        char title[640];

        l->issuer = e->iss;
        l->iat_sec = e->iat_sec;
        l->exp_sec = e->exp_sec;
        l->ver = e->ver;
        (void)snprintf(title, sizeof(title), "the key list of %s, version %lld", e->iss,
                       (long long)e->ver);
        l->title = arena_text(r->d.arena, title);
        return l->title ? 0 : -ENOMEM;
}

static int read_lists(KeyReading *r, const KeyEnvelope *e)
{
        int n = keylist_read_roots(r, e->roots, e->threshold);

        if (n == 0)
                n = keylist_read_keys(r, e->e.accounts, e->retired);
        return n;
}

static int read_payload(KeyReading *r, const char *text, size_t size)
{
        _cleanup_(json_decrefp) json_t *payload =
                json_read(text, size, JSON_REJECT_DUPLICATES, NULL);
        const json_t *format;
        KeyEnvelope e = { 0 };
        int n;

        if (!payload)
                return errno == ENOMEM ? -ENOMEM
                                       : decode_problem(&r->d, "json", "the payload is no JSON");
        format = json_object_get(payload, "format");
        if (json_is_integer(format) && json_integer_value(format) != 1)
                return decode_problem(&r->d, "format", "format %lld is not known to this version",
                                      (long long)json_integer_value(format));
        n = members_read(&r->d, payload, list_members, ELEMENTSOF(list_members), &e);
        if (n == 0)
                n = check_for_whom(&r->d, &e.e);
        if (n == 0)
                n = check_times(r, &e.e);
        if (n == 0)
                n = read_floor(r, &e);
        if (n == 0)
                n = fill_head(r, &e.e);
        return n == 0 ? read_lists(r, &e) : n;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int read_whole(KeyReading *r, const char *bytes, size_t size)
{
        _cleanup_free_ char *payload = NULL;
        size_t payload_size = 0;
        int n;

        r->d.arena = arena_new();
        r->list = r->d.arena ? arena_alloc(r->d.arena, 1, sizeof(*r->list)) : NULL;
        if (!r->list)
                return -ENOMEM;
        r->list->storage = r->d.arena;
        n = open_payload(r, bytes, size, &payload, &payload_size);
        if (n == 0)
                n = read_payload(r, payload, payload_size);
        return n == 0 ? check_own_roots(r, bytes, size) : n;
}

KeyList *key_list_free(KeyList *l)
{
        if (l)
                arena_free(l->storage); /* the list itself lives in it */
        return NULL;
}

bool key_list_signs(const KeyList *l, const char *kid)
{
        for (size_t i = 0; l && i < l->n_signing; i++)
                if (streq(l->keys[i].jwk.kid, kid))
                        return true;
        return false;
}

int keylist_verify(const char *bytes, size_t size, const SetPolicy *policy, const SetFloor *floor,
                   Now now, KeyListFrom from, KeyList **ret, SetError *ret_error)
{
        KeyReading r = { .d = { .policy = policy, .now = now }, .floor = floor, .from = from };
        int n = read_whole(&r, bytes, size);

        intern_done(&r.d.texts);
        if (n == 0)
                *ret = r.list;
        else
                arena_free(r.d.arena);
        return decode_result(&r.d, n, ret_error);
}

bool keylist_is_meant(const char *bytes, size_t size)
{
        const char *end = memchr(bytes, '\n', size);

        return jws_says_typ(bytes, end ? (size_t)(end - bytes) : size, JWS_TYP_KEYS);
}
