/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The processes of one cgroup, ended one by one: where the group as a whole must not be killed (a
 * service's, one with somebody else's in it), or cannot be (Linux before 5.14).
 *
 *  W1 Only who is in the group and is meant MUST be signalled: looked at after its pidfd was
 *     opened.
 *  W2 Whoever forks MUST not get away by it: all are stopped, until a look finds nobody who runs,
 *     before the first is killed. */

#include "nhi-agentd/process.h"
#include "nhi-agentd/session/cgroup.h"

typedef struct Crowd {
        const Cgroup *group;
        const char *path;   /* as in /proc/PID/cgroup */
        ProcessMatch match; /* NULL: whoever is in the group */
        void *userdata;
} Crowd;

/* None of these takes longer than some hundredths of a second, and who was not met in that time
 * counts as there; only where nobody that is meant was met all of the group is looked at. How many
 * of it there are. */
size_t crowd_count(const Crowd *c);
/* Ask them to go, as PID 1 asks a scope: TERM, HUP for shells, CONT for who is stopped. How many
 * were asked, or would have been with more time: PID 1 asks those of a scope, later. */
size_t crowd_ask(const Crowd *c);
/* Stop all, kill all; it may have to be called again. How many
 * there were at the last look. */
size_t crowd_kill(const Crowd *c);

/* The same over any list of pids, for tests and for who knows them otherwise: list() stores up to n
 * and returns how many there are. */
typedef size_t (*CrowdList)(void *userdata, pid_t *ret, size_t n);
size_t crowd_kill_listed(CrowdList list, void *list_data, ProcessMatch match, void *match_data);

#ifdef NHI_TEST
extern uint64_t crowd_pass_usec; /* how long one pass may take */
#endif
