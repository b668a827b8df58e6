/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The order in which a set is believed: signature, then JSON, then for whom and when, and only
 * then its entries (S1, S2). */

#include "lib/base/macro.h"
#include "nhi-agentd/set/compose.h"
#include "nhi-agentd/set/document.h"
#include "nhi-agentd/set/freshness.h"

#include <sodium.h>
#include <stdio.h>

#define OWN_TEXTS_MAX        4096u
#define SET_LIFETIME_MAX_SEC (7 * INT64_C(86400))

void content_hash(const void *data, size_t size, char ret[static 65])
{
        uint8_t hash[32];

        crypto_generichash(hash, sizeof(hash), data, size, NULL, 0);
        sodium_bin2hex(ret, 65, hash, sizeof(hash));
}

const char *jws_error_code(JwsError e)
{
        static const char *const codes[] = {
                [JWS_E_SEGMENTS] = "segments",   [JWS_E_BASE64] = "base64",
                [JWS_E_HEADER] = "header",       [JWS_E_ALGORITHM] = "algorithm",
                [JWS_E_TYPE] = "type",           [JWS_E_KEY] = "key",
                [JWS_E_SIGNATURE] = "signature",
        };

        return e < ELEMENTSOF(codes) && codes[e] ? codes[e] : "signature";
}

int key_check_usable(Decode *d, const TrustedKey *key)
{
        const int64_t now_sec = d->now.real_usec / 1000000;

        if (key->is_retired)
                return decode_problem(d, "key-retired", "the key %s is retired", key->jwk.kid);
        if (key->nbf_sec > now_sec)
                return decode_problem(d, "key-early", "the key %s signs from %lld on", key->jwk.kid,
                                      (long long)key->nbf_sec);
        if (key->exp_sec != 0 && key->exp_sec <= now_sec)
                return decode_problem(d, "key-expired", "the key %s signed until %lld",
                                      key->jwk.kid, (long long)key->exp_sec);
        return 0;
}

/* Verify the bytes; what comes out is parsed by somebody else. */
static int verify_signature(Decode *d, const char *jws, size_t size, bool at_start,
                            const char **ret_text, size_t *ret_size)
{
        const SetPolicy *p = d->policy;
        _cleanup_free_ const Jwk **trusted = NULL;
        size_t key = 0;
        JwsError e;

        if (size > SET_SIZE_MAX)
                return decode_problem(d, "size", "the set is larger than %u bytes", SET_SIZE_MAX);
        trusted = calloc(p->n_keys > 0 ? p->n_keys : 1, sizeof(*trusted));
        if (!trusted)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_keys; i++)
                trusted[i] = &p->keys[i].jwk;
        e = jws_verify(jws, size, JWS_TYP_GRANTS, trusted, p->n_keys, &key, ret_text, ret_size);
        if (e == JWS_E_MEMORY)
                return -ENOMEM;
        if (e != JWS_OK)
                return decode_problem(d, jws_error_code(e), "%s", jws_error_text(e));
        d->key = &p->keys[key];
        if (d->key->reach.sign_accounts || d->key->reach.sign_grants)
                return at_start ? 0 : key_check_usable(d, d->key);
        /* Empty as it would be, it would revoke everything. */
        return decode_problem(d, "reach", "the key's reach does not cover the signing of sets");
}

static int check_addressee(Decode *d, const Envelope *e)
{
        if (!streq(e->iss, d->policy->issuer))
                return decode_problem(d, "issuer", "iss is %.80s, expected %.80s", e->iss,
                                      d->policy->issuer);
        if (!streq(e->aud, d->policy->audience))
                return decode_problem(d, "audience", "aud is %.80s, this host is %.80s", e->aud,
                                      d->policy->audience);
        return 0;
}

/* A set far ahead of the clock would raise the floor for good. */
int envelope_check_not_ahead(Decode *d, const Envelope *e)
{
        int64_t now_sec = d->now.real_usec / 1000000, now_msec = d->now.real_usec / 1000;

        if (e->iat_sec - SET_AHEAD_SEC > now_sec)
                return decode_problem(d, "ahead", "iat is %lld s ahead of this host's clock",
                                      (long long)(e->iat_sec - now_sec));
        if (e->ver / 1000 - SET_AHEAD_SEC > now_sec ||
            e->ver - SET_AHEAD_SEC * INT64_C(1000) > now_msec)
                return decode_problem(d, "ahead", "ver is over %d s ahead of this host's clock",
                                      SET_AHEAD_SEC);
        return 0;
}

int envelope_check_floor(Decode *d, const Envelope *e, const SetFloor *floor, const char *hash)
{
        /* One that a key list set has no set of its own. */
        if (e->ver < floor->ver || (e->ver == floor->ver && !*floor->hash && floor->ver > 0))
                return decode_problem(d, "version-floor", "ver %lld is below %lld, seen before",
                                      (long long)e->ver, (long long)floor->ver);
        if (e->ver == floor->ver && !streq(floor->hash, hash))
                return decode_problem(d, "equivocation",
                                      "ver %lld was seen before with other content",
                                      (long long)e->ver);
        return 0;
}

