/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdbool.h>

/* Refuse allocations as fault->plan says, from here on or no longer. */
void alloc_arm(bool on);
/* Blocks given and not given back, since the count began. */
void alloc_count_from_here(void);
long alloc_live(void);
