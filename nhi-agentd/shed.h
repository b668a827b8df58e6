/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the agent does about a flood of denials (A08): beyond limits.denials_* of its source a
 * denial is counted instead of written down, and EVENT_DENIALS says once a second how many there
 * were. A request of a person whose allowance is spent is denied without a decision.
 *
 *  D1 Only denials MUST be counted together, never what was let in, be it in observe mode.
 *  D2 Only who floods MUST be denied without a decision: requests of uid 0's own programs (sshd,
 *     cron), which ask on behalf of whoever comes, are always judged. */

#include "nhi-agentd/agent.h"

typedef struct Shed Shed;

int shed_new(Agent *a, Shed **ret);
/* What is counted is written down first. */
Shed *shed_free(Shed *s);
/* What is counted is written down now: the agent stops. */
void shed_flush(Shed *s);
/* Is a request of this process for this account and class denied without a decision? */
bool shed_is_due(Shed *s, uint32_t real_uid, const char *account, const char *class);
/* Count an EVENT_DENIAL that the process of real_uid caused, where its allowance is spent: true.
 * Else it is the caller's to write down. */
bool shed_counted(Shed *s, uint32_t real_uid, const Event *e);
/* Either: written down by itself, or counted. */
void shed_record(Shed *s, uint32_t real_uid, const Event *e);
