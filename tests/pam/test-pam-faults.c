/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pam_nhi when something is broken: agent, descriptors, memory, signals. A gated account is denied,
 * everybody else is left alone, and the process we are a guest in is left as it was. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/pam/pam-host.h"
#include "tests/process.h"

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

/* Pages of this process: size and resident. */
static void memory_read(size_t *ret_size, size_t *ret_resident)
{
        FILE *f = fopen("/proc/self/statm", "re");

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%zu %zu", ret_size, ret_resident), 2);
        fclose(f);
}

static void a_malformed_answer_is_unavailable_and_never_a_verdict_P10(void **state)
{
        static const Script scripts[] = {
                SCRIPT_CLOSE,        SCRIPT_WRONG_NONCE, SCRIPT_WRONG_SUBJECT, SCRIPT_WRONG_VERSION,
                SCRIPT_WRONG_LENGTH, SCRIPT_WRONG_TYPE,  SCRIPT_WRONG_VERDICT, SCRIPT_TRAILING,
                SCRIPT_OVERSIZE,     SCRIPT_GARBAGE,
        };

        for (size_t i = 0; i < ELEMENTSOF(scripts); i++) {
                agent_script(&agent, scripts[i]);
                assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_AUTHINFO_UNAVAIL);
                assert_int_equal(phase_alone("sshd", GATED, pam_open_session),
                                 PAM_AUTHINFO_UNAVAIL);
                assert_int_equal(agent.n_seen, 2);
        }
}

static void ask_for_nobody_gated(void)
{
        assert_int_equal(phase_alone("sshd", UNGATED, pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("sshd", EXEMPTED, pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("sshd", OBSERVED, pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("sshd", GATED, pam_close_session), PAM_SUCCESS);
}

static void ask_for_the_gated(void)
{
        const uint64_t begin = now_monotonic_usec();

        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_AUTHINFO_UNAVAIL);
        assert_true(now_monotonic_usec() - begin >= 2 * USEC_PER_SEC - 10000);
}

/* Whether it can take less than that: a machine that is busy may have held one try up, but not
 * each. */
static bool takes_less_than(uint64_t usec, void (*ask)(void))
{
        for (int i = 0; i < 5; i++) {
                const uint64_t begin = now_monotonic_usec();

                ask();
                if (now_monotonic_usec() - begin < usec)
                        return true;
        }
        return false;
}

static void an_agent_that_hangs_costs_the_gated_two_seconds_and_nobody_else_any_P10(void **state)
{
        agent_script(&agent, SCRIPT_SILENT);
        /* One wait would be that, and a second wait that. */
        assert_true(takes_less_than(2 * USEC_PER_SEC, ask_for_nobody_gated));
        assert_true(takes_less_than(4 * USEC_PER_SEC, ask_for_the_gated));
}

static void without_an_agent_only_the_gated_stay_out_P10_P19(void **state)
{
        agent_stop(&agent);
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_AUTHINFO_UNAVAIL);
        assert_int_equal(phase_alone("sshd", GATED, pam_open_session), PAM_AUTHINFO_UNAVAIL);
        assert_int_equal(phase_alone("sshd", GATED, pam_close_session), PAM_SUCCESS);
        assert_int_equal(phase_alone("sshd", UNGATED, pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("sshd", EXEMPTED, pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("sshd", OBSERVED, pam_acct_mgmt), IGNORED);
        assert_int_equal(agent_start(&agent, PATH_PAM_SOCK), 0);
}

static void gates_that_cannot_be_read_hold_everybody_but_the_exempt(void **state)
{
        spit(PATH_GATES_RUN, "damaged");
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(phase_alone("sshd", UNGATED, pam_acct_mgmt), PAM_PERM_DENIED);
        assert_int_equal(phase_alone("sshd", EXEMPTED, pam_acct_mgmt), IGNORED);
}

static void ten_thousand_calls_leave_nothing_behind_P12(void **state)
{
        size_t size[2], resident[2];
        size_t fds[2];
        Login held, free;

        login_begin(&held, "sshd", GATED);
        login_begin(&free, "sshd", UNGATED);
        for (int i = 0; i < 10000; i++) {
                /* What libc and libpam keep for themselves is there after the first thousand. */
                if (i == 1000) {
                        memory_read(&size[0], &resident[0]);
                        fds[0] = count_fds();
                }
                if (i % 4)
                        assert_int_equal(pam_acct_mgmt(free.pamh, 0), IGNORED);
                else
                        assert_int_equal(pam_acct_mgmt(held.pamh, 0), PAM_SUCCESS);
                if (i % 50 == 0) /* whole transactions, with the module loaded and unloaded */
                        assert_int_equal(phase_alone("sshd", GATED, pam_open_session), PAM_SUCCESS);
        }
        memory_read(&size[1], &resident[1]);
        for (int i = 0; i < 30000 && (fds[1] = count_fds()) > fds[0]; i++)
                (void)poll(NULL, 0, 1); /* the agent hangs up when it gets there */
        login_end(&held);
        login_end(&free);
        assert_true(fds[1] <= fds[0]);
        if (SANITIZED)
                return; /* its quarantine grows */
        assert_true(size[1] <= size[0] + 64);
        assert_true(resident[1] <= resident[0] + 64);
}

static volatile sig_atomic_t n_alarms;

static void on_alarm(int number)
{
        n_alarms++;
}

static void signals_are_the_callers_P13(void **state)
{
        struct sigaction act = { .sa_handler = on_alarm }, before, after, pipe_before, pipe_after;
        struct itimerval storm = { { 0, 500 }, { 0, 500 } }, calm = { { 0, 0 }, { 0, 0 } };

        assert_int_equal(sigaction(SIGALRM, &act, &before), 0);
        assert_int_equal(sigaction(SIGPIPE, NULL, &pipe_before), 0);
        assert_int_equal(setitimer(ITIMER_REAL, &storm, NULL), 0);
        for (int i = 0; i < 300; i++)
                assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_SUCCESS);
        while (n_alarms == 0)
                (void)poll(NULL, 0, 1);
        assert_int_equal(setitimer(ITIMER_REAL, &calm, NULL), 0);
        /* An agent that hangs up must not kill us: SIGPIPE is at its default. */
        agent_script(&agent, SCRIPT_CLOSE);
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_AUTHINFO_UNAVAIL);

        assert_int_equal(sigaction(SIGALRM, &before, &after), 0);
        assert_ptr_equal(after.sa_handler, on_alarm);
        assert_int_equal(sigaction(SIGPIPE, NULL, &pipe_after), 0);
        assert_ptr_equal(pipe_after.sa_handler, pipe_before.sa_handler);
}

static int phase_without_fds(const char *user, Entry phase)
{
        struct rlimit before, none;
        Login l;
        int r;

        login_begin(&l, "sshd", user);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit){ 0, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        r = phase(l.pamh, 0);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        login_end(&l);
        return r;
}

/* libpam itself makes it SYSTEM_ERR where it cannot open its audit socket. */
static void expect_kept_out(int r)
{
        assert_true(r == PAM_AUTHINFO_UNAVAIL || r == PAM_SYSTEM_ERR);
}

static void without_descriptors_nobody_gated_gets_in_P22(void **state)
{
        expect_kept_out(phase_without_fds(GATED, pam_acct_mgmt));
        expect_kept_out(phase_without_fds(GATED, pam_open_session));
        assert_int_equal(agent.n_seen, 0);
}

static void without_memory_nobody_gated_gets_in_P22(void **state)
{
        struct rlimit before, tight;
        size_t size, resident;
        Login l;
        int r;

        if (SANITIZED)
                skip();
        (void)malloc_trim(0);
        login_begin(&l, "sshd", GATED);
        assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
        memory_read(&size, &resident);
        tight = (struct rlimit){ size * (size_t)sysconf(_SC_PAGESIZE), before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_AS, &tight), 0);
        r = pam_acct_mgmt(l.pamh, 0);
        assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
        expect_kept_out(r);
        assert_int_equal(agent.n_seen, 0);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_SUCCESS);
        login_end(&l);
}

