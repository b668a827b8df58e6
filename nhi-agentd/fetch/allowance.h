/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much somebody may say: so much at once, and so much a second. */

#include <stdbool.h>
#include <stdint.h>

typedef struct Allowance {
        uint64_t most, per_sec;
        uint64_t used;
        uint64_t at_usec; /* of that */
} Allowance;

/* false: that is too much, and nothing is taken. now_usec never falls. */
bool allowance_take(Allowance *a, uint64_t n, uint64_t now_usec);
