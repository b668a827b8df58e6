/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a verified grant set says, in fixed structures, as nhi-agentd/set decoded it. Plain data:
 * everything points into storage that the GrantSet's owner frees at once. A zeroed grant allows
 * nothing. */

#include "nhi-agentd/core/window.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 9999-12-31T23:59:59Z. A time beyond it is no time. */
#define TIME_SEC_MAX INT64_C(253402300799)
/* Terms of one grant; the core judges no term beyond. */
#define GRANT_TERMS_MAX 32u

typedef struct StrList {
        const char **items;
        size_t n;
} StrList;

typedef struct Cidr {
        uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d */
        uint8_t prefix;   /* 0..128, over the mapped form */
} Cidr;

/* The public key of an ssh key line: algorithm and base64 blob, comment dropped. */
typedef struct SshKey {
        const char *algorithm, *blob;
} SshKey;

typedef struct Command {
        StrList argv; /* absolute path and exact arguments */
} Command;

/* Nested actors, RFC 8693 section 4.1. */
typedef struct Actor {
        const char *sub;
        const struct Actor *prior;
} Actor;

typedef enum TermType {
        TERM_NONE = 0,
        TERM_LOGIN,   /* services, from, ssh_keys, user_manager */
        TERM_ELEVATE, /* services, run_as, run_as_groups, commands, edit */
        TERM_UNIT,    /* units */
        TERM_GROUP,   /* groups */
} TermType;

/* One entry of authorization_details (RFC 9396). */
typedef struct Term {
        TermType type;
        bool user_manager;
        bool has_commands; /* the member was there: only those; not there: any, but a term with an
                              edit list and no commands allows only the edits */
        StrList services;  /* classes of lib/base/service.h */
        const Cidr *from;  /* none: anywhere */
        size_t n_from;
        const SshKey *ssh_keys; /* none: the term binds no key */
        size_t n_ssh_keys;
        StrList run_as;        /* account names; "*" is any. Empty allows none */
        StrList run_as_groups; /* group names; "*" is any. Empty: the target's own */
        const Command *commands;
        size_t n_commands;
        StrList edit; /* files that sudoedit may open, exactly; empty: none */
        StrList units;
        StrList groups;
} Term;

typedef struct Grant {
        const char *jti, *account, *sub, *owner, *reason;
        const char *ticket, *issued_by; /* "" where absent */
        const Actor *act;               /* NULL where absent */
        const char *approvals_json;     /* "[]" or the array as it stands */
        const char *terms_json;         /* authorization_details as it stands, for display */
        int64_t nbf_sec, exp_sec;
        int64_t set_exp_sec;   /* the offline limit of the set it came in */
        int64_t boot_end_usec; /* CLOCK_BOOTTIME by which it is over, set at acceptance; 0: over */
        const Term *terms;     /* shared by grants that have the same */
        const Window *windows; /* none: always */
        StrList windows_text;
        uint32_t n_terms, n_windows;
        uint32_t max_sessions; /* 0: no limit */
        const char *issuer, *set_hash;
        const char *kid; /* of the key that signed the set; NULL: not known */
} Grant;

typedef enum AccountKind {
        KIND_UNKNOWN = 0,
        KIND_WORKLOAD,
        KIND_HUMAN,
        KIND_AGENT,
} AccountKind;

const char *account_kind_name(AccountKind k);

typedef struct Account {
        const char *name, *owner, *gecos, *home, *shell;
        AccountKind kind;
        uint32_t uid, gid;
        const char *issuer;
} Account;

/* What a key may sign, or what the host lets anybody sign. Globs; an empty list allows nothing. */
typedef struct Reach {
        bool sign_accounts, sign_ssh_keys, sign_grants;
        StrList accounts, services, groups, run_as;
        int64_t lifetime_max_sec; /* 0: none allowed */
        bool sign_revocations;    /* of a key only: it takes away, and gives nothing */
        bool sign_freshness;      /* of a key only: it says that a set is still the newest */
} Reach;

/* Grants in force, indexed by account: pointers sorted by (account, jti). Built by
 * nhi-agentd/set; the core only searches it. */
typedef struct GrantStore {
        const Grant *const *grants;
        size_t n_grants;
        const Account *const *accounts; /* sorted by name */
        size_t n_accounts;
        int64_t set_exp_sec; /* the latest offline limit of all issuers; 0: no verified set */
        /* The same n_grants in other orders. */
        const Grant *const *by_jti;
        const Grant *const *by_begin; /* nbf_sec, then jti */
        const Grant *const *by_end;   /* exp_sec, then jti. Within one set it is the order of
                                         boot_end_usec, too, where that is not the set's own */
        const Grant *const *windowed; /* those with windows, by_end's order */
        size_t n_windowed;
        const Grant *const
                *hidden; /* by_jti's order: another issuer's grant of that jti is heard */
        size_t n_hidden;
} GrantStore;

/* First grant of the account and how many follow each other; NULL and 0 where none. */
const Grant *const *grant_store_find(const GrantStore *s, const char *account, size_t *ret_n);
const Account *grant_store_account(const GrantStore *s, const char *name);
const Grant *grant_store_grant(const GrantStore *s, const char *jti); /* NULL where none */
