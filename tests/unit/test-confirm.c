/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl enforce --confirm-within: a host below the test root with a systemd and an agent of ours,
 * and nhictl killed between any two of its steps (K09). */

#include "nhictl/confirm/confirm.h"
#include "nhictl/confirm/revert.h"
#include "nhictl/grant.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define TIMER_FILE PATH_ROOT "/timer"
#define FAULT_FILE PATH_ROOT "/fault"
#define LIFE_FILE  PATH_ROOT "/life"
#define BEFORE     "# by hand\nmodes:\n{\n        jobs = \"enforce\";\n};\n"
#define ACCOUNT    "account svc-x 70001\n"

static const char systemctl_script[] =
        "#!/bin/sh\n"
        "fault=$(cat " FAULT_FILE " 2>/dev/null)\n"
        "case \"$*\" in\n"
        "'--quiet is-enabled '*) exit 1 ;;\n"
        "'--quiet enable '*) [ \"$fault\" != enable ] || kill -9 $PPID ;;\n"
        "'--quiet is-active nhi-revert.timer') test -e " TIMER_FILE " ;;\n"
        "'--quiet stop nhi-revert.timer') rm -f " TIMER_FILE " ;;\n"
        "'is-active nhi-agentd.service') cat " LIFE_FILE " ;;\n"
        "*) exit 9 ;;\n"
        "esac\n";

static const char systemd_run_script[] = "#!/bin/sh\n"
                                         "fault=$(cat " FAULT_FILE " 2>/dev/null)\n"
                                         "[ \"$fault\" != no-timer ] || exit 1\n"
                                         "[ \"$fault\" != before-timer ] || kill -9 $PPID\n"
                                         "echo \"$*\" >" TIMER_FILE "\n"
                                         "[ \"$fault\" != after-timer ] || kill -9 $PPID\n";

/* ---- the host ----------------------------------------------------------------------------------
 */

/* What the agent of the test shares with the test. */
static struct Shared {
        unsigned n_requests, kill_at; /* kill nhictl instead of the answer to this one; 0: never */
        pid_t nhictl;
        bool refuses;  /* keeps its configuration when it is told to reload */
        bool refused;  /* has done so, and says it */
        bool enforced; /* what it has in force: logins */
        bool jobs_observe, jobs_are_observed; /* once it is told to reload: jobs */
        unsigned n_late;  /* so many answers later, in them still reloading, the gates are published
                           */
        unsigned n_lists; /* each time something else has changed, and what was new is published */
} * shared;
static pid_t agent;

static void put(const char *path, const char *text, mode_t mode)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
        assert_int_equal(fchmod(fd, mode), 0);
        assert_int_equal(close(fd), 0);
}

static void text_is(const char *path, const char *expected)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        assert_int_equal(file_read_trusted(path, geteuid(), 65536, &text, &size), 0);
        assert_string_equal(text, expected);
}

static void gates_put(const char *path, const char *mode)
{
        char text[256];

        (void)snprintf(text, sizeof(text),
                       "nhi-gates 1\ngate logins %s ssh %%operators\ngate jobs enforce unit "
                       "svc-*\n" ACCOUNT "end 3\n",
                       mode);
        put(path, text, 0644);
}

static void gates_are(const char *path, const char *mode)
{
        char text[256];

        (void)snprintf(text, sizeof(text),
                       "nhi-gates 1\ngate logins %s ssh %%operators\ngate jobs enforce unit "
                       "svc-*\n" ACCOUNT "end 3\n",
                       mode);
        text_is(path, text);
}

static void agent_publish(void)
{
        gates_put(PATH_GATES_RUN, shared->enforced ? "enforce" : "observe");
        gates_put(PATH_GATES_STATE, shared->enforced ? "enforce" : "observe");
}

