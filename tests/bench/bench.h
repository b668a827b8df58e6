/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Measuring two things side by side, for the programs that `make bench` runs.
 *
 * A program prints rows, separated by TABs, and may print anything else on other lines:
 *
 *     row  WHAT  AGAINST  OURS_MEDIAN  OURS_P99  AGAINST_MEDIAN  RATIO  GOAL  VERDICT
 *
 * - Values are nanoseconds; where they are not, WHAT ends with the unit in brackets: "[bytes]".
 * - RATIO is OURS_MEDIAN / AGAINST_MEDIAN; AGAINST, AGAINST_MEDIAN and RATIO are "-" where a value
 *   stands for itself.
 * - VERDICT is "met" or "missed", or "-" for a row without a goal.
 *
 * Both sides run in turns, in one process, after one round that is not counted: what the machine
 * does meanwhile hits both. The clock is CLOCK_MONOTONIC. */

#include <stddef.h>
#include <stdint.h>

typedef struct BenchSide {
        void (*call)(void *userdata);
        void *userdata;
} BenchSide;

/* n_rounds times n_samples of each side; a sample is the mean of n_calls calls. More than one call
 * a sample only where a call is so short that reading the clock would show. */
typedef struct BenchPlan {
        size_t n_rounds, n_samples, n_calls;
} BenchPlan;

typedef struct BenchResult {
        double median, p99;
} BenchResult;

typedef enum BenchGoalKind {
        BENCH_NO_GOAL = 0,
        BENCH_AT_MOST,
        BENCH_AT_LEAST,
} BenchGoalKind;

typedef struct BenchGoal {
        BenchGoalKind kind;
        double limit; /* of the ratio, or of the median where there is nothing to compare with */
} BenchGoal;

/* Nanoseconds of CLOCK_MONOTONIC. */
uint64_t bench_now(void);

/* Of values in any order, which are sorted in place; n is at least 1. */
BenchResult bench_result(double *values, size_t n);

/* Both sides in turns. Ends the program where memory is short. */
void bench_pair(const BenchPlan *plan, BenchSide ours, BenchSide against, BenchResult *ret_ours,
                BenchResult *ret_against);
/* One side alone, with the same warm-up. */
BenchResult bench_alone(const BenchPlan *plan, BenchSide ours);

/* Print a row: goal limits the ratio. */
void bench_row(const char *what, const char *against, BenchResult ours, BenchResult their,
               BenchGoal goal);
/* Print a row that is compared with nothing: goal limits the median. */
void bench_row_alone(const char *what, BenchResult ours, BenchGoal goal);

/* End the program: what could not be done, and errno's text. */
_Noreturn void bench_fail(const char *what);
