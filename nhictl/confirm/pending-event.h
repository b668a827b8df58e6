/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What became of an enforcement, in the journal, with the fields and MESSAGE_IDs of the agent's
 * events (nhi-agentd/event.h, conf/nhi.catalog). */

#include "nhictl/login.h"

#include "nhi-agentd/event.h"

/* login may be NULL. Best effort, and the last thing to do: a journal that hangs holds nothing up.
 */
void pending_event(EventKind kind, const Pending *p, const Login *login, const char *detail);
