/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the agent publishes: the gates file, the identity snapshot and the list of sources, all of
 * them in /run (memory, not disk). The gates come first: an account is gated before it is visible.
 */

#include "nhi-agentd/agent.h"

/* The gates file's text, malloc'ed, for these definitions. */
int publish_gates_text(const Config *config, const IdMap *idmap, char **ret, size_t *ret_size);
/* Write what changed. 0 or the first negative errno; a snapshot that cannot be built or written is
 * replaced by one that answers nothing. */
int publish(Agent *a);
/* /run/nhi/sources.json for nhi-fetchd; at start and when the configuration changed. */
int publish_sources(const Config *config);
