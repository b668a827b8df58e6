/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An enforcement that undoes itself unless a new login confirms it. Its promises:
 *
 *  C1 Nothing MUST be enforced before the record that undoes it is durable and PID 1's timer is
 *     armed: whatever is killed between two steps, the host ends in the modes from before.
 *  C2 Only a login that began while the enforcement was in force MUST confirm it.
 *  C3 An enforcement that nobody confirmed MUST be undone with the agent dead, and after a restart.
 */

#include "nhictl/confirm/pending.h"
#include "nhictl/modes-change.h"

#define CONFIRM_WITHIN_MIN_SEC 10
#define CONFIRM_WITHIN_MAX_SEC 86400

/* All are VerbStatus, and say what happened. The lock is the caller's. */
int confirm_begin(const ModesChange *c, int64_t within_sec);
/* VERB_PROBLEM where an enforcement waits for its confirmation: no other one until then. */
int confirm_check_none(void);
/* observe: run the change, and have what was observed wait for no confirmation any more. */
int confirm_observe(const ModesChange *c, Pending *p);

/* The verb's --confirm and --revert [--if-due]; they take the lock. */
int confirm_run(const Call *call);
int confirm_revert(const Call *call, bool if_due);

/* True where an enforcement was confirmed on this host, ever. */
bool confirm_is_known_here(void);
