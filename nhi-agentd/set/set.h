/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Grant sets: verify, decode, compose. Promises, cited by tests/unit/test-set.c:
 *
 *  S1 The payload MUST NOT be parsed before the signature over the received bytes verified.
 *  S2 A refused set MUST leave everything as it was; a set is taken whole or not at all.
 *  S3 One entry whose content this host refuses, or that it does not understand, MUST be
 *     quarantined with its reason and MUST NOT delay the rest.
 *  S4 A lower version, or the same version with other bytes, MUST be refused.
 *  S5 What a key's reach or the host's ceiling does not cover MUST be quarantined.
 *
 * jansson and libsodium; no fd, clock, log. Local files come in as a LocalDb (localdb.h), ids ever
 * seen as an IdMap (idmap.h). */

#include "lib/base/macro.h"
#include "lib/jose/jose.h"
#include "nhi-agentd/core/decide.h"

typedef struct LocalDb LocalDb;     /* set/localdb.h */
typedef struct IdMap IdMap;         /* set/idmap.h */
typedef struct Freshness Freshness; /* set/freshness.h */

/* Bounds of one set; an excess refuses the set.
 *
 * What it costs: the JWS stays where the caller has it and is read through a window of some 100 KiB
 * (one entry, where that is larger); of ordinary grants, two terms each and ten or more to an
 * account, each takes less than 400 bytes while the set lives, and some 100 more while it is
 * verified. A set of SET_GRANTS_MAX is about 800 MB as a JWS and 310 MB in the agent. */
#define SET_SIZE_MAX     (1024u * 1024 * 1024)
#define SET_ACCOUNTS_MAX 34464u /* as many as there are ids, ID_MIN..ID_MAX */
#define SET_GRANTS_MAX   1000000u
#define GRANT_LIST_MAX   256u
#define GRANT_TEXT_MAX   1024u
#define SET_AHEAD_SEC    60 /* iat or ver further ahead of the clock refuses the set */

/* Grants of one account, the first by jti; the others are quarantined. A decision judges each grant
 * of the account, on the agent's only loop. */
#define SET_ACCOUNT_GRANTS_MAX 16384u
/* Of what is quarantined so many are told one by one; the others are counted. */
#define SET_QUARANTINE_MAX 1024u

typedef struct TrustedKey {
        Jwk jwk;
        Reach reach;
        int64_t nbf_sec, exp_sec; /* of what it signs anew; 0: whenever */
        bool is_retired;          /* it signs nothing anew */
} TrustedKey;

#define KEYLIST_ROOTS_MAX 8u

/* What this host believes, from agentd.conf. */
typedef struct SetPolicy {
        const char *issuer;   /* iss */
        const char *audience; /* aud: this host's name */
        const TrustedKey *keys;
        size_t n_keys;
        Reach ceiling;          /* of the host, whoever signs */
        StrList groups_allowed; /* root-equivalent groups that may be granted all the same */
        StrList revokes;  /* other issuers whose grants its revocation lists may name; globs */
        const Jwk *roots; /* that sign its key list (keylist.h) */
        size_t n_roots;   /* KEYLIST_ROOTS_MAX at most; 0: it has none */
        uint32_t root_threshold;
        int64_t fresh_max_sec; /* how old a set may grow by statements of freshness; 0: they are not
                                  heard */
        const Freshness *fresh[2]; /* believed for sets of this issuer; NULL: none */
} SetPolicy;

/* The floor of one issuer, persisted. */
typedef struct SetFloor {
        int64_t ver;   /* 0: none seen */
        char hash[65]; /* hex BLAKE2b-256 of the JWS bytes of that version; "" where none */
} SetFloor;

typedef struct Quarantine {
        const char *entry; /* "grant g-01JD…" / "account svc-x" / "grants[3]" */
        /* Stable token: unknown-member unknown-type member-missing member-type member-value
         * lifetime uid-range uid-subordinate uid-local gid-local name-local name-owned uid-changed
         * uid-tombstone gid-tombstone name-collision uid-collision gid-collision jti-collision
         * account-quarantined account-limit group-root-equivalent group-is-account reach ceiling */
        const char *code;
        const char *detail;
} Quarantine;

typedef struct GrantSet {
        const char *issuer, *audience, *ledger;
        int64_t iat_sec, ver;
        int64_t exp_sec; /* its end here: its own, or the later one of a statement of freshness */
        int64_t own_exp_sec; /* as it says itself */
        int64_t heard_sec;   /* iat of what was heard last of it: of that statement, or its own */
        char hash[65];       /* of the JWS bytes */
        char kid[JWK_KID_SIZE + 1];
        const Account *accounts;
        size_t n_accounts;
        const Grant *grants;
        size_t n_grants;
        const Quarantine *quarantine;
        size_t n_quarantine;
        size_t n_quarantined; /* all of them, told or not */
        void *storage;
} GrantSet;

GrantSet *grant_set_free(GrantSet *s);

#define SET_DETAIL_MAX 256
typedef struct SetError {
        /* Stable token: size segments base64 header algorithm type key signature json format
         * unknown-member member-missing member-type member-value limit issuer audience ahead
         * version-floor equivocation lifetime expired key-revoked key-retired key-early key-expired
         * reach archive root-threshold payloads */
        char code[32];
        char detail[SET_DETAIL_MAX];
} SetError;

#define SET_E_REFUSED   1 /* *ret_error says why */
#define SET_E_UNCHANGED 2 /* the very bytes that are in force */

/* Fill *ret, cut to fit; returns SET_E_REFUSED. */
_printf_(3, 4) int set_refused(SetError *ret, const char *code, const char *format, ...);

/* Verify and decode the bytes of one set, which nobody may change meanwhile (S1): memory of the
 * caller's own, or a mapping of what is sealed. now.boot_usec becomes the base of each grant's
 * boot_end_usec. idmap is read, not changed (idmap_learn() commits what an accepted set defines).
 * at_start: the archived set is loaded again: its own version is then not "unchanged", and it is
 * not held against the clock: what it granted ends by each grant's own time, and a clock that was
 * set back is the agent's to notice. */
int grant_set_verify(const char *jws, size_t size, const SetPolicy *policy, const SetFloor *floor,
                     const LocalDb *local, const IdMap *idmap, Now now, bool at_start,
                     GrantSet **ret, SetError *ret_error);

/* Hex BLAKE2b-256 of bytes. */
void content_hash(const void *data, size_t size, char ret[static 65]);

/* The union of current sets, for the core. Owned pointers into the sets: rebuild after a change. */
int grant_store_build(const GrantSet *const *sets, size_t n_sets, GrantStore *ret);
void grant_store_done(GrantStore *s);