static void agent_reload(void)
{
        _cleanup_(modes_done) Modes m = { 0 };

        shared->refused = shared->refuses;
        if (shared->refused || modes_load(PATH_MODES_FILE, &m) < 0)
                return;
        shared->jobs_are_observed = shared->jobs_observe;
        shared->enforced = streq(modes_get(&m, "logins") ?: "observe", "enforce");
        if (shared->n_late == 0)
                agent_publish();
}

static size_t agent_list(char *ret, size_t size)
{
        shared->n_lists++;
        return (size_t)snprintf(ret, size,
                                "{\"schema\":1,\"ok\":true,\"grants\":[{\"jti\":\"g-1\"}],"
                                "\"changed\":%u,\"published\":%u}\n",
                                7 + shared->n_lists, 6 + shared->n_lists);
}

static size_t agent_status(char *ret, size_t size)
{
        const bool is_late = shared->enforced && shared->n_late > 0;

        if (is_late && --shared->n_late == 0)
                agent_publish();
        return (size_t)snprintf(
                ret, size,
                "{\"schema\":1,\"ok\":true,\"config_error\":%s,\"reloading\":%s,\"gates\":["
                "{\"name\":\"logins\",\"mode\":\"%s\",\"services\":[],\"accounts\":[]},"
                "{\"name\":\"jobs\",\"mode\":\"%s\",\"services\":[],\"accounts\":[]}]}\n",
                shared->refused ? "\"90-bad.conf:1\"" : "null",
                is_late && shared->n_late > 0 ? "true" : "false",
                shared->enforced ? "enforce" : "observe",
                shared->jobs_are_observed ? "observe" : "enforce");
}

static void agent_answer(int fd)
{
        char request[1024] = "", reply[1024];

        if (read(fd, request, sizeof(request) - 1) <= 0)
                return;
        if (strstr(request, "reload"))
                agent_reload();
        if (++shared->n_requests == shared->kill_at) {
                (void)kill(shared->nhictl, SIGKILL);
                return;
        }
        (void)(strstr(request, "\"list\"") ? agent_list(reply, sizeof(reply))
                                           : agent_status(reply, sizeof(reply)));
        (void)send(fd, reply, strlen(reply), MSG_NOSIGNAL);
}

static void agent_start(void)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", PATH_CONTROL_SOCK);
        (void)unlink(PATH_CONTROL_SOCK);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 8), 0);
        put(LIFE_FILE, "active\n", 0644);
        agent = fork();
        assert_true(agent >= 0);
        while (agent == 0) {
                int peer = accept(fd, NULL, NULL);

                agent_answer(peer);
                (void)close(peer);
        }
        (void)close(fd);
}

static void agent_stop(void)
{
        if (agent > 0) {
                (void)kill(agent, SIGKILL);
                (void)waitpid(agent, NULL, 0);
        }
        agent = 0;
        put(LIFE_FILE, "failed\n", 0644);
        (void)unlink(PATH_CONTROL_SOCK);
}

static int host_setup(void **state)
{
        static const char *const folders[] = {
                PATH_ROOT,
                PATH_ROOT "/run",
                PATH_RUN_DIR,
                PATH_ROOT "/var",
                PATH_ROOT "/var/lib",
                PATH_STATE_DIR,
                PATH_ROOT "/etc",
                PATH_ETC_DIR,
                PATH_CONF_DIR,
                PATH_ROOT "/usr",
                PATH_ROOT "/usr/bin",
                PATH_ROOT "/run/systemd",
                PATH_ROOT "/run/systemd/system",
        };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                (void)mkdir(folders[i], 0755);
        (void)unlink(PATH_PENDING);
        (void)unlink(PATH_CONFIRMED);
        (void)unlink(TIMER_FILE);
        (void)unlink(FAULT_FILE);
        put(PATH_ROOT "/usr/bin/systemctl", systemctl_script, 0755);
        put(PATH_ROOT "/usr/bin/systemd-run", systemd_run_script, 0755);
        put(PATH_MODES_FILE, BEFORE, 0644);
        gates_put(PATH_GATES_RUN, "observe");
        gates_put(PATH_GATES_STATE, "observe");
        shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
        assert_true(shared != MAP_FAILED);
        *shared = (struct Shared){ .kill_at = 0 };
        agent_start();
        return 0;
}

