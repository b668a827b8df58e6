/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* So many of something at once, and then as many as come back with the time. Pure: no clock. */

#include <stdbool.h>
#include <stdint.h>

typedef struct RationRate {
        uint32_t most;
        uint32_t back; /* of them, every back_usec */
        int64_t back_usec;
} RationRate;

/* All zero: the whole of it is there. */
typedef struct Ration {
        uint32_t spent;
        int64_t spent_usec; /* it comes back from here; CLOCK_BOOTTIME */
} Ration;

/* What came back up to boot_usec; the rate is the same at each call. */
void ration_renew(Ration *r, RationRate rate, int64_t boot_usec);
/* One of what there is after ration_renew(); false: there is none. */
bool ration_take(Ration *r, RationRate rate, int64_t boot_usec);
/* When there is one again, 0: there is. */
int64_t ration_wait_until(const Ration *r, RationRate rate, int64_t boot_usec);
