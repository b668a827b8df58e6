/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/bench.h"

#include "lib/base/sort.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ull
#define GOAL_MAX     32

uint64_t bench_now(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

void bench_fail(const char *what)
{
        (void)fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static int value_compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

BenchResult bench_result(double *values, size_t n)
{
        sort_items(values, n, value_compare);
        return (BenchResult){ .median = values[n / 2], .p99 = values[(n * 99 + 99) / 100 - 1] };
}

static double *values_new(const BenchPlan *plan)
{
        double *values = calloc(plan->n_rounds * plan->n_samples, sizeof(*values));

        if (!values)
                bench_fail("memory for samples");
        return values;
}

static void round_run(const BenchPlan *plan, const BenchSide *side, double *ret)
{
        for (size_t i = 0; i < plan->n_samples; i++) {
                uint64_t begin = bench_now();

                for (size_t j = 0; j < plan->n_calls; j++)
                        side->call(side->userdata);
                ret[i] = (double)(bench_now() - begin) / (double)plan->n_calls;
        }
}

/* Who goes first changes every round: neither always finds the caches as the other left them. */
static void rounds_run(const BenchPlan *plan, const BenchSide *sides, double **values,
                       size_t n_sides)
{
        for (size_t i = 0; i < n_sides; i++)
                round_run(plan, &sides[i], values[i]);
        for (size_t r = 0; r < plan->n_rounds; r++)
                for (size_t i = 0; i < n_sides; i++) {
                        size_t side = (i + r) % n_sides;

                        round_run(plan, &sides[side], values[side] + r * plan->n_samples);
                }
}

void bench_pair(const BenchPlan *plan, BenchSide ours, BenchSide against, BenchResult *ret_ours,
                BenchResult *ret_against)
{
        const BenchSide sides[] = { ours, against };
        double *values[] = { values_new(plan), values_new(plan) };

        rounds_run(plan, sides, values, 2);
        *ret_ours = bench_result(values[0], plan->n_rounds * plan->n_samples);
        *ret_against = bench_result(values[1], plan->n_rounds * plan->n_samples);
        free(values[0]);
        free(values[1]);
}

BenchResult bench_alone(const BenchPlan *plan, BenchSide ours)
{
        const BenchSide sides[] = { ours };
        double *values[] = { values_new(plan) };
        BenchResult result;

        rounds_run(plan, sides, values, 1);
        result = bench_result(values[0], plan->n_rounds * plan->n_samples);
        free(values[0]);
        return result;
}

static const char *verdict(BenchGoal goal, double value)
{
        bool met = goal.kind == BENCH_AT_MOST ? value <= goal.limit : value >= goal.limit;

        if (goal.kind == BENCH_NO_GOAL)
                return "-";
        return met ? "met" : "missed";
}

static const char *goal_format(BenchGoal goal, const char *unit, char ret[static GOAL_MAX])
{
        if (goal.kind == BENCH_NO_GOAL)
                return "-";
        (void)snprintf(ret, GOAL_MAX, "%s %.10g%s",
                       goal.kind == BENCH_AT_MOST ? "<=" : ">=", goal.limit, unit);
        return ret;
}

void bench_row(const char *what, const char *against, BenchResult ours, BenchResult their,
               BenchGoal goal)
{
        double ratio = ours.median / their.median;
        char text[GOAL_MAX];

        (void)printf("row\t%s\t%s\t%.0f\t%.0f\t%.0f\t%.2f\t%s\t%s\n", what, against, ours.median,
                     ours.p99, their.median, ratio, goal_format(goal, " x", text),
                     verdict(goal, ratio));
        (void)fflush(stdout);
}

void bench_row_alone(const char *what, BenchResult ours, BenchGoal goal)
{
        char text[GOAL_MAX];

        (void)printf("row\t%s\t-\t%.0f\t%.0f\t-\t-\t%s\t%s\n", what, ours.median, ours.p99,
                     goal_format(goal, "", text), verdict(goal, ours.median));
        (void)fflush(stdout);
}
