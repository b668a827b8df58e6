/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processes that are ended one by one (promises W1 and W2 of nhi-agentd/session/crowd.h): those of
 * this test, which is whom their orphans fall to. */

#include "nhi-agentd/session/crowd.h"

#include "lib/base/io.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* cmocka.h needs the above */
#include <cmocka.h>

#define BOMB_MAX  200
#define CHAIN_MAX 20000 /* a chain ends by itself at last: a test that fails leaves nobody */
#define TRIES_MAX 400
#define LIST_LONG 100000u
#define PASS_USEC 20000u
#define LONG_USEC 60000000u

static atomic_int *shared;

/* Children, and orphans of children. */
static size_t list_children(void *userdata, pid_t *ret, size_t n)
{
        char path[64];
        size_t found = 0;
        FILE *f;
        int pid;

        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        f = fopen(path, "re");
        while (f && fscanf(f, "%d", &pid) == 1)
                if (found++ < n)
                        ret[found - 1] = pid;
        if (f)
                (void)fclose(f);
        return found;
}

static int setup(void **state)
{
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        assert_true(shared != MAP_FAILED);
        crowd_pass_usec = PASS_USEC;
        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        return 0;
}

static int teardown(void **state)
{
        pid_t pids[BOMB_MAX];
        size_t n;

        /* A test that failed leaves nobody either. */
        while ((n = list_children(NULL, pids, ELEMENTSOF(pids))) > 0)
                for (size_t i = 0; i < n && i < ELEMENTSOF(pids); i++)
                        (void)kill(pids[i], SIGKILL);
        return munmap(shared, sizeof(*shared));
}

static bool match_all(void *userdata, pid_t pid)
{
        return true;
}

static bool match_none(void *userdata, pid_t pid)
{
        return false;
}

static bool match_pid(void *userdata, pid_t pid)
{
        return pid == *(pid_t *)userdata;
}

/* Neither pidfds nor the list of children is there everywhere (valgrind, small kernels). */
static bool is_possible(void)
{
        _cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

        return fd >= 0 && access("/proc/self/task", R_OK) == 0;
}

static pid_t child_new(void (*run)(void))
{
        const pid_t pid = fork();

        if (pid == 0) {
                run();
                _exit(0);
        }
        assert_true(pid > 0);
        return pid;
}

static void run_pause(void)
{
        (void)signal(SIGTERM, SIG_IGN);
        for (;;)
                (void)pause();
}

/* Each goes as soon as the next one is there: no number lives for long. */
static void run_chain(void)
{
        for (int i = 0; i < CHAIN_MAX; i++)
                if (fork() > 0)
                        _exit(0);
}

/* All that a limit allows, and whoever goes is replaced. */
static void run_bomb(void)
{
        for (int i = 0; i < CHAIN_MAX; i++) {
                if (atomic_fetch_add(shared, 1) < BOMB_MAX)
                        (void)fork();
                else
                        (void)atomic_fetch_sub(shared, 1);
                if (waitpid(-1, NULL, WNOHANG) > 0)
                        (void)atomic_fetch_sub(shared, 1);
        }
        for (;;)
                (void)pause();
}

/* True once a look finds nobody. */
static bool all_go(void)
{
        for (int i = 0; i < TRIES_MAX; i++) {
                if (crowd_kill_listed(list_children, NULL, match_all, NULL) == 0 &&
                    list_children(NULL, NULL, 0) == 0)
                        return true;
                (void)usleep(2000);
        }
        return false;
}

static void who_ignores_and_who_is_stopped_goes(void **state)
{
        pid_t stopped;

        if (!is_possible())
                skip();
        (void)child_new(run_pause);
        stopped = child_new(run_pause);
        assert_int_equal(kill(stopped, SIGSTOP), 0);
        assert_true(all_go());
}

/* W2 */
static void a_chain_of_forks_does_not_get_away(void **state)
{
        if (!is_possible())
                skip();
        (void)child_new(run_chain);
        assert_true(all_go());
}

/* W2 */
static void a_crowd_that_fills_its_places_again_does_not_get_away(void **state)
{
        if (!is_possible())
                skip();
        atomic_store(shared, 1);
        (void)child_new(run_bomb);
        assert_true(all_go());
}

/* However many there are, the loop turns; and all of them go. */
static void a_crowd_that_no_pass_can_meet_ends_all_the_same(void **state)
{
        if (!is_possible())
                skip();
        crowd_pass_usec = 100;
        atomic_store(shared, 1);
        for (unsigned i = 0; i < 100; i++)
                (void)child_new(run_pause);
        (void)child_new(run_chain);
        (void)child_new(run_bomb);
        assert_true(all_go());
}

static size_t list_one_often(void *userdata, pid_t *ret, size_t n)
{
        for (size_t i = 0; ret && i < n && i < LIST_LONG; i++)
                ret[i] = *(pid_t *)userdata;
        return LIST_LONG;
}

