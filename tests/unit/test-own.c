/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where PID 1 is no systemd: what there is to end sessions by, groups of our own, and sessions that
 * are known by their processes, on real processes. */

#include "nhi-agentd/session/registry.h"

#include "lib/base/io.h"
#include "lib/base/path.h"
#include "tests/process.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#define TEST_DIR PATH_ROOT "/own"
#define STATE    TEST_DIR "/sessions.json"

typedef struct Host {
        sd_event *event;
        Sessions *sessions;
        bool closed; /* every way into the account is enforced */
        Now now;
        Decision verdict;
        unsigned n_ended, n_started;
        char code[64];
        Reason reason;
        unsigned n_done;
        pid_t leader;
        int pipe_fd; /* closed, the leader goes */
} Host;

static Decision host_judge(void *userdata, const Grant *tied, const AccessRequest *request)
{
        return ((Host *)userdata)->verdict;
}

static Now host_now(void *userdata)
{
        return ((Host *)userdata)->now;
}

static bool host_closed(void *userdata, const char *account, uint32_t uid)
{
        return ((Host *)userdata)->closed;
}

static void host_record(void *userdata, const Event *event)
{
        Host *h = userdata;

        h->n_started += event->kind == EVENT_SESSION_START;
        if (event->kind != EVENT_SESSION_END)
                return;
        h->n_ended++;
        (void)snprintf(h->code, sizeof(h->code), "%s", event->code ?: "");
}

static const Grant *host_grant(void *userdata, const char *jti)
{
        return NULL;
}

static void sessions_begin(Host *h)
{
        SessionsHost host = { .userdata = h,
                              .judge = host_judge,
                              .now = host_now,
                              .record = host_record,
                              .grant = host_grant,
                              .account_is_closed = host_closed,
                              .grace_usec = 100000,
                              .means = { .kind = MEANS_PROCESSES } };

        assert_int_equal(sessions_new(h->event, &host, STATE, &h->sessions), 0);
}

static int host_setup(void **state)
{
        Host *h = calloc(1, sizeof(*h));

        assert_non_null(h);
        (void)mkdir(PATH_ROOT, 0755);
        (void)mkdir(TEST_DIR, 0755);
        (void)unlink(STATE);
        h->closed = true;
        h->now = (Now){ .real_usec = 1000000, .boot_usec = 1000000 };
        h->verdict = (Decision){ .verdict = VERDICT_ALLOW,
                                 .reason = REASON_GRANTED,
                                 .end_sec = 100,
                                 .boot_end_usec = 100000000 };
        assert_true(sd_event_new(&h->event) >= 0);
        sessions_begin(h);
        *state = h;
        return 0;
}

static int host_teardown(void **state)
{
        Host *h = *state;

        sessions_free(h->sessions);
        sd_event_unref(h->event);
        (void)unlink(STATE);
        (void)rmdir(TEST_DIR);
        free(h);
        return 0;
}

static bool run_until(Host *h, bool (*there)(const Host *h))
{
        const uint64_t end = now_monotonic_usec() + 30 * USEC_PER_SEC;

        while (!there(h) && now_monotonic_usec() < end)
                assert_true(sd_event_run(h->event, 50000) >= 0);
        return there(h);
}

static bool is_answered(const Host *h)
{
        return h->n_done > 0;
}

static bool is_empty(const Host *h)
{
        return sessions_count(h->sessions) == 0;
}

static void on_done(void *userdata, Reason reason, const char *session_id)
{
        Host *h = userdata;

        h->reason = reason;
        h->n_done++;
}

/* A login: a leader, whose job ignores whoever asks it to go, in a session of its own. Returns the
 * job. */
static pid_t leader_begin(Host *h)
{
        int told[2], held[2];
        pid_t job = 0;

        assert_int_equal(pipe2(told, O_CLOEXEC), 0);
        assert_int_equal(pipe2(held, O_CLOEXEC), 0);
        h->leader = fork();
        assert_true(h->leader >= 0);
        if (h->leader == 0) {
                char byte;

                (void)close(held[1]);
                (void)setsid();
                job = fork();
                if (job == 0) {
                        (void)setsid();
                        (void)signal(SIGTERM, SIG_IGN);
                        (void)signal(SIGHUP, SIG_IGN);
                        for (;;)
                                (void)pause();
                }
                (void)!write(told[1], &job, sizeof(job));
                (void)!read(held[0], &byte, 1);
                _exit(0);
        }
        (void)close(told[1]);
        (void)close(held[0]);
        h->pipe_fd = held[1];
        assert_int_equal(read(told[0], &job, sizeof(job)), sizeof(job));
        (void)close(told[0]);
        return job;
}

