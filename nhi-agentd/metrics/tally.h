/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What happened since the agent started, counted from the very events that are written down.
 * Everything is of fixed size, whatever names come: no account, no grant, no PAM service is a
 * place of its own. Pure. */

#include "nhi-agentd/event.h"

/* X(NAME, "label") */
#define TALLY_VERDICTS(X)                                                                          \
        X(ALLOW, "allow")                                                                          \
        X(DENY, "deny")                                                                            \
        X(WOULD_DENY, "would-deny")                                                                \
        X(EXEMPT, "exempt")

typedef enum TallyVerdict {
#define TALLY_ENUM(name, label) TALLY_##name,
        TALLY_VERDICTS(TALLY_ENUM)
#undef TALLY_ENUM
                TALLY_VERDICT_N
} TallyVerdict;

/* Service classes; all of "pam:NAME" are one, and so is what has none. */
#define TALLY_CLASS_N 10u
extern const char *const tally_classes[TALLY_CLASS_N];
extern const char *const tally_verdicts[TALLY_VERDICT_N];

/* How long ending a session took: up to and with so many milliseconds, and beyond the last. */
#define TALLY_BUCKET_N 9u
extern const int64_t tally_buckets_msec[TALLY_BUCKET_N];

typedef struct Tally {
        uint64_t decisions[TALLY_VERDICT_N][TALLY_CLASS_N];
        uint64_t denials[REASON_N], would_deny[REASON_N];
        uint64_t n_sets_accepted, n_sets_refused;
        uint64_t n_started, n_ended;           /* sessions */
        uint64_t ended_in[TALLY_BUCKET_N + 1]; /* those of them that were made to end */
        int64_t ended_usec;                    /* all of those together */
        uint64_t n_survivors;                  /* processes */
        uint64_t n_log_failures;
} Tally;

void tally_event(Tally *t, const Event *e);
