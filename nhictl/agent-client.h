/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One exchange with the agent of this host, by lib/wire/control.h. */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How long nhictl waits for an answer, all in all. */
#define AGENT_DEADLINE_USEC (10u * 1000 * 1000)

/* Send request (borrowed) and receive the reply. 0 and an owned *ret, a JSON object, whatever its
 * "ok" says; -EBADMSG where the peer does not speak the protocol; -EMSGSIZE where the request is
 * too large; or a negative errno: -ENOENT and -ECONNREFUSED mean that no agent listens. */
int agent_call(json_t *request, json_t **ret);
/* The same to any socket of any owner, within usec: for tests. */
int agent_call_at(const char *path, uid_t owner, json_t *request, uint64_t usec, json_t **ret);

/* Has nhictl init, or an administrator, configured an agent on this host? */
bool agent_is_set_up(void);
#define AGENT_SET_UP_BY "nhictl init --local, or nhictl init --source URL --trust FILE"

/* For verbs: steal request (NULL: memory), call, and say what went wrong. VERB_OK and an owned *ret
 * whose "ok" is true; else the exit status: unreachable 3, denied 1, usage 2, everything else 5. */
int agent_ask(json_t *request, json_t **ret);