/* What other tests of this build must not find. */
static int host_teardown(void **state)
{
        static const char *const files[] = {
                PATH_ROOT "/usr/bin/systemctl",
                PATH_ROOT "/usr/bin/systemd-run",
                PATH_MODES_FILE,
                PATH_GATES_RUN,
                PATH_GATES_STATE,
                PATH_PENDING,
                PATH_CONFIRMED,
                PATH_PENDING_LOCK,
                PATH_BOOT_ID,
                TIMER_FILE,
                FAULT_FILE,
                LIFE_FILE,
        };

        agent_stop();
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                (void)unlink(files[i]);
        (void)rmdir(PATH_ROOT "/run/systemd/system");
        return munmap(shared, sizeof(*shared));
}

/* nhictl in a process of its own: its exit status, or minus the signal that ended it. */
static int nhictl(const char *a, const char *b, const char *c, const char *d)
{
        const char *argv[] = { "nhictl", a, b, c, d, NULL };
        int argc = 1, status = 0;
        pid_t pid = fork();

        while (argc < 5 && argv[argc])
                argc++;
        assert_true(pid >= 0);
        if (pid == 0) {
                int null_fd = open("/dev/null", O_RDWR);

                (void)dup2(null_fd, STDOUT_FILENO);
                (void)dup2(null_fd, STDERR_FILENO);
                shared->nhictl = getpid();
                _exit(nhictl_main(argc, (char **)(uintptr_t)argv));
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int enforce(void)
{
        return nhictl("enforce", "logins", "--confirm-within", "10m");
}

static bool is_there(const char *path)
{
        return access(path, F_OK) == 0;
}

static bool is_enforced_anywhere(void)
{
        _cleanup_(modes_done) Modes m = { 0 };
        _cleanup_free_ char *run = NULL;
        size_t size = 0;

        assert_int_equal(modes_load(PATH_MODES_FILE, &m), 0);
        assert_int_equal(file_read_trusted(PATH_GATES_RUN, geteuid(), 65536, &run, &size), 0);
        return streq_ptr(modes_get(&m, "logins"), "enforce") || strstr(run, "logins enforce");
}

static void everything_is_as_before(void)
{
        text_is(PATH_MODES_FILE, BEFORE);
        gates_are(PATH_GATES_RUN, "observe");
        gates_are(PATH_GATES_STATE, "observe");
        assert_false(is_there(PATH_PENDING));
        assert_false(is_there(TIMER_FILE));
}

/* ---- what happens ------------------------------------------------------------------------------
 */

/* C1 in the good case. */
static void what_is_enforced_has_a_record_and_a_timer(void **state)
{
        Pending p = { .gates = NULL };
        struct stat st;

        assert_int_equal(enforce(), 0);
        assert_true(is_enforced_anywhere());
        text_is(TIMER_FILE, "--quiet --collect --unit=nhi-revert.service --on-active=600s "
                            "--timer-property=AccuracySec=1s "
                            "--timer-property=IgnoreOnIsolate=yes\n");
        assert_int_equal(stat(PATH_PENDING, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(pending_load(&p), 0);
        assert_int_equal(json_array_size(p.gates), 1);
        assert_true(pending_names(&p, "logins"));
        assert_string_equal(p.before, BEFORE);
        assert_true(p.in_force_monotonic_usec > 0);
        assert_int_equal(p.deadline_sec - p.begun_sec, 600);
        pending_done(&p);
}

/* C1, K09: kill -9 wherever nhictl waits for somebody. */
static void a_kill_between_two_steps_never_leaves_it_enforced_without_a_way_back(void **state)
{
        static const struct {
                const char *fault;
                unsigned at_request; /* 1 status, 2 status, 3 reload, 4 status */
        } kills[] = { { "enable", 0 }, { "before-timer", 0 }, { "after-timer", 0 }, { NULL, 1 },
                      { NULL, 2 },     { NULL, 3 },           { NULL, 4 } };
        unsigned n_enforced = 0;

        for (size_t i = 0; i < ELEMENTSOF(kills); i++) {
                (void)unlink(FAULT_FILE);
                if (kills[i].fault)
                        put(FAULT_FILE, kills[i].fault, 0644);
                shared->n_requests = 0;
                shared->kill_at = kills[i].at_request;
                assert_int_equal(enforce(), -SIGKILL);
                if (is_enforced_anywhere()) {
                        n_enforced++;
                        assert_true(is_there(PATH_PENDING));
                        assert_true(is_there(TIMER_FILE));
                }
                shared->kill_at = 0;
                assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 0);
                text_is(PATH_MODES_FILE, BEFORE);
                assert_false(is_enforced_anywhere());
                assert_false(is_there(PATH_PENDING));
                (void)unlink(TIMER_FILE);
        }
        assert_int_equal(n_enforced, 3);
}

static void without_a_timer_nothing_is_enforced(void **state)
{
        put(FAULT_FILE, "no-timer", 0644);
        assert_int_equal(enforce(), 5);
        everything_is_as_before();
        (void)unlink(FAULT_FILE);
        assert_int_equal(rmdir(PATH_ROOT "/run/systemd/system"), 0);
        assert_int_equal(enforce(), 5);
        everything_is_as_before();
}

static void what_is_enforced_is_published_when_nhictl_returns(void **state)
{
        shared->n_late = 3;
        assert_int_equal(enforce(), 0);
        assert_int_equal(shared->n_late, 0);
        gates_are(PATH_GATES_RUN, "enforce");
}

/* On a large host something always changes: it is this grant's change that is waited for. */
static void a_grant_is_waited_for_until_pam_knows_it(void **state)
{
        assert_int_equal(grant_wait("g-1", 30), VERB_OK);
        assert_int_equal(shared->n_lists, 2);
}

static void what_the_agent_refuses_is_taken_back(void **state)
{
        shared->refuses = true;
        assert_int_not_equal(enforce(), 0);
        everything_is_as_before();
}

/* C3, R1, R2, R4 */
static void it_is_undone_with_the_agent_dead(void **state)
{
        assert_int_equal(enforce(), 0);
        agent_stop();
        assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 0);
        everything_is_as_before();
        assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 0);
        everything_is_as_before();
}

static void where_there_was_no_modes_file_there_is_none_again(void **state)
{
        assert_int_equal(unlink(PATH_MODES_FILE), 0);
        assert_int_equal(enforce(), 0);
        assert_true(is_there(PATH_MODES_FILE));
        assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 0);
        assert_false(is_there(PATH_MODES_FILE));
        assert_false(is_there(PATH_PENDING));
}