static void closed_standard_descriptors_stay_closed_P22(void **state)
{
        int kept[3], still_closed = 0, r;
        Login l;

        for (int i = 0; i < 3; i++)
                kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
        login_begin(&l, "sshd", GATED);
        for (int i = 0; i < 3; i++)
                close(i);
        r = pam_acct_mgmt(l.pamh, PAM_SILENT);
        for (int i = 0; i < 3; i++)
                still_closed += fcntl(i, F_GETFD) < 0;
        for (int i = 0; i < 3; i++) {
                (void)dup2(kept[i], i);
                close(kept[i]);
        }
        login_end(&l);
        assert_int_equal(r, PAM_SUCCESS);
        assert_int_equal(still_closed, 3);
}

#define HOST_TEST(f) cmocka_unit_test_setup(f, host_reset)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                HOST_TEST(a_malformed_answer_is_unavailable_and_never_a_verdict_P10),
                HOST_TEST(an_agent_that_hangs_costs_the_gated_two_seconds_and_nobody_else_any_P10),
                HOST_TEST(without_an_agent_only_the_gated_stay_out_P10_P19),
                HOST_TEST(gates_that_cannot_be_read_hold_everybody_but_the_exempt),
                HOST_TEST(ten_thousand_calls_leave_nothing_behind_P12),
                HOST_TEST(signals_are_the_callers_P13),
                HOST_TEST(without_descriptors_nobody_gated_gets_in_P22),
                HOST_TEST(without_memory_nobody_gated_gets_in_P22),
                HOST_TEST(closed_standard_descriptors_stay_closed_P22),
        };

        if (geteuid() != 0) {
                printf("skipped: pam_nhi leaves callers alone that are not root\n");
                return 0;
        }
        /* So that memory can run out: what is large comes from mmap(2), never from what earlier
         * tests gave back, nor from an arena of the agent's thread. */
        if (!SANITIZED && (!mallopt(M_MMAP_THRESHOLD, 65536) || !mallopt(M_ARENA_MAX, 1)))
                return 1;
        return cmocka_run_group_tests_name("pam-faults", tests, host_setup, host_teardown);
}
