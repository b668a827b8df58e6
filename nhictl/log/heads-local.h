/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What this host itself has kept of its log's heads, outside the log. */

#include "nhictl/log/heads.h"

#include <jansson.h>

#define LOG_HEADS_JOURNAL_MAX 1024u

/* The host's key: the public half of the key file where that may be read, else what the agent
 * tells. 0; -ENOENT where neither is there. */
int log_heads_local_key(Jwk *ret);

/* The newest LOG_HEADS_JOURNAL_MAX of the journal, of those that the agent's own unit sent as uid
 * 0; the one in the agent's state, where that may be read; and what the agent that runs says its
 * last record is. 0, also where there are none; -ENOMEM. */
int log_heads_read_local(LogHeads *h);

/* The last record as the agent's status names it. 0 or -EBADMSG: it has no log open. */
int log_heads_parse_status(const json_t *status, int64_t now_usec, LogHead *ret);