/* R3: the modules obey, but the agent would enforce again. */
static void the_record_stays_while_the_agent_keeps_its_modes(void **state)
{
        assert_int_equal(enforce(), 0);
        shared->refuses = true;
        assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 5);
        gates_are(PATH_GATES_RUN, "observe");
        gates_are(PATH_GATES_STATE, "observe");
        assert_true(is_there(PATH_PENDING));
        shared->refuses = false;
        assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 0);
        everything_is_as_before();
}

static void before_its_time_a_revert_that_is_due_only_does_nothing(void **state)
{
        Pending p = { .gates = NULL };

        assert_int_equal(enforce(), 0);
        assert_int_equal(nhictl("enforce", "--revert", "--if-due", NULL), 0);
        assert_true(is_enforced_anywhere());
        assert_true(is_there(PATH_PENDING));

        assert_int_equal(pending_load(&p), 0);
        p.deadline_monotonic_usec = (int64_t)now_monotonic_usec();
        assert_int_equal(pending_save(&p), 0);
        pending_done(&p);
        assert_int_equal(nhictl("enforce", "--revert", "--if-due", NULL), 0);
        everything_is_as_before();
}

/* On a disk that is read-only by now it could not be. */
static void a_modes_file_that_is_as_before_is_not_written(void **state)
{
        struct stat before, after;

        assert_int_equal(enforce(), 0);
        put(PATH_MODES_FILE, BEFORE, 0644);
        assert_int_equal(stat(PATH_MODES_FILE, &before), 0);
        assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 0);
        assert_int_equal(stat(PATH_MODES_FILE, &after), 0);
        assert_int_equal(before.st_ino, after.st_ino);
        everything_is_as_before();
}

