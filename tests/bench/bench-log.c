/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the decision log costs: answers a second against raw group commit by as many threads on the
 * same disk, and against one sync an answer; and what one durable answer takes more than one that
 * is not synced, against a raw append. The agent's own fdatasync is switched off for the latter.
 *
 * Rates: what stands as p99 is what 99 of 100 rounds reached. */

#include "tests/bench/bench-agent.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define CALLERS_MAX  64
#define N_ROUNDS     20
#define N_QUESTIONS  1024 /* a round, shared by all callers */
#define N_EACH_MAX   128  /* of them one caller's: a disk may take milliseconds for each */
#define N_ONE_BY_ONE 50   /* a round of syncs one after the other */
#define N_SINGLE     200  /* a round of one caller's latencies */
#define LINE_SIZE    700  /* a decision's record */
#define RAW_SIZE     (64u * 1024 * 1024)
#define PATH_RAW     PATH_ROOT "/var/raw"

/* ---- syncs that can be switched off, in the agent's process, too --------------------------------
 */

static atomic_bool *is_volatile;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
        return is_volatile && *is_volatile ? 0 : __real_fdatasync(fd);
}

/* ---- raw ----------------------------------------------------------------------------------------
 */

static struct {
        int fd;
        off_t offset; /* of what is durable */
        pthread_mutex_t lock;
        pthread_cond_t done;
        char buffer[CALLERS_MAX * LINE_SIZE];
        size_t used;
        uint64_t ticket, durable; /* lines: handed in, on the disk */
        bool is_writing;
} raw = { .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER };

