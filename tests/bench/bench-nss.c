/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looking up names through glibc as every program does: nsswitch.conf is a file that glibc looks at
 * in every call. Ours against a module that knows nobody, and against glibc's own files with the
 * same accounts. */

#include "lib/base/macro.h"
#include "tests/bench/bench.h"
#include "tests/bench/nss-world.h"

#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#define N_QUERIES_MAX (1u << 19)

extern char **environ;

/* Accounts asked for one after another, in random order; side by side in memory, so that fetching
 * the question costs nothing. */
static struct {
        size_t n, at;
        char (*names)[WORLD_NAME_MAX];
        uid_t *uids;
        bool must_hit;
        int n_wrong;
} queries;

static void queries_make(size_t n_accounts)
{
        uint32_t x = 1;

        queries.n = n_accounts < N_QUERIES_MAX ? n_accounts : N_QUERIES_MAX;
        queries.at = 0;
        queries.names = realloc(queries.names, queries.n * sizeof(*queries.names));
        queries.uids = realloc(queries.uids, queries.n * sizeof(*queries.uids));
        if (!queries.names || !queries.uids)
                bench_fail("memory for questions");
        for (size_t i = 0; i < queries.n; i++) {
                size_t account;

                x = x * 1664525 + 1013904223;
                account = (size_t)(((uint64_t)x * n_accounts) >> 32);
                world_name(account, queries.names[i]);
                queries.uids[i] = WORLD_UID_MIN + (uid_t)account;
        }
}

/* Whoever asks has just had the name in his hands: fetching it is no part of a lookup. */
static size_t query_next(void)
{
        size_t at = queries.at++;

        (void)*(volatile const char *)queries.names[at];
        (void)*(volatile const uid_t *)&queries.uids[at];
        if (queries.at == queries.n)
                queries.at = 0;
        return at;
}

static void by_name(void)
{
        struct passwd p, *found;
        char buffer[1024];

        (void)getpwnam_r(queries.names[query_next()], &p, buffer, sizeof(buffer), &found);
        queries.n_wrong += !found == queries.must_hit;
}

static void by_uid(void)
{
        struct passwd p, *found;
        char buffer[1024];

        (void)getpwuid_r(queries.uids[query_next()], &p, buffer, sizeof(buffer), &found);
        queries.n_wrong += !found == queries.must_hit;
}

static void by_member(void)
{
        gid_t gids[64];
        int n = ELEMENTSOF(gids);

        (void)getgrouplist(queries.names[query_next()], 100, gids, &n);
        queries.n_wrong += (n > 1) != queries.must_hit;
}

static void by_unknown_name(void)
{
        struct passwd p, *found;
        char buffer[1024];

        (void)getpwnam_r("nobody-here", &p, buffer, sizeof(buffer), &found);
        queries.n_wrong += !!found;
}

/* The whole of a process that looks up one name: what every `ls -l` pays. */
static void by_fresh_process(void)
{
        char *argv[] = { (char *)"bench-nss", (char *)"--first", queries.names[query_next()],
                         NULL };
        int status = -1;
        pid_t pid;

        errno = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
        if (errno != 0 || waitpid(pid, &status, 0) != pid)
                bench_fail("a process");
        queries.n_wrong += (status != 0) == queries.must_hit;
}

static int first_lookup(const char *name)
{
        struct passwd p, *found;
        char buffer[1024];

        (void)getpwnam_r(name, &p, buffer, sizeof(buffer), &found);
        return found ? 0 : 1;
}

typedef struct Service {
        const char *services;
        bool must_hit;
} Service;

/* One turn of one side; what the change of nsswitch.conf costs is over before it is timed. */
static void turn(const BenchPlan *plan, void (*look_up)(void), const Service *service, double *ret)
{
        world_services(service->services);
        queries.must_hit = service->must_hit;
        for (size_t i = 0; i < plan->n_calls * plan->n_samples / 10 + 1; i++)
                look_up();
        for (size_t i = 0; i < plan->n_samples; i++) {
                uint64_t begin = bench_now();

                for (size_t j = 0; j < plan->n_calls; j++)
                        look_up();
                ret[i] = (double)(bench_now() - begin) / (double)plan->n_calls;
        }
}

