/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Revocation lists: small, signed, the same for every host, and able to take away only. Promises,
 * cited by tests/unit/test-revocations.c:
 *
 *  R1 A list MUST NOT allow anything: what it says is asked beside the grant sets, after them.
 *  R2 Nothing of a list MUST be parsed before its signature verified, by a key that may sign them.
 *  R3 A lower version, or the same version with other bytes, MUST be refused; but where the roots
 *     took the right to sign from the key of the list in force, what their key list says of
 *     versions (keylist.h) counts instead.
 *  R4 No clock and no withheld list MUST give back what a list took: it speaks until a newer one of
 *     its issuer does. Of accounts and owners it names the grants that begin before its exp (or
 *     before the entry's own `before`), whatever the time is: each of them ends by itself.
 *  R5 An issuer MUST NOT name another's grants, but where agentd.conf lets it (`revokes`).
 *  R6 A key that a list in force names, its issuer's own or another's, MUST NOT sign a newer list:
 *     who stole it would lift its revocation. Another key of the issuer's does.
 *
 * Payload of the JWS, typ nhi-revocations+jwt:
 *
 *   { "format": 1, "iss": "https://grants.example.org", "aud": "*", "iat": SEC, "exp": SEC,
 *     "ver": MSEC, "ledger": "...",
 *     "revoked": [ { "kind": "grant" | "account" | "owner" | "issuer" | "key", "name": "...",
 *                    "issuer": "...", "before": SEC, "reason": "..." } ] }
 *
 * `ledger` may be left out: a publisher's own. `aud` is always "*": who may read a list learns
 * which grants are revoked, and no list can be kept from a host by its name. `issuer` is whose
 * grants are meant: the list's own where it is left out,
 * "*" for all that it reaches. A key is named by its kid. An entry's member that nobody knows is
 * passed over: it could only narrow the entry. An entry without kind or name that can be understood
 * is left out and told; the grant sets stay the truth. */

#include "nhi-agentd/set/set.h"

/* In place of a host's name, where sets are published; no host may have it. */
#define REVOCATIONS_NAME "revocations"

#define REVOCATIONS_SIZE_MAX         (4u * 1024 * 1024) /* of the JWS */
#define REVOCATIONS_MAX              16384u
#define REVOCATIONS_LIFETIME_MAX_SEC (90 * INT64_C(86400))
#define REVOCATIONS_SKIPPED_MAX      16u /* of what is left out so many are told one by one */
#define REVOCATIONS_AUDIENCE         "*"
#define REVOCATIONS_ANYBODY          "*" /* whose grants */

typedef enum RevocationKind {
        REVOCATION_GRANT,
        REVOCATION_ACCOUNT,
        REVOCATION_OWNER,
        REVOCATION_ISSUER,
        REVOCATION_KEY,
        REVOCATION_N,
} RevocationKind;

const char *revocation_kind_name(RevocationKind k);
/* REVOCATION_N where there is none of that name. */
RevocationKind revocation_kind_find(const char *name);

typedef struct Revocation {
        RevocationKind kind;
        const char *name, *issuer;
        const char *reason; /* "" where none is given */
        int64_t before_sec; /* grants that begin before it */
} Revocation;

typedef struct RevocationList {
        const char *issuer;
        const char *title; /* "the revocation list of ISS, version N" */
        int64_t iat_sec, exp_sec, ver;
        char hash[65]; /* of the JWS bytes */
        char kid[JWK_KID_SIZE + 1];
        bool is_trusted;           /* its key is still one that may sign lists */
        const Revocation *entries; /* by kind, name and issuer, each once */
        size_t n_entries;
        size_t first[REVOCATION_N + 1]; /* where each kind's entries begin; the last: their end */
        bool has_anybody;               /* some are of "*" */
        const char *skipped[REVOCATIONS_SKIPPED_MAX]; /* what is left out, and why */
        size_t n_skipped;                             /* all of them */
        void *storage;
} RevocationList;

RevocationList *revocation_list_free(RevocationList *l);

/* Where the bytes come from. */
typedef enum RevocationsFrom {
        REVOCATIONS_OFFERED,
        /* They were believed once and have the floor's hash: they are held against neither clock
         * nor floor, and stay believed though their key is trusted no longer (R4). */
        REVOCATIONS_KEPT,
} RevocationsFrom;

/* 0 and an owned *ret; SET_E_REFUSED and *ret_error, with the codes of SetError, "reach" where the
 * key may not sign lists, and "archive" where kept bytes are others; -ENOMEM. */
int revocations_verify(const char *jws, size_t size, const SetPolicy *policy, const SetFloor *floor,
                       Now now, RevocationsFrom from, RevocationList **ret, SetError *ret_error);

/* One issuer's list, or the knowledge that it had one. */
typedef struct Revoker {
        const SetPolicy *policy;
        const RevocationList *list; /* NULL: none */
        bool is_lost;               /* it had one, which cannot be read any more */
        bool is_own_only;           /* it says nothing of other issuers' grants */
} Revoker;

/* In time that grows with the logarithm of the list. *ret_entry: what names it, where it is named;
 * may be NULL. */
ListVerdict revoker_judge(const Revoker *r, const Grant *g, const Revocation **ret_entry);
/* True where an entry names the key, for whatever it signs. */
bool revoker_names_key(const Revoker *r, const char *issuer, const char *kid);

/* Within the room: the order of entries. */
int revocation_compare(const Revocation *a, RevocationKind kind, const char *name,
                       const char *issuer);
