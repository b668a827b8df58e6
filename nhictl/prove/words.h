/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names and sentences of the tables in prove.h. */

#include "nhictl/prove/prove.h"

extern const char *const witness_names[WITNESS_N], *const witness_meanings[WITNESS_N];
extern const char *const gap_names[GAP_N], *const gap_meanings[GAP_N];
extern const char *const finding_names[FINDING_N], *const finding_meanings[FINDING_N];
