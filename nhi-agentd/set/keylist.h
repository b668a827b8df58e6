/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Key lists: which keys sign for an issuer, said by root keys that are kept offline. The same for
 * every host. Promises, cited by tests/unit/test-keylist.c and test-sets-keys.c:
 *
 *  K1 Nothing of a list MUST be parsed before as many different root keys as the threshold says
 *     have signed it: those of the list in force, or of agentd.conf where there is none, or where
 *     it names others since.
 *  K2 A list that names other roots MUST be signed by their threshold, too.
 *  K3 A lower version, or the same version with another payload, MUST be refused.
 *  K4 A retired key MUST NOT sign anything new, whoever else trusts it; what it signed MUST stop
 *     allowing at once, and no clock and no withheld list MUST give it back.
 *  K5 A key with a member that nobody knows MUST be left out: it could have narrowed it.
 *
 * On the wire: one compact JWS a line, typ nhi-keys+jwt, each by another key over the same payload,
 * byte for byte; lines by keys that nobody asked for are passed over. Payload:
 *
 *   { "format": 1, "iss": "...", "aud": "*", "iat": SEC, "exp": SEC, "ver": MSEC,
 *     "keys": [ { "kty": "OKP", "crv": "Ed25519", "x": "...", "nbf": SEC, "exp": SEC,
 *                 "reach": { "sign": [ "accounts", ... ], "accounts": [ "*" ], "services": [ ... ],
 *                            "groups": [ ... ], "run_as": [ ... ], "lifetime_max": SEC } } ],
 *     "retired": [ { "kty": "OKP", "crv": "Ed25519", "x": "..." } ],
 *     "roots": [ JWK, ... ], "threshold": N, "floor": MSEC }
 *
 * exp, retired, floor, and a key's nbf and exp may be left out. A reach's lists allow nothing where
 * they are left out, as in agentd.conf. After a key's exp, or the list's, it signs nothing new;
 * what is in force under it lives to its own end. `floor`: sets below this version are refused;
 * where the set in force is by a key that the list does not let sign, all others are taken,
 * whatever was seen before. It counts once, when the list is taken. A floor that a key which goes
 * on signing has set stays: who keeps its newer set back would bring a revoked grant back. The next
 * revocation list is held against it likewise; the one in force speaks until then. */

#include "nhi-agentd/set/revocations.h"

/* In place of a host's name, where sets are published; no host may have it. */
#define KEYLIST_NAME "keys"

#define KEYLIST_SIZE_MAX     (256u * 1024)
#define KEYLIST_LINES_MAX    16u
#define KEYLIST_KEYS_MAX     16u
#define KEYLIST_RETIRED_MAX  256u
#define KEYLIST_SKIPPED_MAX  KEYLIST_KEYS_MAX
#define KEYLIST_AUDIENCE     "*"
#define KEYLIST_LIFETIME_MAX 604800 /* of reach.lifetime_max */

typedef struct KeyList {
        const char *issuer;
        const char *title;        /* "the key list of ISS, version N" */
        int64_t iat_sec, exp_sec; /* exp 0: none */
        int64_t ver, floor_ver;   /* floor 0: none */
        char hash[65];            /* of the payload as it stands: signatures may be added */
        const TrustedKey *keys;   /* those that sign, then the retired ones */
        size_t n_keys, n_signing; /* all; the first of them */
        const Jwk *roots;
        size_t n_roots;
        uint32_t threshold;
        RevocationList retired; /* its kids, as a revocation list would name them */
        const char *skipped[KEYLIST_SKIPPED_MAX]; /* keys that are left out, and why */
        size_t n_skipped;
        void *storage;
} KeyList;

KeyList *key_list_free(KeyList *l);
/* Is it one of those that sign? NULL, and a key that is retired or not named: no. */
bool key_list_signs(const KeyList *l, const char *kid);

typedef enum KeyListFrom {
        KEYLIST_OFFERED,
        /* It was believed once and has the floor's hash: held against neither roots, clock nor
         * floor (K4). */
        KEYLIST_KEPT,
        /* The same, and agentd.conf names other roots since: held against those, but neither clock
         * nor floor. */
        KEYLIST_AGAIN,
} KeyListFrom;

/* policy: issuer, and the roots that count now. 0 and an owned *ret; SET_E_REFUSED and *ret_error,
 * with the codes of SetError, "root-threshold" where too few root keys signed, "payloads" where
 * they signed different ones; -ENOMEM. */
int keylist_verify(const char *bytes, size_t size, const SetPolicy *policy, const SetFloor *floor,
                   Now now, KeyListFrom from, KeyList **ret, SetError *ret_error);

/* Is one of its payloads the one with this hash? Unverified. */
bool keylist_is(const char *bytes, size_t size, const char *hash);
/* Does it say that it is a key list? Unverified: it only picks who judges it. */
bool keylist_is_meant(const char *bytes, size_t size);

/* The floor of an issuer's key list, persisted: ver 0: none seen. */
typedef struct KeysFloor {
        SetFloor floor;
        char roots[65]; /* what the roots of agentd.conf came to when it was taken */
        char own[65];   /* what those that it names come to */
} KeysFloor;

/* What roots and a threshold come to, to be compared. */
void roots_digest(const Jwk *roots, size_t n, uint32_t threshold, char ret[static 65]);
