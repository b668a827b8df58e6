/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The one deadline at which access may change by itself, on both clocks: grants begin and end,
 * windows open and close, sets go stale, sessions end. A clock that is set fires it too
 * (TFD_TIMER_CANCEL_ON_SET). When it fires the agent refreshes, which arms it anew. */

#include "nhi-agentd/agent.h"

int expiry_new(Agent *a, Expiry **ret);
Expiry *expiry_free(Expiry *x);
/* now is the moment for which everything was judged: what has passed since fires at once. */
int expiry_arm(Expiry *x, Now now);

/* The deadlines themselves, microseconds, INT64_MAX: none. Pure but for the agent. */
void expiry_next(Agent *a, Now now, int64_t *ret_real_usec, int64_t *ret_boot_usec);
