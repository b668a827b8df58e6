/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/set/freshness.h"

#include "lib/base/macro.h"
#include "lib/jose/json.h"
#include "nhi-agentd/set/decode.h"

#include <stdio.h>

#define LIFETIME_MAX_SEC (7 * INT64_C(86400)) /* a set's */
#define HASH_SIZE        64u

/* What it says. */
typedef struct Statement {
        const char *iss, *aud, *set;
        int64_t format, ver, iat_sec, exp_sec;
} Statement;

static bool hash_is_valid(const char *text)
{
        return strlen(text) == HASH_SIZE && strspn(text, "0123456789abcdef") == HASH_SIZE;
}

#define AT(member) offsetof(Statement, member)
static const Member members[] = {
        { .name = "format", .read = read_number, .offset = AT(format), .required = true },
        { .name = "iss", .read = read_text, .offset = AT(iss), .required = true, .limit = 512 },
        { .name = "aud", .read = read_text, .offset = AT(aud), .required = true, .limit = 253 },
        { .name = "set",
          .read = read_text,
          .offset = AT(set),
          .required = true,
          .valid = hash_is_valid,
          .expects = "64 hexadecimal digits" },
        { .name = "ver", .read = read_number, .offset = AT(ver), .required = true },
        { .name = "iat", .read = read_time, .offset = AT(iat_sec), .required = true },
        { .name = "exp", .read = read_time, .offset = AT(exp_sec), .required = true },
};
#undef AT

/* ---- the signature (F2) ---------------------------------------------------------------------- */

/* One that is kept stays until its key is retired, whatever that one's own end. */
static int check_key(Decode *d, const TrustedKey *key, FreshnessFrom from)
{
        if (d->policy->fresh_max_sec <= 0)
                return decode_problem(d, "reach",
                                      "fresh_max of agentd.conf is 0: freshness is not heard");
        if (!key->reach.sign_freshness)
                return decode_problem(d, "reach",
                                      "the key's reach does not cover the signing of freshness");
        return from == FRESHNESS_KEPT && !key->is_retired ? 0 : key_check_usable(d, key);
}

static int verify_signature(Decode *d, const char *jws, size_t size, FreshnessFrom from,
                            Freshness *f, char **ret, size_t *ret_size)
{
        const SetPolicy *p = d->policy;
        _cleanup_free_ const Jwk **trusted = calloc(p->n_keys + 1, sizeof(*trusted));
        size_t key = 0;
        JwsError e;
        int r;

        if (!trusted)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_keys; i++)
                trusted[i] = &p->keys[i].jwk;
        e = jws_open(jws, size, JWS_TYP_FRESHNESS, trusted, p->n_keys, &key, ret, ret_size);
        if (e == JWS_E_MEMORY)
                return -ENOMEM;
        if (e != JWS_OK)
                return decode_problem(d, jws_error_code(e), "%s", jws_error_text(e));
        memcpy(f->kid, p->keys[key].jwk.kid, sizeof(f->kid));
        r = check_key(d, &p->keys[key], from);
        if (r != 0)
                free(TAKE_PTR(*ret));
        return r;
}

/* ---- what it says ---------------------------------------------------------------------------- */

static int check_for_whom(Decode *d, const Statement *s)
{
        if (!streq(s->iss, d->policy->issuer))
                return decode_problem(d, "issuer", "iss is %.80s, expected %.80s", s->iss,
                                      d->policy->issuer);
        if (!streq(s->aud, d->policy->audience))
                return decode_problem(d, "audience", "aud is %.80s, this host is %.80s", s->aud,
                                      d->policy->audience);
        return 0;
}

static int check_times(Decode *d, const Statement *s, FreshnessFrom from)
{
        const int64_t now_sec = d->now.real_usec / 1000000;
        const Envelope e = { .iat_sec = s->iat_sec, .ver = s->ver };
        int r;

        if (s->exp_sec <= s->iat_sec || s->exp_sec - s->iat_sec > LIFETIME_MAX_SEC)
                return decode_problem(d, "lifetime", "exp is not within 7 days after iat");
        if (from == FRESHNESS_KEPT)
                return 0;
        r = envelope_check_not_ahead(d, &e);
        if (r == 0 && s->exp_sec <= now_sec)
                r = decode_problem(d, "expired", "the statement's exp has passed");
        return r;
}