static void session_begin(Host *h, bool elevation)
{
        const Grant grant = { .jti = "g-1", .account = "svc", .issuer = "i", .exp_sec = 100 };
        const AccessRequest request = { .kind = REQUEST_SESSION,
                                        .account = "svc",
                                        .uid = 70001,
                                        .class = elevation ? "sudo" : "ssh",
                                        .elevation = elevation };
        Caller c = { .pid = h->leader,
                     .pidfd = (int)syscall(SYS_pidfd_open, h->leader, 0),
                     .loginuid = AUDIT_UNSET,
                     .audit_session = AUDIT_UNSET };

        assert_int_equal(session_open(h->sessions, &c, &grant, &request, "sshd", "", "", 100,
                                      100000000, on_done, h),
                         0);
        caller_done(&c);
        assert_int_equal(h->n_done, 0); /* never from within */
        assert_true(run_until(h, is_answered));
}

static void leader_over(Host *h)
{
        (void)close(h->pipe_fd);
        (void)kill(h->leader, SIGKILL);
        (void)waitpid(h->leader, NULL, 0);
}

static bool is_running(pid_t pid)
{
        Process p;

        return process_read(pid, &p) == 0 && !p.is_zombie;
}

static void a_session_without_cgroup_ends_with_all_that_it_began(void **state) /* S01 */
{
        Host *h = *state;
        const pid_t job = leader_begin(h);

        session_begin(h, false);
        assert_int_equal(h->reason, REASON_GRANTED);
        assert_int_equal(sessions_count(h->sessions), 1);
        h->verdict = (Decision){ .verdict = VERDICT_DENY, .reason = REASON_REVOKED };
        sessions_review(h->sessions);
        assert_true(run_until(h, is_empty));
        assert_string_equal(h->code, "revoked");
        assert_false(is_running(job));
        assert_false(is_running(h->leader));
        leader_over(h);
}

/* Deaf, in a session of its own, and without a parent. */
static void what_a_logout_leaves_ends_with_the_grant(void **state) /* S01 */
{
        Host *h = *state;
        const pid_t job = leader_begin(h);

        session_begin(h, false);
        assert_int_equal(h->reason, REASON_GRANTED);
        while (process_tree_count(&h->sessions->sessions->tree) < 2) /* a look has seen the job */
                assert_true(sd_event_run(h->event, 50000) >= 0);
        leader_over(h);
        assert_true(is_running(job));
        assert_int_equal(sessions_count(h->sessions), 1);
        h->verdict = (Decision){ .verdict = VERDICT_DENY, .reason = REASON_EXPIRED };
        sessions_review(h->sessions);
        assert_true(run_until(h, is_empty));
        assert_false(is_running(job));
}

static bool has_looked(const Host *h)
{
        return h->sessions->tree_usec > 0;
}

static bool knows_two(const Host *h)
{
        return process_tree_count(&h->sessions->sessions->tree) >= 2;
}

/* Not by how long /proc took to read only. */
static void polls_rest_by_all_that_they_took(void **state)
{
        Host *h = *state;
        const uint64_t least_usec = tree_poll_usec(h->sessions);
        const pid_t job = leader_begin(h);

        session_begin(h, false);
        assert_true(run_until(h, has_looked));
        assert_true(h->sessions->tree_usec >=
                    h->sessions->processes.end_usec - h->sessions->processes.begin_usec);
        h->sessions->tree_usec = USEC_PER_SEC;
        assert_true(tree_poll_usec(h->sessions) > 10 * USEC_PER_SEC);
        assert_true(tree_poll_usec(h->sessions) > least_usec);
        assert_int_equal(kill(job, SIGKILL), 0);
        leader_over(h);
}

