/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The payload of a grant set into structures, inside nhi-agentd/set. */

#include "nhi-agentd/set/members.h"

/* Members of the payload. */
typedef struct Envelope {
        const char *iss, *aud, *ledger;
        int64_t format, iat_sec, exp_sec, ver;
        const json_t *accounts, *grants; /* borrowed from the document */
} Envelope;
int envelope_decode(Decode *d, const json_t *payload, Envelope *ret);

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

typedef struct GrantEntry {
        Grant grant; /* jti likewise */
        bool decoded;
        EntryProblem problem;
} GrantEntry;

/* decode-account.c: 0 or -ENOMEM; problems stand in the entry. */
int account_decode(Decode *d, const json_t *v, AccountEntry *ret);
/* collide.c: entries that claim one name, uid or gid are all out (V31). */
int accounts_collide(Decode *d, AccountEntry *entries, size_t n);
int grants_collide(Decode *d, GrantEntry *entries, size_t n);

/* decode-grant.c, decode-term.c */
int grant_decode(Decode *d, const json_t *v, GrantEntry *ret);
int read_terms(Decode *d, const Member *m, const json_t *v, void *ret); /* into a Grant */

/* reach.c: DECODE_E_PROBLEM with code "reach" or "ceiling" where it does not cover. */
int reach_check_account(Decode *d, const Account *a);
int reach_check_grant(Decode *d, const Grant *g);

/* groups.c: may this host's group be given to somebody? */
int group_check(Decode *d, const char *group);
