/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Entries of a believed set: each is taken or quarantined, none delays another (S3). */

#include "nhi-agentd/set/decode.h"

int compose_entries(Decode *d, const json_t *accounts, const json_t *grants);
