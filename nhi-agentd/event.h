/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every kind of event that nhi writes down: one table of name (NHI_EVENT=), MESSAGE_ID, syslog
 * priority. conf/nhi.catalog explains each to the administrator; `make lint` compares the two.
 * GATES_REMOVED is written by the scripts of packages that are removed. */

#include "nhi-agentd/caller.h"
#include "nhi-agentd/core/decide.h"

/* X(NAME, "event name", MESSAGE_ID, priority) */
#define EVENTS(X)                                                                                  \
        X(DECISION, "decision", "ac465a7b7bbe42e195cc42f76bbae1a5", 6)                             \
        X(DENIAL, "denial", "745c5aac42a24880bb03925700a43b98", 5)                                 \
        X(DENIALS, "denials", "ffbb2be24aa64cff8ec7438d1f586212", 4)                               \
        X(WOULD_DENY, "would-deny", "8dd778e9e43a4c8087cb0ea34e2371ad", 5)                         \
        X(EXEMPTION, "exemption", "efc87d1ad2684662805a685b0f331f6b", 5)                           \
        X(SESSION_START, "session-start", "bf23875270b84f1b882c2d80d01bd160", 6)                   \
        X(SESSION_END, "session-end", "3524ce3f8fc84159a19de7c54d7640e5", 6)                       \
        X(SET_ACCEPTED, "set-accepted", "47fece71608b4b7fa354c191069c4995", 5)                     \
        X(SET_REFUSED, "set-refused", "79429818dca04c7ebc1cf8ee13d0cd6c", 3)                       \
        X(QUARANTINE, "quarantine", "1a80c01d526b43adac35e470082e671e", 4)                         \
        X(REVOCATIONS, "revocations", "73ddf780c17a47ed9f30c082ed9a74d9", 5)                       \
        X(KEYS, "keys", "077fc4c7bd5a4e80907293ceae26cafe", 5)                                     \
        X(SET_FRESH, "set-fresh", "013733d4edbf4bd4a95722fefd1e7ab9", 6)                           \
        X(AGENT_START, "agent-start", "0508909af2f2480fbddee5a22b6195a7", 5)                       \
        X(AGENT_STOP, "agent-stop", "aaa8bff61d134c12bf199a840c2ca936", 5)                         \
        X(CONFIG_CHANGED, "config-changed", "172e267728ef478cab8ae98dc14df126", 5)                 \
        X(CONFIG_REFUSED, "config-refused", "31ff026441754d43a89ee6fe9f44801a", 3)                 \
        X(SOURCE_STALE, "source-stale", "c1e896a6b15a4215a42d43dae04f26bb", 4)                     \
        X(SET_EXPIRED, "set-expired", "6cc8bdb65c134b7ea6dbc0468c9134fb", 2)                       \
        X(SOURCE_FRESH, "source-fresh", "8c6838928e7c4067b56211371bf3aee1", 5)                     \
        X(SURVIVOR, "survivor", "8bbc26b3e72e49bb9dee6493401d103f", 2)                             \
        X(STRAY, "stray", "b08bb49b35b2469aa44a36bdec21e75c", 4)                                   \
        X(MEMBERSHIP_END, "membership-end", "76f30746a0dc4bf09982e23961445b8c", 5)                 \
        X(LEFTOVER, "leftover", "0828da07b7464da5aa36b715d082dd7d", 4)                             \
        X(GRANT_ENDED, "grant-ended", "1cf0fe6a30d644749b9502a9f4643789", 6)                       \
        X(LOG_CREATED, "log-created", "deadbc9589a24c5cb8493c0f5774e201", 5)                       \
        X(SEGMENT, "segment", "926479add61a48a3affb3498a8800c92", 6)                               \
        X(SEGMENT_END, "segment-end", "de5ceef9c24645f2a97a0fad654be053", 6)                       \
        X(LOG_TORN, "log-torn", "54bda37de8974a76852cb5b29cdda7f6", 4)                             \
        X(LOG_PRUNED, "log-pruned", "1ab6bd8543ce44fbb94c719566d01cdd", 5)                         \
        X(GRANT_USED, "grant-used", "420274e3a3ef444590cd5bfb96863be5", 6)                         \
        X(LOG_FAILED, "log-failed", "c6a299cb5bb042e6addecb429f7efb62", 1)                         \
        X(LOG_RESUMED, "log-resumed", "8d6bbb6d754947bab661edd3afa8842f", 4)                       \
        X(LOG_SPACE, "log-space", "7c89b11fa71041bc85e513353b230e06", 2)                           \
        X(LOG_HEAD, "log-head", "3ee6a538679d4592b6ce7ff3065b299c", 6)                             \
        X(GATES_REMOVED, "gates-removed", "e90b37bced0b42b0ae063aa6b5d7de96", 1)                   \
        X(ENFORCE_PENDING, "enforce-pending", "69ad1475b83648dba8a1dd241eb18838", 5)               \
        X(ENFORCE_CONFIRMED, "enforce-confirmed", "32febf3952a34190b9cf2a5acb3f5653", 5)           \
        X(ENFORCE_REVERTED, "enforce-reverted", "e79ce1821c7546628b853f6601f697d8", 4)

