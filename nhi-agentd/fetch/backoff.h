/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Waiting before the next try: longer each time up to a bound, and never in step with anybody else
 * (A14). */

#include <stdint.h>

/* usec, less up to a quarter of it at random. */
uint64_t usec_jittered(uint64_t usec);
/* The wait after n failures in a row (n >= 1): first, doubled n - 1 times, at most max; jittered.
 */
uint64_t backoff_usec(unsigned n, uint64_t first_usec, uint64_t max_usec);
