/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent's side of lib/wire/control.h: one request in, one reply out. The listener does the byte
 * I/O, the limits and the deadline; this decides who may ask what and answers. */

#include "nhi-agentd/agent.h"

#include <jansson.h>

/* uid, gid and pid are the peer's (SO_PEERCRED). 0 and an owned *ret_reply for everything that has
 * an answer, refusals included; a negative errno only where no reply can be made (-ENOMEM). */
int control_answer(Agent *a, uid_t uid, gid_t gid, pid_t pid, json_t *request, json_t **ret_reply);

/* How many grants are active, as status says it: counted on a host of few, else as many as the last
 * snapshot had. */
size_t control_n_active(const Agent *a, Now now);