static void a_session_that_empties_is_closed(void **state)
{
        Host *h = *state;
        const pid_t job = leader_begin(h);

        session_begin(h, false);
        assert_int_equal(kill(job, SIGKILL), 0);
        leader_over(h);
        assert_true(run_until(h, is_empty));
        assert_string_equal(h->code, "closed");
        assert_int_equal(h->n_ended, 1);
}

static void a_new_registry_knows_the_processes_of_the_former_one(void **state) /* S09 */
{
        Host *h = *state;
        const pid_t job = leader_begin(h);

        session_begin(h, false);
        assert_true(run_until(h, knows_two));
        assert_int_equal(sessions_save_now(h->sessions), 0);
        sessions_free(h->sessions);
        leader_over(h);
        h->verdict = (Decision){ .verdict = VERDICT_DENY, .reason = REASON_EXPIRED };
        sessions_begin(h);
        assert_int_equal(sessions_start(h->sessions, NULL, NULL), 0);
        assert_int_equal(sessions_count(h->sessions), 1);
        assert_true(run_until(h, is_empty));
        assert_false(is_running(job));
}

static void what_could_not_be_told_is_denied(void **state)
{
        Host *h = *state;
        const pid_t job = leader_begin(h);

        h->closed = false;
        session_begin(h, false);
        assert_int_equal(h->reason, REASON_SESSION_UNKNOWN);
        h->n_done = 0;
        h->closed = true;
        session_begin(h, true); /* no audit session tells what an elevation began */
        assert_int_equal(h->reason, REASON_SESSION_UNKNOWN);
        assert_int_equal(sessions_count(h->sessions), 0);
        assert_int_equal(h->n_started, 0);
        assert_true(is_running(job)); /* who is denied is not ended */
        assert_int_equal(kill(job, SIGKILL), 0);
        leader_over(h);
}

/* ---- means, names ---- */

static void without_systemd_and_cgroups_there_are_processes(void **state)
{
        SessionMeans m;

        means_detect(&m);
        assert_int_equal(m.kind, MEANS_PROCESSES);
        assert_string_equal(means_name(m.kind), "processes");
}

static void with_systemd_it_is_pid_1(void **state)
{
        static const char *const dirs[] = { PATH_ROOT "/run", PATH_ROOT "/run/systemd",
                                            PATH_ROOT "/run/systemd/system" };
        SessionMeans m;

        for (size_t i = 0; i < ELEMENTSOF(dirs); i++)
                (void)mkdir(dirs[i], 0755);
        means_detect(&m);
        assert_int_equal(rmdir(dirs[2]), 0);
        (void)rmdir(dirs[1]);
        assert_int_equal(m.kind, MEANS_PID1);
}

static void only_groups_of_sessions_are_our_own(void **state) /* E3 */
{
        static const char *const own[] = { "/nhi/s1", "/docker/abc/nhi/s42", "/nhi/s1/s2/s3",
                                           "/nhi/pod/nhi/s1", "/nhi/nhi/s1/s2" };
        static const char *const others[] = {
                "/",
                "/nhi",
                "/nhi/",
                "/nhi/s",
                "/nhi/s1/",
                "/nhi/s1/x",
                "/nhi/s1x",
                "/nhi/try",
                "/xnhi/s1",
                "/s1",
                "/nhi/s1/s",
                "/nhi/ss1",
                "/system.slice",
                "/nhi/S1",
                "",
                "/nhi/s1/nhi/x",
        };

        for (size_t i = 0; i < ELEMENTSOF(own); i++)
                assert_non_null(cgroup_own(own[i]));
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_null(cgroup_own(others[i]));
        assert_string_equal(cgroup_own(own[3]), "/nhi/s1"); /* not the container's */
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, host_setup, host_teardown)
        const struct CMUnitTest tests[] = {
                CASE(a_session_without_cgroup_ends_with_all_that_it_began),
                CASE(what_a_logout_leaves_ends_with_the_grant),
                CASE(polls_rest_by_all_that_they_took),
                CASE(a_session_that_empties_is_closed),
                CASE(a_new_registry_knows_the_processes_of_the_former_one),
                CASE(what_could_not_be_told_is_denied),
                cmocka_unit_test(without_systemd_and_cgroups_there_are_processes),
                cmocka_unit_test(with_systemd_it_is_pid_1),
                cmocka_unit_test(only_groups_of_sessions_are_our_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
