/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* After sessions have ended, nhi-leftovers.service looks for what they left behind, and tells the
 * agent by the control socket. However many end at once, it is started some seconds later, once,
 * and not again before it has rested, so that it never takes more than a small part of a host that
 * is busy; who ended meanwhile is looked after by the next run. */

#include "nhi-agentd/agent.h"

#define LEFTOVERS_UNIT       "nhi-leftovers.service"
#define LEFTOVERS_DELAY_USEC 5000000ull  /* for the last process, and for others that end now */
#define LEFTOVERS_REST_USEC  30000000ull /* between two starts */
#define LEFTOVERS_REST_TIMES 20u         /* and so many times as long as the last run took */

int leftovers_new(Agent *a, Leftovers **ret);
Leftovers *leftovers_free(Leftovers *l);
/* A session under a grant ended now. NULL is accepted here and below. */
void leftovers_session_ended(Leftovers *l);
/* A run that began then has told everything: who ended since is not looked after yet. */
void leftovers_reported(Leftovers *l, int64_t begin_sec);
/* When a start is due that is asked for now, the last one having been at last_usec (0: none) and
 * having taken took_usec: microseconds from now. Pure. */
uint64_t leftovers_wait_usec(uint64_t last_usec, uint64_t took_usec, uint64_t now_usec);
