/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writing down what is over: grants whose end has passed, so that no clock revives them (T01, T03),
 * and grants that went with a set. Both are denied already, by the clock and by the set: this is
 * the memory of it, and it is made in small turns, however many end in one second. */

#include "nhi-agentd/agent.h"
#include "nhi-agentd/standing.h"

/* Grants looked at in one turn of the loop. */
#define ENDED_TURN_MAX 256u

int ended_new(Agent *a, Ended **ret);
/* What was revoked is written down first. */
Ended *ended_free(Ended *e);
/* Begin anew: other grants are in force. Remembers all that is over now; one turn at once. */
void ended_restart(Ended *e);
/* The clocks went on. */
void ended_note(Ended *e);
/* Write down each of these as over, for code: "revoked", by a newer set; "withdrawn", with its set,
 * which the policy refuses; "issuer-removed". Takes gone->grants, and set, which they point into.
 */
void ended_by_set(Ended *e, GrantList *gone, GrantSet *set, const char *code);
/* Is everything written down? */
bool ended_is_settled(const Ended *e);
/* Forget what no set has had for so long that none can bring it back: there is room for more. */
void ended_prune(Agent *a, int64_t now_sec);
