/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much of its life the set in force has used up, iat to exp, and what was said of that.
 *
 *  L1 A set's age MUST be the older one that the two clocks give: one that is set back makes no set
 *     younger, as it makes no grant longer.
 *  L2 That 50 and 80 percent have passed and that it is over MUST each be told once for each set,
 *     over restarts of the agent, too; what was slept through is told by the last of them.
 *  L3 That it is over is told last; a set that is good for more than half of its life again is told
 *     as fresh, once, where something was said of the one before.
 *
 * What was said stands in /run (PATH_STALE_RUN): nothing of it decides, and after a boot it may be
 * said again. */

#include "nhi-agentd/agent.h"

/* The percent at which something is said. */
#define STALE_HALF 50u
#define STALE_LATE 80u
#define STALE_OVER 100u

/* What was told before, at start; once the issuers are loaded. What cannot be read was not told. */
void staleness_load(Agent *a);
/* Say what is to be said now. */
void staleness_review(Agent *a, Now now);

/* Age of the set in force, and how long it may be; s->set is there. */
int64_t staleness_age_usec(const IssuerState *s, Now now);
int64_t staleness_life_usec(const IssuerState *s);
/* 0, STALE_HALF, STALE_LATE or STALE_OVER. */
unsigned staleness_level(const IssuerState *s, Now now);
/* When a level is reached, on both clocks. */
Now staleness_point(const IssuerState *s, unsigned level);