static int read_statement(Decode *d, const char *text, size_t size, FreshnessFrom from,
                          Freshness *f)
{
        _cleanup_(json_decrefp) json_t *payload =
                json_read(text, size, JSON_REJECT_DUPLICATES, NULL);
        const json_t *format = json_object_get(payload, "format");
        Statement s = { 0 };
        int r;

        if (!payload)
                return errno == ENOMEM ? -ENOMEM
                                       : decode_problem(d, "json", "the payload is no JSON");
        if (json_is_integer(format) && json_integer_value(format) != 1)
                return decode_problem(d, "format", "format %lld is not known to this version",
                                      (long long)json_integer_value(format));
        r = members_read(d, payload, members, ELEMENTSOF(members), &s);
        if (r == 0)
                r = check_for_whom(d, &s);
        if (r == 0)
                r = check_times(d, &s, from);
        if (r != 0)
                return r;
        memcpy(f->set, s.set, sizeof(f->set));
        f->ver = s.ver;
        f->iat_sec = s.iat_sec;
        f->exp_sec = s.exp_sec;
        return 0;
}

/* ---- the whole ------------------------------------------------------------------------------- */

Freshness *freshness_free(Freshness *f)
{
        if (f)
                free(f->jws);
        free(f);
        return NULL;
}

static int read_whole(Decode *d, const char *jws, size_t size, FreshnessFrom from, Freshness *f)
{
        _cleanup_free_ char *text = NULL;
        size_t text_size = 0;
        int r;

        if (size > FRESHNESS_SIZE_MAX)
                return decode_problem(d, "size", "the statement is larger than %u bytes",
                                      FRESHNESS_SIZE_MAX);
        d->arena = arena_new();
        f->jws = strndup(jws, size);
        f->size = size;
        if (!d->arena || !f->jws)
                return -ENOMEM;
        content_hash(jws, size, f->hash);
        r = verify_signature(d, jws, size, from, f, &text, &text_size);
        return r == 0 ? read_statement(d, text, text_size, from, f) : r;
}

int freshness_verify(const char *jws, size_t size, const SetPolicy *policy, Now now,
                     FreshnessFrom from, Freshness **ret, SetError *ret_error)
{
        Decode d = { .policy = policy, .now = now };
        Freshness *f = calloc(1, sizeof(*f));
        int r = f ? read_whole(&d, jws, size, from, f) : -ENOMEM;

        intern_done(&d.texts);
        arena_free(d.arena);
        if (r == 0)
                *ret = f;
        else
                freshness_free(f);
        return decode_result(&d, r, ret_error);
}

int freshness_check_newer(const Freshness *f, const Freshness *before, SetError *ret_error)
{
        if (streq(f->hash, before->hash))
                return SET_E_UNCHANGED;
        if (f->iat_sec > before->iat_sec)
                return 0;
        if (f->iat_sec < before->iat_sec)
                return set_refused(ret_error, "version-floor",
                                   "a statement of freshness of iat %lld is known, this one has "
                                   "%lld",
                                   (long long)before->iat_sec, (long long)f->iat_sec);
        return set_refused(ret_error, "equivocation",
                           "a statement of freshness of iat %lld is known with other content",
                           (long long)before->iat_sec);
}

int64_t freshness_end(const Freshness *f, int64_t fresh_max_sec, int64_t iat_sec, int64_t exp_sec)
{
        const int64_t by_issuer = f->iat_sec + (exp_sec - iat_sec),
                      by_host = iat_sec + fresh_max_sec;
        int64_t end_sec = f->exp_sec;

        if (f->iat_sec < iat_sec)
                return exp_sec;
        end_sec = by_issuer < end_sec ? by_issuer : end_sec;
        end_sec = by_host < end_sec ? by_host : end_sec;
        return end_sec > exp_sec ? end_sec : exp_sec;
}

bool freshness_is_trusted(const Freshness *f, const SetPolicy *policy)
{
        for (size_t i = 0; i < policy->n_keys; i++)
                if (streq(policy->keys[i].jwk.kid, f->kid))
                        return policy->keys[i].reach.sign_freshness && !policy->keys[i].is_retired;
        return false;
}