/* A soft reboot stops every unit, timers too, and keeps /run. */
static void a_timer_that_is_gone_is_armed_for_the_time_that_is_left(void **state)
{
        _cleanup_free_ char *timer = NULL;
        Pending p = { .gates = NULL };
        size_t size;

        assert_int_equal(enforce(), 0);
        assert_int_equal(pending_load(&p), 0);
        p.deadline_monotonic_usec = (int64_t)(now_monotonic_usec() + 100 * USEC_PER_SEC);
        assert_int_equal(pending_save(&p), 0);
        pending_done(&p);
        assert_int_equal(unlink(TIMER_FILE), 0);
        assert_int_equal(nhictl("enforce", "--revert", "--if-due", NULL), 0);
        assert_int_equal(file_read_trusted(TIMER_FILE, owner_trusted(), 4096, &timer, &size), 0);
        assert_true(strstr(timer, "--on-active=100s") || strstr(timer, "--on-active=99s"));

        /* The unit fails, so that it is started again. */
        assert_int_equal(unlink(TIMER_FILE), 0);
        put(FAULT_FILE, "no-timer", 0644);
        assert_int_equal(nhictl("enforce", "--revert", "--if-due", NULL), 5);
        assert_true(is_there(PATH_PENDING));
}

/* /run is empty after a restart, and the timer is gone. */
static void a_restart_within_the_time_makes_it_due(void **state)
{
        assert_int_equal(enforce(), 0);
        assert_int_equal(unlink(PATH_BOOT_ID), 0);
        assert_int_equal(unlink(TIMER_FILE), 0);
        assert_int_equal(unlink(PATH_GATES_RUN), 0);
        agent_stop();
        assert_int_equal(nhictl("enforce", "--revert", "--if-due", NULL), 0);
        gates_are(PATH_GATES_STATE, "observe");
        text_is(PATH_MODES_FILE, BEFORE);
        assert_false(is_there(PATH_PENDING));
}

static void one_at_a_time(void **state)
{
        _cleanup_free_ char *record = NULL;
        size_t size = 0;

        assert_int_equal(enforce(), 0);
        assert_int_equal(file_read_trusted(PATH_PENDING, geteuid(), 65536, &record, &size), 0);
        shared->enforced = false; /* so that there is something to change */
        assert_int_equal(enforce(), 1);
        assert_int_equal(nhictl("enforce", "logins", NULL, NULL), 1);
        text_is(PATH_PENDING, record);
}

static void observe_takes_it_back(void **state)
{
        assert_int_equal(enforce(), 0);
        assert_int_equal(nhictl("observe", "logins", NULL, NULL), 0);
        assert_false(is_there(PATH_PENDING));
        assert_false(is_there(TIMER_FILE));
        assert_false(is_enforced_anywhere());
}

static void what_was_observed_meanwhile_is_not_enforced_by_the_revert(void **state)
{
        _cleanup_(modes_done) Modes m = { 0 };

        assert_int_equal(enforce(), 0);
        shared->jobs_observe = true;
        assert_int_equal(nhictl("observe", "jobs", NULL, NULL), 0);
        assert_true(is_there(PATH_PENDING));
        assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 0);
        assert_int_equal(modes_load(PATH_MODES_FILE, &m), 0);
        assert_string_equal(modes_get(&m, "jobs"), "observe");
        assert_null(modes_get(&m, "logins"));
}

