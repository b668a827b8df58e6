/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What there is on this host to end sessions by: found once, when the agent starts.
 *
 *                 a session is           it ends by                          the agent is dead
 *   pid1          a scope of PID 1's     the bus, cgroup.kill                PID 1's timer
 *   own-cgroups   nhi/sN below the       cgroup.kill                         nothing, until it is
 * back agent's own cgroup processes     whom the leader began  pidfds, after looks at all of /proc
 * nothing, until it is back
 *
 * Only the first two promise an end whatever the session does; session/process-tree.h says what the
 * third asks for. */

#include "lib/base/macro.h"

#define MEANS_BASE_SIZE 256

typedef enum Means {
        MEANS_PID1 = 0,
        MEANS_CGROUPS,
        MEANS_PROCESSES,
        MEANS_N,
} Means;

typedef struct SessionMeans {
        Means kind;
        char base[MEANS_BASE_SIZE]; /* MEANS_CGROUPS: below which cgroup, as in /proc/PID/cgroup */
} SessionMeans;

/* Look for the best there is. It makes the base's cgroup, and leaves one of a session, should the
 * agent have been started in one. */
void means_detect(SessionMeans *ret);
/* "pid1", "own-cgroups" or "processes". */
const char *means_name(Means m);