static void compare(const char *what, const char *against, const BenchPlan *plan,
                    void (*look_up)(void), Service ours, Service theirs, BenchGoal goal)
{
        size_t n = plan->n_rounds * plan->n_samples;
        double *a = calloc(2 * n, sizeof(*a)), *b = a ? a + n : NULL;

        if (!a)
                bench_fail("memory for samples");
        queries.n_wrong = 0;
        turn(plan, look_up, &ours, a);
        turn(plan, look_up, &theirs, b);
        for (size_t r = 0; r < plan->n_rounds; r++)
                for (size_t i = 0; i < 2; i++) {
                        bool is_ours = (i + r) % 2 == 0;

                        turn(plan, look_up, is_ours ? &ours : &theirs,
                             (is_ours ? a : b) + r * plan->n_samples);
                }
        if (queries.n_wrong > 0) {
                (void)fprintf(stderr, "%s: %d other answers than expected\n", what,
                              queries.n_wrong);
                exit(EXIT_FAILURE);
        }
        bench_row(what, against, bench_result(a, n), bench_result(b, n), goal);
        free(a);
}

static const Service nhi = { "nhi", true }, empty = { "nhiempty", false },
                     files = { "files", true };

static const struct {
        const char *name;
        void (*look_up)(void);
} kinds[] = {
        { "getpwnam_r", by_name },
        { "getpwuid_r", by_uid },
        { "getgrouplist", by_member },
};

static void hits(size_t n, BenchGoal goal)
{
        static const BenchPlan plan = { .n_rounds = 10, .n_samples = 500, .n_calls = 20 };
        char what[128];

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                (void)snprintf(what, sizeof(what), "%s, hit, %zu accounts", kinds[i].name, n);
                compare(what, "an empty module", &plan, kinds[i].look_up, nhi, empty, goal);
        }
}

/* files reads the whole file for each of these, so a few say enough. */
static void hits_against_files(size_t n)
{
        const size_t n_samples = n > 100000 ? 4 : n > 1000 ? 50 : 500;
        const BenchPlan plan = { .n_rounds = n > 100000 ? 2 : 6,
                                 .n_samples = n_samples,
                                 .n_calls = 1 };
        char what[128];

        world_files(n);
        for (size_t i = 0; i < (n > 10000 ? 2 : ELEMENTSOF(kinds)); i++) {
                (void)snprintf(what, sizeof(what), "%s, hit, %zu accounts", kinds[i].name, n);
                compare(what, "glibc's files with the same accounts", &plan, kinds[i].look_up, nhi,
                        files, (BenchGoal){ BENCH_NO_GOAL, 0 });
        }
        world_files(0);
}

static void fresh(size_t n)
{
        static const BenchPlan plan = { .n_rounds = 10, .n_samples = 50, .n_calls = 1 };
        char what[128];

        (void)snprintf(what, sizeof(what), "fork, exec, first getpwnam_r, %zu accounts", n);
        compare(what, "an empty module", &plan, by_fresh_process, nhi, empty,
                (BenchGoal){ BENCH_AT_MOST, 1.15 });
}

static void miss(void)
{
        static const BenchPlan plan = { .n_rounds = 20, .n_samples = 500, .n_calls = 5 };

        world_files(0);
        compare("getpwnam_r, miss, through files nhi", "files alone, 40 local accounts", &plan,
                by_unknown_name, (Service){ "files nhi", false }, (Service){ "files", false },
                (BenchGoal){ BENCH_AT_MOST, 1.08 });
}

static void modules_load(void)
{
        static const char *const services[] = { "nhi", "nhiempty" };
        struct passwd p, *found;
        char buffer[1024];

        for (size_t i = 0; i < ELEMENTSOF(services); i++) {
                world_services(services[i]);
                (void)getpwnam_r("nobody-here", &p, buffer, sizeof(buffer), &found);
                world_expect_module(services[i]);
        }
}

int main(int argc, char **argv)
{
        static const struct {
                size_t n;
                BenchGoal goal;
        } sizes[] = {
                { 100, { BENCH_AT_MOST, 1.3 } },
                { 10000, { BENCH_AT_MOST, 1.3 } },
                { 1000000, { BENCH_AT_MOST, 1.6 } },
        };

        if (argc == 3 && streq(argv[1], "--first"))
                return first_lookup(argv[2]);
        world_enter(argv);
        world_files(0);
        modules_load();
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                size_t size = world_publish(sizes[i].n);

                queries_make(sizes[i].n);
                hits(sizes[i].n, sizes[i].goal);
                if (sizes[i].n == 10000)
                        miss();
                fresh(sizes[i].n);
                hits_against_files(sizes[i].n);
                (void)printf("%zu accounts: %zu bytes, %.1f an account\n", sizes[i].n, size,
                             (double)size / (double)sizes[i].n);
        }
        return 0;
}