static void an_observe_that_failed_changes_nothing_of_what_is_put_back(void **state)
{
        assert_int_equal(enforce(), 0);
        shared->refuses = true;
        assert_int_equal(nhictl("observe", "jobs", NULL, NULL), 5);
        shared->refuses = false;
        assert_true(is_there(PATH_PENDING));
        assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 0);
        everything_is_as_before();
}

/* This process belongs to no login that logind knows. */
static void who_is_no_login_confirms_nothing(void **state)
{
        assert_int_equal(nhictl("enforce", "--confirm", NULL, NULL), 1);
        assert_int_equal(enforce(), 0);
        assert_int_equal(nhictl("enforce", "--confirm", NULL, NULL), 1);
        assert_true(is_there(PATH_PENDING));
        assert_true(is_there(TIMER_FILE));
        assert_false(is_there(PATH_CONFIRMED));
}

static void the_time_has_limits(void **state)
{
        assert_int_equal(nhictl("enforce", "logins", "--confirm-within", "9s"), 2);
        assert_int_equal(nhictl("enforce", "logins", "--confirm-within", "86401s"), 2);
        everything_is_as_before();
        assert_int_equal(nhictl("enforce", "logins", "--confirm-within", "10s"), 0);
        assert_int_equal(nhictl("enforce", "--revert", NULL, NULL), 0);
        assert_int_equal(nhictl("enforce", "logins", "--confirm-within", "24h"), 0);
}

static void options_that_exclude_each_other_are_refused(void **state)
{
        assert_int_equal(nhictl("enforce", "--confirm", "--revert", NULL), 2);
        assert_int_equal(nhictl("enforce", "--confirm", "logins", NULL), 2);
        assert_int_equal(nhictl("enforce", "--revert", "logins", NULL), 2);
        assert_int_equal(nhictl("enforce", "--if-due", NULL, NULL), 2);
        assert_int_equal(nhictl("enforce", "--confirm-within", "10m", "--confirm"), 2);
        everything_is_as_before();
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, host_setup, host_teardown)
        const struct CMUnitTest tests[] = {
                CASE(what_is_enforced_has_a_record_and_a_timer),
                CASE(a_kill_between_two_steps_never_leaves_it_enforced_without_a_way_back),
                CASE(without_a_timer_nothing_is_enforced),
                CASE(what_is_enforced_is_published_when_nhictl_returns),
                CASE(a_grant_is_waited_for_until_pam_knows_it),
                CASE(what_the_agent_refuses_is_taken_back),
                CASE(it_is_undone_with_the_agent_dead),
                CASE(where_there_was_no_modes_file_there_is_none_again),
                CASE(the_record_stays_while_the_agent_keeps_its_modes),
                CASE(before_its_time_a_revert_that_is_due_only_does_nothing),
                CASE(a_modes_file_that_is_as_before_is_not_written),
                CASE(a_timer_that_is_gone_is_armed_for_the_time_that_is_left),
                CASE(a_restart_within_the_time_makes_it_due),
                CASE(one_at_a_time),
                CASE(observe_takes_it_back),
                CASE(what_was_observed_meanwhile_is_not_enforced_by_the_revert),
                CASE(an_observe_that_failed_changes_nothing_of_what_is_put_back),
                CASE(who_is_no_login_confirms_nothing),
                CASE(the_time_has_limits),
                CASE(options_that_exclude_each_other_are_refused),
        };

        /* nhictl believes an agent of root's only; a package is built by somebody else. */
        if (geteuid() != 0) {
                puts("[  SKIPPED ] confirm: only as root");
                return 0;
        }
        return cmocka_run_group_tests(tests, NULL, NULL);
}