typedef enum EventKind {
#define EVENT_ENUM(name, text, id, priority) EVENT_##name,
        EVENTS(EVENT_ENUM)
#undef EVENT_ENUM
                EVENT_N
} EventKind;

/* The table, for who writes events down: EventRow events[EVENT_N] = { EVENTS(EVENT_ROW) }. */
typedef struct EventRow {
        const char *name, *message_id;
        int priority;
} EventRow;
#define EVENT_ROW(name, text, id, priority) [EVENT_##name] = { text, id, priority },

/* One event, before it is written anywhere. Texts are borrowed; NULL is left out. The journal's
 * fields are in parentheses. */
typedef struct Event {
        EventKind kind;
        const char *message;               /* MESSAGE=; NULL: made from the rest */
        const char *account;               /* NHI_ACCOUNT= */
        uint32_t uid;                      /* NHI_UID= where account is set */
        const char *account_kind;          /* NHI_KIND= workload human agent */
        const char *class, *service;       /* NHI_CLASS= NHI_SERVICE= (PAM service) */
        const char *phase;                 /* NHI_PHASE= account open-session command keys ... */
        const char *target, *target_group; /* NHI_TARGET= NHI_TARGET_GROUP= */
        const char *command;               /* NHI_COMMAND= */
        const char *mode;                  /* NHI_MODE= enforce observe exempt */
        bool has_decision;
        Decision decision;               /* NHI_VERDICT= NHI_REASON= NHI_UNTIL= and, from its grant,
                                            NHI_GRANT= NHI_SUBJECT= (sub) NHI_ACTOR= (act chain, " < ")
                                            NHI_OWNER= NHI_WHY= NHI_TICKET= NHI_ISSUED_BY= NHI_SET= */
        const Grant *grant;              /* for events without a decision */
        const char *rhost, *tty, *ruser; /* NHI_RHOST= NHI_TTY= NHI_RUSER= : labels */
        const Caller
                *caller; /* NHI_PID= NHI_UNIT= NHI_INVOCATION= NHI_AUDIT_SESSION= NHI_LOGINUID= */
        const char *session;         /* NHI_SESSION= our session id */
        const char *scope;           /* NHI_SCOPE= */
        const char *code, *detail;   /* NHI_CODE= NHI_DETAIL= refusals, quarantine, errors */
        int64_t took_usec;           /* NHI_TOOK_USEC= of what was ended; 0: none */
        uint32_t n_survivors;        /* NHI_SURVIVORS= session-end, membership-end, survivor */
        uint64_t decision_id;        /* NHI_DECISION= */
        uint64_t n_denials;          /* NHI_COUNT= denials; membership-end, stray: processes */
        int64_t first_sec, last_sec; /* NHI_FIRST= NHI_LAST= denials: of the first and last one */
        const char *set;             /* NHI_SET= where there is no grant: set-accepted */
        uint32_t use;                /* NHI_USE= of a session of a counted grant; 0: not counted */
        const char *boot;            /* boot id; in the log only, the journal has it */
        const char *head;            /* NHI_HEAD= log-head: a compact JWS. In the journal only */
} Event;

const char *event_name(EventKind k);
const char *event_message_id(EventKind k);
int event_priority(EventKind k);
