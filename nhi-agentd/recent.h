/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The last decisions that allowed something, so that later phases of one login or one sudo stay
 * with one grant. A hint: what is preferred still has to allow. Bounded; the oldest goes. */

#include "nhi-agentd/caller.h"

#define RECENT_MAX 64u

typedef struct Recent {
        uint64_t id; /* 0: empty */
        pid_t pid;
        int pidfd; /* ours; the same process as long as it lives */
        char account[257];
        char jti[65];
} Recent;

typedef struct RecentRing {
        Recent entries[RECENT_MAX];
        size_t next;
} RecentRing;

void recent_init(RecentRing *ring);
void recent_done(RecentRing *ring);
/* Takes over caller's pidfd. */
void recent_add(RecentRing *ring, uint64_t id, Caller *caller, const char *account,
                const char *jti);
/* The grant of decision id, or where id is 0 of the caller's own last decision; for this account.
 * NULL where none. */
const char *recent_find(const RecentRing *ring, uint64_t id, const Caller *caller,
                        const char *account);
