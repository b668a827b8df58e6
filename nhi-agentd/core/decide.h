/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The decision core. Total and pure: no fd, no clock, no log, no allocation, no environment; time
 * is an argument. This file's promises, which tests/unit/test-decide.c cites:
 *
 *  P1 A zeroed Decision, GrantStore, Grant or AccessRequest MUST deny.
 *  P2 One grant MUST allow the whole request; grants never combine.
 *  P3 Within a grant: some term of the fitting type MUST match in full; windows, from, keys,
 *     commands restrict; the earliest end wins.
 *  P4 A grant MUST be over when either clock says so; exp == now is over (T07). nbf has
 *     NBF_LEEWAY_SEC of leeway, exp none.
 *  P5 An unknown phase, service, type or flag MUST deny.
 *  P6 If several grants allow, the choice is: the one that carries the ssh key used, else the
 *     preferred one (parent session, earlier phase), else the latest end, else the lowest jti. */

#include "nhi-agentd/core/grant.h"
#include "nhi-agentd/core/reason.h"

#define NBF_LEEWAY_SEC 60

typedef struct Now {
        int64_t real_usec, boot_usec;
} Now;

typedef enum Verdict {
        VERDICT_DENY = 0,
        VERDICT_ALLOW,
} Verdict;

typedef enum RequestKind {
        REQUEST_NONE = 0,
        REQUEST_ACCOUNT, /* account phase: may a login, elevation or job begin at all? */
        REQUEST_SESSION, /* open_session: the same, with key and target known */
        REQUEST_COMMAND, /* sudo_nhi: target, group, command, edit */
        REQUEST_KEYS,    /* which grants have ssh keys for this account? (uid and origin unknown) */
        REQUEST_REVIEW,  /* a session that is open, judged again: as SESSION, but counted already */
} RequestKind;

typedef struct AccessRequest {
        RequestKind kind;
        const char *account;
        uint32_t uid;
        const char *class;        /* lib/base/service.h */
        bool elevation;           /* class is one of becoming somebody else */
        bool sudo_plugin;         /* sudo_nhi is configured, so narrow grants can be enforced */
        const char *target;       /* run-as user; NULL: not known yet */
        const char *target_group; /* NULL or "": the target's own */
        const char *command;      /* absolute path; NULL: not known in this phase */
        StrList argv;             /* argv[1..] */
        StrList edit;             /* sudoedit's files; n > 0 makes it an edit */
        const char *unit;         /* system unit of the caller, from PID 1; NULL: none */
        bool has_from;            /* from is an address */
        bool is_local;            /* no remote host at all (su, sudo, cron, unit) */
        uint8_t from[16];
        const SshKey *key;         /* NULL: not known */
        bool key_is_judged;        /* open_session of ssh: a missing key counts as a wrong one */
        const char *preferred_jti; /* the parent session's or the account phase's grant, or NULL */
        /* This very session is counted under this grant already, or NULL. A jti is its issuer's. */
        const char *counted_jti, *counted_issuer;
} AccessRequest;

/* What the revocation lists say of a grant. */
typedef enum ListVerdict {
        LIST_SILENT = 0,
        LIST_NAMES,
        LIST_UNKNOWN, /* one that might name it is lost */
} ListVerdict;

/* What the host adds: locks, given-back grants, sessions that were let in. Answers about one grant.
 */
typedef struct HostView {
        const StrList *locked;                            /* accounts and jtis, sorted */
        bool (*is_ended)(void *userdata, const Grant *g); /* or given back. NULL: none is */
        /* NULL: there are no lists. *ret_title: of the list that speaks, where one does. */
        ListVerdict (*lists)(void *userdata, const Grant *g, const char **ret_title);
        uint32_t (*n_uses)(void *userdata, const Grant *g); /* sessions let in. NULL: none */
        /* What a newer set that was verified, but is not in force yet, says of this grant: it has
         * to allow, too. NULL: nothing narrower. */
        const Grant *(*newest)(void *userdata, const Grant *g);
        void *userdata;
        bool clock_behind; /* realtime is below the persisted floor */
} HostView;

typedef struct Decision {
        Verdict verdict;
        Reason reason;
        const Grant *grant;    /* the one that allows, or the nearest miss; may be NULL */
        int64_t end_sec;       /* when this access ends, seconds since the epoch */
        int64_t boot_end_usec; /* the same on CLOCK_BOOTTIME */
} Decision;

Decision decide(const GrantStore *store, const HostView *host, const AccessRequest *request,
                Now now);

/* One grant alone, for `nhictl check` and for sessions: why it allows or does not. store says which
 * accounts are ours, with their uids. */
Decision decide_one(const GrantStore *store, const Grant *grant, const HostView *host,
                    const AccessRequest *request, Now now);

/* The rules of decide_one(), in order, for `nhictl check`: calls out(userdata, rule, held, detail)
 * for each rule that applies until the first that does not hold. detail lives for the call. */
typedef void (*RuleSink)(void *userdata, const char *rule, bool held, const char *detail);
Decision decide_explain(const GrantStore *store, const Grant *grant, const HostView *host,
                        const AccessRequest *request, Now now, RuleSink out, void *userdata);

/* When this grant's access ends if it is in force now (the earliest of its exp, the set's exp and
 * the window's end); 0 and false where it is not in force. Both clocks. */
bool grant_is_active(const Grant *grant, Now now, int64_t *ret_end_sec, int64_t *ret_boot_end_usec);
