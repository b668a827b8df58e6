/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pam_nhi against a server that lies, stalls or is somebody else, in a process with hardly any
 * memory, and in one that closes its descriptors between two phases (P10, P22, P24; O10, O26). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/pam/hostile-agent.h"
#include "tests/process.h"

#include <malloc.h>
#include <sys/resource.h>

/* Ask n times, in both phases that decide: every answer is expected, no descriptor stays. */
static void expect_under(Hostility kind, unsigned n, int expected)
{
        const size_t before = count_fds();
        HostileAgent server = { 0 };

        assert_int_equal(hostile_start(&server, kind), 0);
        for (unsigned i = 0; i < n; i++) {
                int account = phase_alone("sshd", GATED, pam_acct_mgmt);
                int session = phase_alone("sshd", GATED, pam_open_session);

                if (account != expected || session != expected)
                        fail_msg("kind %d, turn %u: %d and %d", (int)kind, i, account, session);
        }
        assert_int_equal(phase_alone("sshd", UNGATED, pam_acct_mgmt), IGNORED);
        assert_int_equal(phase_alone("sshd", EXEMPTED, pam_acct_mgmt), IGNORED);
        hostile_stop(&server);
        assert_int_equal(count_fds(), before);
}

static void a_stopped_agent_costs_two_seconds_and_no_more_P10(void **state)
{
        const size_t before = count_fds();
        uint64_t begin, took;
        HostileAgent server = { 0 };

        assert_int_equal(hostile_start(&server, HOSTILE_STOPPED), 0);
        begin = now_monotonic_usec();
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_AUTHINFO_UNAVAIL);
        took = now_monotonic_usec() - begin;
        hostile_stop(&server);
        /* The module's own deadline, and room for a machine that is busy. */
        assert_true(took >= 2 * USEC_PER_SEC - 10000);
        assert_true(took < 10 * USEC_PER_SEC);
        assert_int_equal(count_fds(), before);
}

static void an_agent_that_hangs_up_on_us_is_absent_P10(void **state)
{
        expect_under(HOSTILE_RESET, 3, PAM_AUTHINFO_UNAVAIL);
        expect_under(HOSTILE_NOTHING, 3, PAM_AUTHINFO_UNAVAIL);
}

static void an_allowing_answer_cut_anywhere_allows_nothing_P10(void **state)
{
        /* Header, SUBJECT, VERDICT and REASON: 64 bytes and what is in them. */
        expect_under(HOSTILE_TRUNCATED, 64, PAM_AUTHINFO_UNAVAIL);
        expect_under(HOSTILE_SLOW, 3, PAM_AUTHINFO_UNAVAIL);
}

static void an_answer_about_a_shorter_name_is_not_ours_O10(void **state)
{
        expect_under(HOSTILE_OTHER_SENSE, 3, PAM_AUTHINFO_UNAVAIL);
}

static void the_first_answer_counts(void **state)
{
        expect_under(HOSTILE_CHATTY, 3, PAM_PERM_DENIED);
}

static void descriptors_with_the_answer_are_closed_O4(void **state)
{
        expect_under(HOSTILE_GENEROUS, 3, PAM_SUCCESS);
}

static void only_root_on_a_socket_of_roots_is_asked_O26(void **state)
{
        expect_under(HOSTILE_NOT_ROOT, 3, PAM_AUTHINFO_UNAVAIL);
        expect_under(HOSTILE_FOREIGN_FILE, 3, PAM_AUTHINFO_UNAVAIL);
}

/* ---- the process we are a guest in --------------------------------------------------------- */

static int phase_within(const char *user, Entry phase, int resource, rlim_t limit)
{
        struct rlimit before, tight;
        Login l;
        int r;

        login_begin(&l, "sshd", user);
        assert_int_equal(getrlimit(resource, &before), 0);
        tight = (struct rlimit){ limit, before.rlim_max };
        assert_int_equal(setrlimit(resource, &tight), 0);
        r = phase(l.pamh, 0);
        assert_int_equal(setrlimit(resource, &before), 0);
        login_end(&l);
        return r;
}

static void expect_no_way_in(const char *limit, rlim_t value, int r)
{
        if (r == PAM_SUCCESS || r == IGNORED || r == PAM_IGNORE || r == PAM_NEW_AUTHTOK_REQD ||
            r == PAM_AUTHTOK_EXPIRED || r == PAM_SESSION_ERR)
                fail_msg("%s %llu: %d", limit, (unsigned long long)value, r);
}

static void no_number_of_descriptors_lets_anybody_in_P22(void **state)
{
        HostileAgent server = { 0 };

        /* Not in this process: its limit is not the agent's. */
        assert_int_equal(hostile_start(&server, HOSTILE_CHATTY), 0);
        for (rlim_t n = 0; n < 24; n++) {
                expect_no_way_in("descriptors", n,
                                 phase_within(GATED, pam_acct_mgmt, RLIMIT_NOFILE, n));
                expect_no_way_in("descriptors", n,
                                 phase_within(GATED, pam_open_session, RLIMIT_NOFILE, n));
        }
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_PERM_DENIED);
        hostile_stop(&server);
}

