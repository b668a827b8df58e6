/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Statements of freshness: that a set, which stands nowhere in them but by its hash, is still the
 * newest of its issuer for this host. They are signed by a key that can do nothing else, so that it
 * may be at hand where the issuer's is not. Promises, cited by tests/unit/test-freshness.c:
 *
 *  F1 A statement MUST NOT move anything but the end of the very set that it names, and that to no
 *     earlier time.
 *  F2 Nothing of it MUST be parsed before its signature verified, by a key that may sign them.
 *  F3 An older one than the newest that was believed of that set, or another one of the same
 *     second, MUST be refused.
 *  F4 A set MUST NOT be kept longer than fresh_max after its own iat; nor longer after the
 *     statement's than it was made to live: how long a host may go on unheard stays the issuer's
 *     word.
 *
 * Payload of the JWS, typ nhi-freshness+jwt; any other member refuses it:
 *
 *   { "format": 1, "iss": "https://grants.example.org", "aud": "web1.example.org",
 *     "set": "hex BLAKE2b-256 of the set's JWS", "ver": of the set, "iat": SEC, "exp": SEC } */

#include "nhi-agentd/set/set.h"

#define FRESHNESS_SIZE_MAX 4096u /* of the JWS */
/* Behind a host's name, where sets are published; no host has an underscore. */
#define FRESHNESS_SUFFIX "_fresh"

struct Freshness {
        char set[65], hash[65]; /* of the set's bytes; of its own */
        char kid[JWK_KID_SIZE + 1];
        int64_t ver; /* of the set */
        int64_t iat_sec, exp_sec;
        char *jws; /* its bytes, and NUL */
        size_t size;
};

Freshness *freshness_free(Freshness *f);

typedef enum FreshnessFrom {
        FRESHNESS_OFFERED,
        FRESHNESS_KEPT, /* believed once: it is not held against the clock */
} FreshnessFrom;

/* 0 and an owned *ret; SET_E_REFUSED and *ret_error, with the codes of SetError, "reach" where the
 * key may not sign them or nobody here hears them; -ENOMEM. */
int freshness_verify(const char *jws, size_t size, const SetPolicy *policy, Now now,
                     FreshnessFrom from, Freshness **ret, SetError *ret_error);

/* F3, of two of one set: 0, SET_E_UNCHANGED where it is the very same, SET_E_REFUSED. */
int freshness_check_newer(const Freshness *f, const Freshness *before, SetError *ret_error);

/* F1, F4: the end that it gives a set of this iat and exp. */
int64_t freshness_end(const Freshness *f, int64_t fresh_max_sec, int64_t iat_sec, int64_t exp_sec);

/* Is its key still one that may sign them? */
bool freshness_is_trusted(const Freshness *f, const SetPolicy *policy);
