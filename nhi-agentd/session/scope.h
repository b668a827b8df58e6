/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The transient units that nhi asks PID 1 for: the scope of a session that is in no session scope
 * of its own, and the timer that ends a session when the agent is dead (the backstop). */

#include "nhi-agentd/session/bus.h"

#include <sys/types.h>

#define UNIT_NAME_SIZE 256 /* with NUL: systemd's UNIT_NAME_MAX */

/* The backstop begins when a living agent has killed what did not obey, so that it never runs
 * beside one: it asks, and then kills. What a dead agent leaves is gone a second after the grace.
 */
#define BACKSTOP_MARGIN_USEC 250000ll /* for the agent's own kill */
#define BACKSTOP_ASK_TEXT    "0.5"    /* seconds, for timeout(1) */
int64_t backstop_after_usec(uint64_t grace_usec);

/* "nhi-JTI-N.scope"; "nhi-end-ID-N.timer" (or .service). 0, or -EINVAL for a jti or id that no unit
 * may be named after. */
int scope_name_format(const char *jti, uint64_t n, char ret[static UNIT_NAME_SIZE]);
int backstop_name_format(const char *id, unsigned n, const char *suffix,
                         char ret[static UNIT_NAME_SIZE]);

typedef struct ScopeSpec {
        const char *name, *description;
        const char *bind_to; /* unit whose end ends this one; NULL: none */
        pid_t pid;
        uid_t uid; /* below user-UID.slice */
        uint64_t stop_usec;
} ScopeSpec;
int scope_message(Bus *b, const ScopeSpec *spec, sd_bus_message **ret);

typedef struct BackstopSpec {
        const char *timer, *service; /* names */
        const char *unit;            /* what to end */
        bool is_bound;               /* the timer goes with the unit: it is there, and started */
        int64_t real_usec;           /* when, CLOCK_REALTIME; and */
        int64_t left_usec;           /* in how long, whichever comes first */
} BackstopSpec;
int backstop_message(Bus *b, const BackstopSpec *spec, sd_bus_message **ret);

/* "2026-11-21 22:48:51.500000 UTC", as systemd.time(7) reads it. */
int calendar_format(int64_t real_usec, char *ret, size_t size);