static rlim_t address_space(void)
{
        size_t pages = 0;
        FILE *f = fopen("/proc/self/statm", "re");

        assert_non_null(f);
        assert_int_equal(fscanf(f, "%zu", &pages), 1);
        fclose(f);
        return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static void no_amount_of_memory_lets_anybody_in_P22(void **state)
{
        if (SANITIZED)
                skip();
        agent_script(&agent, SCRIPT_DENY);
        for (rlim_t more = 0; more < (1u << 20); more += 4u * 4096) {
                rlim_t limit;

                (void)malloc_trim(0);
                limit = address_space() + more;
                expect_no_way_in("bytes", limit,
                                 phase_within(GATED, pam_acct_mgmt, RLIMIT_AS, limit));
        }
        assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_PERM_DENIED);
}

/* Daemons do, between two phases; what is open afterwards under our numbers is theirs. */
static void a_host_may_close_and_reuse_every_descriptor_between_phases(void **state)
{
        HostileAgent server = { 0 };
        int status = -1;
        pid_t pid;
        Login l;

        assert_int_equal(hostile_start(&server, HOSTILE_GENEROUS), 0);
        login_begin(&l, "sshd", GATED);
        pid = fork();
        if (pid == 0) {
                int r = pam_acct_mgmt(l.pamh, PAM_SILENT), theirs = 0;
                char byte = 0;

                for (int fd = 0; fd < 256; fd++)
                        close(fd);
                for (int fd = 0; fd < 64; fd++)
                        (void)open("/dev/zero", O_RDWR | O_CLOEXEC);
                r |= pam_open_session(l.pamh, PAM_SILENT);
                for (int fd = 0; fd < 64; fd++)
                        theirs += read(fd, &byte, 1) == 1;
                r |= pam_close_session(l.pamh, PAM_SILENT) | pam_end(l.pamh, PAM_SUCCESS);
                _exit(r != PAM_SUCCESS || theirs != 64);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        login_end(&l);
        hostile_stop(&server);
        assert_int_equal(status, 0);
}

/* A setuid program's environment is its caller's (O9). */
static void the_environment_says_nothing_O9(void **state)
{
        static const char *const hostile[] = {
                "NHI_SOCKET=/tmp/x", "NHI_DEBUG=1",        "LD_PRELOAD=/tmp/x.so",
                "TMPDIR=/tmp",       "PAM_SERVICE=login",  "SSH_AUTH_SOCK=/tmp/x",
                "LOGNAME=root",      "USER=root",          "HOME=/tmp",
                "PATH=/tmp",         "HOSTALIASES=/tmp/x", "LISTEN_FDS=3",
        };
        char *copy;

        agent_script(&agent, SCRIPT_DENY);
        for (size_t i = 0; i < ELEMENTSOF(hostile); i++) {
                copy = strdup(hostile[i]);
                assert_non_null(copy);
                copy[strcspn(copy, "=")] = '\0';
                (void)setenv(copy, hostile[i] + strlen(copy) + 1, 1);
                assert_int_equal(phase_alone("sshd", GATED, pam_acct_mgmt), PAM_PERM_DENIED);
                (void)unsetenv(copy);
                free(copy);
        }
        assert_int_equal(agent.n_seen, ELEMENTSOF(hostile));
}

#define HOST_TEST(f) cmocka_unit_test_setup(f, host_reset)
/* These bring a server of their own. */
#define SERVER_TEST(f) cmocka_unit_test_setup_teardown(f, without_agent, with_agent)

static int without_agent(void **state)
{
        (void)host_reset(state);
        agent_stop(&agent);
        return 0;
}

static int with_agent(void **state)
{
        return agent_start(&agent, PATH_PAM_SOCK);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                SERVER_TEST(a_stopped_agent_costs_two_seconds_and_no_more_P10),
                SERVER_TEST(an_agent_that_hangs_up_on_us_is_absent_P10),
                SERVER_TEST(an_allowing_answer_cut_anywhere_allows_nothing_P10),
                SERVER_TEST(an_answer_about_a_shorter_name_is_not_ours_O10),
                SERVER_TEST(the_first_answer_counts),
                SERVER_TEST(descriptors_with_the_answer_are_closed_O4),
                SERVER_TEST(only_root_on_a_socket_of_roots_is_asked_O26),
                SERVER_TEST(no_number_of_descriptors_lets_anybody_in_P22),
                HOST_TEST(no_amount_of_memory_lets_anybody_in_P22),
                SERVER_TEST(a_host_may_close_and_reuse_every_descriptor_between_phases),
                HOST_TEST(the_environment_says_nothing_O9),
        };

        if (geteuid() != 0) {
                printf("skipped: pam_nhi leaves callers alone that are not root\n");
                return 0;
        }
        return cmocka_run_group_tests_name("pam-hostile", tests, host_setup, host_teardown);
}
