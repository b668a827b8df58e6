/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent as metrics: one table of families, which agentd.conf(5) explains. What stands there is
 * what `nhictl status` tells everybody, and counts: no account, no grant, no secret. Labels are
 * issuers, their places, and words of our own. */

#include "nhi-agentd/agent.h"

/* The whole text, malloc'ed, NUL-terminated. 0, -ENOMEM. */
int metrics_page(Agent *a, Now now, char **ret, size_t *ret_size);
