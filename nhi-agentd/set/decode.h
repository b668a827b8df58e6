/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The payload of a grant set into structures, inside nhi-agentd/set. */

#include "nhi-agentd/set/members.h"

/* Members of the payload. */
typedef struct Envelope {
        const char *iss, *aud, *ledger;
        int64_t format, iat_sec, exp_sec, ver;
        int64_t end_sec,
                heard_sec; /* exp and iat, or what a statement of freshness makes of them */
        const json_t *accounts, *grants; /* lists: that they are there, empty */
} Envelope;
int envelope_decode(Decode *d, const json_t *payload, Envelope *ret);
/* verify.c: neither iat nor ver far ahead of the clock; not below the floor, nor beside it. */
int envelope_check_not_ahead(Decode *d, const Envelope *e);
int envelope_check_floor(Decode *d, const Envelope *e, const SetFloor *floor, const char *hash);
/* verify.c: may this key sign something new now? */
int key_check_usable(Decode *d, const TrustedKey *key);
/* The stable token of a JWS that does not verify. */
const char *jws_error_code(JwsError e);
bool envelope_has(const char *member);

/* An entry on its way: judged by several rules, the first problem stays. */
typedef struct EntryProblem {
        const char *code; /* NULL: none */
        const char *detail;
} EntryProblem;

/* Remember the problem of d for an entry that has none yet; -ENOMEM or 0. */
int entry_refuse(Decode *d, EntryProblem *p);

/* The text of a member before its entry is read, so that a refused entry can be named. */
int entry_peek(Decode *d, const json_t *v, const char *member, bool (*valid)(const char *),
               const char **ret);

typedef struct AccountEntry {
        Account account; /* name where it could be read */
        bool decoded;    /* account is whole */
        EntryProblem problem;
} AccountEntry;

/* decode-account.c: 0 or -ENOMEM; problems stand in the entry. */
int account_decode(Decode *d, const json_t *v, AccountEntry *ret);
/* collide.c: entries that claim one name, uid or gid are all out (V31). */
int accounts_collide(Decode *d, AccountEntry *entries, size_t n);

/* What becomes of a grant that is good by itself. */
typedef enum GrantFate {
        GRANT_STANDS = 0,
        GRANT_HAS_TWIN,  /* one with the same jti: both are out, whatever is wrong with the other */
        GRANT_IS_BEYOND, /* SET_ACCOUNT_GRANTS_MAX of its account, by jti */
} GrantFate;
/* fates: n of GrantFate, zeroed. bad: jtis of those that are bad by themselves. */
int grants_collide(const Grant *grants, size_t n, const char *const *bad, size_t n_bad,
                   uint8_t *fates);

/* decode-grant.c, decode-term.c: 0 and d->term_list is the grant's; DECODE_E_PROBLEM and *ret has
 * the jti where it could be read; -ENOMEM. */
int grant_decode(Decode *d, const json_t *v, Grant *ret);
int read_terms(Decode *d, const Member *m, const json_t *v, void *ret); /* into a Grant */

/* reach.c: DECODE_E_PROBLEM with code "reach" or "ceiling" where it does not cover. */
int reach_check_account(Decode *d, const Account *a);
int reach_check_grant(Decode *d, const Grant *g, bool with_terms);

/* groups.c: may this host's group be given to somebody? */
int group_check(Decode *d, const char *group);