static int check_lifetime(Decode *d, const Envelope *e, bool at_start)
{
        if (e->exp_sec <= e->iat_sec || e->exp_sec - e->iat_sec > SET_LIFETIME_MAX_SEC)
                return decode_problem(d, "lifetime", "exp is not within 7 days after iat");
        /* The archived set of a long night is loaded all the same: it grants nothing any more, but
         * says so as "stale" and not as "none". */
        if (!at_start && e->end_sec <= d->now.real_usec / 1000000)
                return decode_problem(d, "expired", "the set's exp has passed");
        return 0;
}

static int check_envelope(Decode *d, const Envelope *e, const SetFloor *floor, bool at_start)
{
        int r;

        r = check_addressee(d, e);
        /* An archived set was not ahead when it was accepted; a clock set back since is the
         * agent's to notice. */
        if (r == 0 && !at_start)
                r = envelope_check_not_ahead(d, e);
        if (r == 0)
                r = envelope_check_floor(d, e, floor, d->set->hash);
        if (r == 0)
                r = check_lifetime(d, e, at_start);
        return r;
}

/* The latest end that any of them gives it. */
static void keep_fresh(const Decode *d, Envelope *e)
{
        const SetPolicy *p = d->policy;

        e->end_sec = e->exp_sec;
        e->heard_sec = e->iat_sec;
        for (size_t i = 0; i < ELEMENTSOF(p->fresh); i++) {
                const Freshness *f = p->fresh[i];
                int64_t end_sec;

                if (!f || !streq(f->set, d->set->hash))
                        continue;
                end_sec = freshness_end(f, p->fresh_max_sec, e->iat_sec, e->exp_sec);
                if (end_sec <= e->end_sec)
                        continue;
                e->end_sec = end_sec;
                e->heard_sec = f->iat_sec;
        }
}

/* What the set says of itself, before its entries are read: they point to it. */
static int fill_head(Decode *d, const Envelope *e)
{
        GrantSet *s = d->set;

        s->issuer = e->iss;
        s->audience = e->aud;
        s->ledger = e->ledger;
        s->iat_sec = e->iat_sec;
        s->exp_sec = e->end_sec;
        s->own_exp_sec = e->exp_sec;
        s->heard_sec = e->heard_sec;
        s->ver = e->ver;
        memcpy(s->kid, d->key->jwk.kid, sizeof(s->kid));
        return 0;
}

static int check_limits(Decode *d, const Outline *o)
{
        if (o->accounts.n > SET_ACCOUNTS_MAX)
                return decode_problem(d, "limit", "more than %u accounts", SET_ACCOUNTS_MAX);
        if (o->grants.n > SET_GRANTS_MAX)
                return decode_problem(d, "limit", "more than %u grants", SET_GRANTS_MAX);
        return 0;
}

static int decode_payload(Decode *d, Payload *p, const SetFloor *floor, bool at_start)
{
        _cleanup_(outline_done) Outline o = { 0 };
        Envelope e = { 0 };
        int r;

        r = document_outline(d, p, &o);
        if (r == 0)
                r = envelope_decode(d, o.members, &e);
        if (r == 0)
                r = check_limits(d, &o);
        if (r == 0)
                keep_fresh(d, &e);
        if (r == 0)
                r = check_envelope(d, &e, floor, at_start);
        if (r == 0)
                r = fill_head(d, &e);
        return r == 0 ? compose_entries(d, p, &o) : r;
}

static int verify(Decode *d, const char *jws, size_t size, const SetFloor *floor, bool at_start)
{
        _cleanup_(payload_done) Payload payload = { 0 };
        const char *text = NULL;
        size_t text_size = 0;
        int r;

        r = verify_signature(d, jws, size, at_start, &text, &text_size);
        if (r != 0)
                return r;
        content_hash(jws, size, d->set->hash);
        if (!at_start && streq(floor->hash, d->set->hash))
                return SET_E_UNCHANGED;
        payload_init(&payload, text, text_size);
        return decode_payload(d, &payload, floor, at_start);
}

GrantSet *grant_set_free(GrantSet *s)
{
        if (s)
                arena_free(s->storage); /* the set itself lives in it */
        return NULL;
}

static void decode_done(Decode *d)
{
        intern_done(&d->texts);
        intern_done(&d->own_texts);
        intern_done(&d->term_lists);
        arena_free(d->scratch);
        if (d->set)
                grant_set_free(d->set);
        else
                arena_free(d->arena);
}

static int decode_init(Decode *d)
{
        d->arena = arena_new();
        d->scratch = arena_new();
        d->set = d->arena && d->scratch ? arena_alloc(d->arena, 1, sizeof(*d->set)) : NULL;
        if (!d->set)
                return -ENOMEM;
        d->set->storage = d->arena;
        d->own_texts.capacity_max = OWN_TEXTS_MAX;
        return 0;
}

int grant_set_verify(const char *jws, size_t size, const SetPolicy *policy, const SetFloor *floor,
                     const LocalDb *local, const IdMap *idmap, Now now, bool at_start,
                     GrantSet **ret, SetError *ret_error)
{
        Decode d = { .policy = policy, .local = local, .idmap = idmap, .now = now };
        int r;

        r = decode_init(&d);
        if (r == 0)
                r = verify(&d, jws, size, floor, at_start);
        if (r == 0) {
                *ret = TAKE_PTR(d.set);
                d.arena = NULL;
        }
        r = decode_result(&d, r, ret_error);
        decode_done(&d);
        return r;
}