static void raw_open(void)
{
        raw.fd = open(PATH_RAW, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (raw.fd < 0 || posix_fallocate(raw.fd, 0, RAW_SIZE) != 0 || fsync(raw.fd) < 0)
                bench_fail(PATH_RAW);
}

static void raw_write(const char *data, size_t size)
{
        if (raw.offset + (off_t)size > (off_t)RAW_SIZE)
                raw.offset = 0;
        if (pwrite(raw.fd, data, size, raw.offset) != (ssize_t)size || fdatasync(raw.fd) < 0)
                bench_fail(PATH_RAW);
        raw.offset += (off_t)size;
}

/* Who finds nobody writing writes what all have handed in. */
static void raw_append(const char *line)
{
        static char batch[sizeof(raw.buffer)];
        uint64_t mine, upto;
        size_t size;

        (void)pthread_mutex_lock(&raw.lock);
        memcpy(raw.buffer + raw.used, line, LINE_SIZE);
        raw.used += LINE_SIZE;
        mine = ++raw.ticket;
        while (raw.durable < mine) {
                if (raw.is_writing) {
                        (void)pthread_cond_wait(&raw.done, &raw.lock);
                        continue;
                }
                raw.is_writing = true;
                size = raw.used;
                upto = raw.ticket;
                memcpy(batch, raw.buffer, size);
                raw.used = 0;
                (void)pthread_mutex_unlock(&raw.lock);
                raw_write(batch, size);
                (void)pthread_mutex_lock(&raw.lock);
                raw.durable = upto;
                raw.is_writing = false;
                (void)pthread_cond_broadcast(&raw.done);
        }
        (void)pthread_mutex_unlock(&raw.lock);
}

/* ---- crowds -------------------------------------------------------------------------------------
 */

typedef struct Crowd {
        const BenchQuestion *question; /* NULL: raw group commit */
        size_t n_each;
        pthread_barrier_t begin;
} Crowd;

static void *caller_run(void *userdata)
{
        static const char line[LINE_SIZE];
        Crowd *crowd = userdata;
        uint8_t reply[1024];

        (void)pthread_barrier_wait(&crowd->begin);
        for (size_t i = 0; i < crowd->n_each; i++)
                if (crowd->question)
                        (void)bench_ask(crowd->question, reply, sizeof(reply));
                else
                        raw_append(line);
        return NULL;
}

/* A second. */
static double round_rate(const BenchQuestion *question, size_t n_callers)
{
        const size_t n_each = N_QUESTIONS / n_callers;
        Crowd crowd = { .question = question, .n_each = n_each < N_EACH_MAX ? n_each : N_EACH_MAX };
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

/* One append and one sync after the other. */
static double single_rate(void)
{
        static const char line[LINE_SIZE];
        const uint64_t begin = bench_now();

        for (size_t i = 0; i < N_ONE_BY_ONE; i++)
                raw_write(line, sizeof(line));
        return 1e9 * N_ONE_BY_ONE / (double)(bench_now() - begin);
}

/* Of rates the low end is the bad one. */
static BenchResult rate_result(double *rates, size_t n)
{
        BenchResult result = bench_result(rates, n);

        result.p99 = rates[n / 100];
        return result;
}

static void compare(const BenchQuestion *ask, size_t n_callers)
{
        const BenchGoalKind goal = n_callers >= 16 ? BENCH_AT_LEAST : BENCH_NO_GOAL;
        double ours[N_ROUNDS], group[N_ROUNDS], single[N_ROUNDS];
        BenchResult result;
        char text[96];

        for (size_t i = 0; i < N_ROUNDS; i++) {
                ours[i] = round_rate(ask, n_callers);
                group[i] = round_rate(NULL, n_callers);
                single[i] = single_rate();
        }
        result = rate_result(ours, N_ROUNDS);
        (void)snprintf(text, sizeof(text), "durable decisions, %zu caller%s [per second]",
                       n_callers, n_callers > 1 ? "s" : "");
        bench_row(text, "raw group commit, as many threads", result, rate_result(group, N_ROUNDS),
                  (BenchGoal){ goal, 0.5 });
        bench_row(text, "one sync an answer", result, rate_result(single, N_ROUNDS),
                  (BenchGoal){ goal, 4 });
}

/* ---- one durable answer -------------------------------------------------------------------------
 */

static double latency(const BenchQuestion *ask)
{
        uint8_t reply[1024];
        const uint64_t begin = bench_now();

        (void)bench_ask(ask, reply, sizeof(reply));
        return (double)(bench_now() - begin);
}

/* The extra of a round is the difference of its medians. */
static void compare_single(const BenchQuestion *ask)
{
        static double durable[N_SINGLE], in_memory[N_SINGLE], append[N_SINGLE];
        static const char line[LINE_SIZE];
        double extra[N_ROUNDS], raw_appends[N_ROUNDS];

        for (size_t round = 0; round < N_ROUNDS; round++) {
                for (size_t i = 0; i < N_SINGLE; i++) {
                        uint64_t begin;

                        durable[i] = latency(ask);
                        *is_volatile = true;
                        in_memory[i] = latency(ask);
                        *is_volatile = false;
                        begin = bench_now();
                        raw_write(line, sizeof(line));
                        append[i] = (double)(bench_now() - begin);
                }
                extra[round] = bench_result(durable, N_SINGLE).median -
                               bench_result(in_memory, N_SINGLE).median;
                raw_appends[round] = bench_result(append, N_SINGLE).median;
        }
        bench_row("what one durable decision takes more than one that is not synced",
                  "a raw append with fdatasync", bench_result(extra, N_ROUNDS),
                  bench_result(raw_appends, N_ROUNDS), (BenchGoal){ BENCH_AT_MOST, 1.3 });
}

int main(void)
{
        static const size_t n_callers[] = { 1, 8, 16, CALLERS_MAX };
        BenchQuestion allow;

        is_volatile = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (is_volatile == MAP_FAILED)
                bench_fail("memory");
        bench_servers();
        raw_open();
        bench_question(PATH_PAM_SOCK, BENCH_GRANTED, 5, &allow);
        (void)round_rate(&allow, 8);
        for (size_t i = 0; i < ELEMENTSOF(n_callers); i++)
                compare(&allow, n_callers[i]);
        compare_single(&allow);
        (void)unlink(PATH_RAW);
        return EXIT_SUCCESS;
}