static bool match_and_count(void *userdata, pid_t pid)
{
        ++*(size_t *)userdata;
        return true;
}

/* By what is done in it: how long that takes is the machine's affair. */
static void a_turn_is_short_however_long_the_list_is(void **state)
{
        size_t n = 0;
        pid_t pid;

        if (!is_possible())
                skip();
        pid = child_new(run_pause);
        assert_true(crowd_kill_listed(list_one_often, &pid, match_and_count, &n) > 0);
        assert_in_range(n, 1, LIST_LONG - 1);
        assert_true(all_go());
}

static void who_is_not_met_and_not_meant_is_not_there(void **state)
{
        pid_t pid;

        if (!is_possible())
                skip();
        crowd_pass_usec = 0;
        for (unsigned i = 0; i < 40; i++)
                pid = child_new(run_pause);
        assert_int_equal(crowd_kill_listed(list_children, NULL, match_none, NULL), 0);
        crowd_pass_usec = LONG_USEC; /* for all of them, on any machine */
        assert_int_equal(crowd_kill_listed(list_children, NULL, match_pid, &pid), 1);
        assert_true(all_go());
}

/* W1 */
static void who_is_not_meant_is_not_touched(void **state)
{
        pid_t meant, other;
        ProcessView v;

        if (!is_possible())
                skip();
        other = child_new(run_pause);
        meant = child_new(run_pause);
        assert_int_equal(crowd_kill_listed(list_children, NULL, match_none, NULL), 0);
        assert_int_equal(crowd_kill_listed(list_children, NULL, match_pid, &meant), 1);
        assert_int_equal(waitpid(meant, NULL, 0), meant);
        assert_int_equal(process_view(other, &v), 0);
        assert_int_not_equal(v.state, 'T');
        assert_true(all_go());
}

/* W1: whoever got the number of one that is gone is not that one. */
static void a_list_of_numbers_kills_nobody_outside_of_the_group(void **state)
{
        static const char path[] = "/user.slice/user-1.slice/nhi-no-such-1.scope";
        const Cgroup none = CGROUP_NONE;
        const Crowd crowd = { .group = &none, .path = path };

        assert_int_equal(crowd_count(&crowd), 0);
        assert_int_equal(crowd_ask(&crowd), 0);
        assert_int_equal(crowd_kill(&crowd), 0);
}

/* ---- one process ---- */

static void a_process_is_seen_with_all_its_uids(void **state)
{
        ProcessView v = { .uids = { 1, 2, 3, 4 } };

        for (uid_t uid = 1; uid <= 4; uid++)
                assert_true(process_view_has_uid(&v, uid));
        assert_false(process_view_has_uid(&v, 5));
        assert_int_equal(process_view(getpid(), &v), 0);
        assert_true(process_view_has_uid(&v, getuid()));
        assert_int_equal(v.state, 'R');
        assert_true(strlen(v.comm) > 0);
        assert_int_equal(process_view(INT32_MAX, &v), -ESRCH);
}

/* W2: a name may be empty, and is inherited. */
static void who_has_no_name_does_not_get_away(void **state)
{
        ProcessView v;
        pid_t pid;

        if (!is_possible())
                skip();
        assert_int_equal(prctl(PR_SET_NAME, ""), 0);
        pid = child_new(run_pause);
        assert_int_equal(prctl(PR_SET_NAME, "test-crowd"), 0);
        assert_int_equal(process_view(pid, &v), 0);
        assert_string_equal(v.comm, "");
        assert_int_equal(crowd_kill_listed(list_children, NULL, match_pid, &pid), 1);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_true(all_go());
}

/* What a process calls itself moves no field. */
static void a_process_cannot_name_itself_another_ones_age(void **state)
{
        const int64_t before_usec = now_boottime_usec();
        int64_t began_usec;

        assert_int_equal(prctl(PR_SET_NAME, ") R 1 1\nUid:\t0"), 0);
        began_usec = process_began_usec(getpid());
        assert_true(began_usec > 0 && began_usec <= before_usec);
        assert_true(before_usec - began_usec < 600 * (int64_t)USEC_PER_SEC);
        assert_int_equal(process_began_usec(INT32_MAX), -1);
        assert_int_equal(prctl(PR_SET_NAME, "test-crowd"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(who_ignores_and_who_is_stopped_goes),
                TEST(a_chain_of_forks_does_not_get_away),
                TEST(a_crowd_that_fills_its_places_again_does_not_get_away),
                TEST(a_crowd_that_no_pass_can_meet_ends_all_the_same),
                TEST(a_turn_is_short_however_long_the_list_is),
                TEST(who_is_not_met_and_not_meant_is_not_there),
                TEST(who_is_not_meant_is_not_touched),
                TEST(who_has_no_name_does_not_get_away),
                TEST(a_list_of_numbers_kills_nobody_outside_of_the_group),
                TEST(a_process_is_seen_with_all_its_uids),
                TEST(a_process_cannot_name_itself_another_ones_age),
#undef TEST
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
