/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How many questions an agent answers a second, from 1, 8 and 64 callers at once, against an echo
 * server on the same event loop. Each answer that allows has its record before it leaves.
 *
 * Rates: what stands as p99 is what 99 of 100 rounds reached. */

#include "tests/bench/bench-agent.h"

#include <pthread.h>

#define CALLERS_MAX 64
#define N_ROUNDS    30
#define N_QUESTIONS 1536 /* a round, shared by all callers */

typedef struct Crowd {
        const BenchQuestion *question;
        size_t n_each;
        pthread_barrier_t begin;
} Crowd;

static void *caller_run(void *userdata)
{
        Crowd *crowd = userdata;
        uint8_t reply[1024];

        (void)pthread_barrier_wait(&crowd->begin);
        for (size_t i = 0; i < crowd->n_each; i++)
                (void)bench_ask(crowd->question, reply, sizeof(reply));
        return NULL;
}

/* Answers a second. */
static double round_rate(const BenchQuestion *question, size_t n_callers)
{
        Crowd crowd = { .question = question, .n_each = N_QUESTIONS / n_callers };
        pthread_t threads[CALLERS_MAX];
        uint64_t begin;

        if (pthread_barrier_init(&crowd.begin, NULL, (unsigned)n_callers + 1) != 0)
                bench_fail("barrier");
        for (size_t i = 0; i < n_callers; i++)
                if (pthread_create(&threads[i], NULL, caller_run, &crowd) != 0)
                        bench_fail("thread");
        (void)pthread_barrier_wait(&crowd.begin);
        begin = bench_now();
        for (size_t i = 0; i < n_callers; i++)
                (void)pthread_join(threads[i], NULL);
        (void)pthread_barrier_destroy(&crowd.begin);
        return 1e9 * (double)(crowd.n_each * n_callers) / (double)(bench_now() - begin);
}

/* Of rates the low end is the bad one. */
static BenchResult rate_result(double *rates, size_t n)
{
        BenchResult result = bench_result(rates, n);

        result.p99 = rates[n / 100];
        return result;
}

static void compare(const char *what, const BenchQuestion *ask, const BenchQuestion *echo,
                    size_t n_callers)
{
        double ours[N_ROUNDS], theirs[N_ROUNDS];
        char text[96];

        (void)round_rate(ask, n_callers);
        (void)round_rate(echo, n_callers);
        for (size_t i = 0; i < N_ROUNDS; i++) {
                ours[i] = round_rate(ask, n_callers);
                theirs[i] = round_rate(echo, n_callers);
        }
        (void)snprintf(text, sizeof(text), "decisions, %s, %zu caller%s [per second]", what,
                       n_callers, n_callers > 1 ? "s" : "");
        bench_row(text, "an echo server on sd-event", rate_result(ours, N_ROUNDS),
                  rate_result(theirs, N_ROUNDS), (BenchGoal){ BENCH_AT_LEAST, 0.7 });
}

static void expect_verdict(const BenchQuestion *q, uint32_t verdict)
{
        uint8_t bytes[1024];
        size_t size = bench_ask(q, bytes, sizeof(bytes));
        WireReply reply;

        if (wire_reply_decode(bytes, size, &reply) != 0 || reply.verdict != verdict)
                bench_fail("another verdict than expected");
}

int main(void)
{
        static const size_t n_callers[] = { 1, 8, CALLERS_MAX };
        BenchQuestion allow, deny, echo;

        bench_servers();
        bench_question(PATH_PAM_SOCK, BENCH_GRANTED, 5, &allow);
        bench_question(PATH_PAM_SOCK, BENCH_UNGRANTED, 8, &deny);
        bench_question(PATH_ECHO_SOCK, BENCH_GRANTED, 5, &echo);
        expect_verdict(&allow, VERDICT_ALLOW);
        expect_verdict(&deny, VERDICT_DENY);
        for (size_t i = 0; i < ELEMENTSOF(n_callers); i++)
                compare("allow", &allow, &echo, n_callers[i]);
        for (size_t i = 0; i < ELEMENTSOF(n_callers); i++)
                compare("deny", &deny, &echo, n_callers[i]);
        return EXIT_SUCCESS;
}
