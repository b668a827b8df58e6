/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is fetched of an issuer: its sets always, and beside them what somebody may sign, from the
 * places that have a name of its own for it. sources.json lists that, and of nothing else does
 * anybody tell how its source fares. */

#include "lib/wire/feed.h"
#include "nhi-agentd/config/config.h"

/* From this place (heard.h). Any numbers may be asked for. */
bool fetched_from(const Issuer *issuer, uint32_t object, size_t place);
/* From any. */
bool fetched_at_all(const Issuer *issuer, uint32_t object);
