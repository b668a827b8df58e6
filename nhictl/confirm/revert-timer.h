/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What starts nhi-revert.service when nobody is left to do it: a transient timer of PID 1, which
 * needs no agent and no bus, and the unit itself at the next boot. */

#include <stdbool.h>
#include <stdint.h>

/* True where PID 1 is systemd. */
bool revert_timer_possible(void);
/* Have nhi-revert.service started at every boot, where a record waits for it. 0, or a negative
 * errno; what went wrong stands on stderr. */
int revert_timer_enable(void);
/* Start it in so many seconds; an older timer is replaced. As above. */
int revert_timer_arm(int64_t sec);
/* 0 too where there is none. */
int revert_timer_disarm(void);

typedef enum AgentLife {
        AGENT_LIFE_UNKNOWN, /* systemd does not tell */
        AGENT_LIFE_AWAY,    /* it does not run and is not being started */
        AGENT_LIFE_RUNS,
} AgentLife;
/* Does it pay to wait for the agent's answer? Its sockets take requests without it. */
AgentLife agent_life(void);
