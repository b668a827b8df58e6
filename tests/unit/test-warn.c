/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Words to terminals: to whose (T1, T2 of terminal.h), when, and how often. The terminals are real,
 * the cgroup is a file and the clock is the test's. */

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhi-agentd/session/registry.h"
#include "nhi-agentd/session/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

/* cmocka.h needs the above */
#include <cmocka.h>

#define GROUP       "/user.slice/user-1000.slice/nhi-g-1-1.scope"
#define GROUP_DIR   PATH_ROOT "/sys/fs/cgroup" GROUP
#define STATE       PATH_ROOT "/test-warn.json"
#define REAL_USEC   1763760000000000
#define BOOT_USEC   5000000000
#define PATIENCE_MS 30000

/* ---- a process on a terminal of its own ---- */

typedef struct Person {
        pid_t pid;
        int screen; /* what the terminal shows */
} Person;

static void sit(const char *terminal, int ready)
{
        const int fd = setsid() < 0 ? -1 : open(terminal, O_RDWR | O_CLOEXEC);

        if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0 || write(ready, "r", 1) != 1)
                _exit(1);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* The field of /proc that says which terminal comes behind the name. */
        (void)prctl(PR_SET_NAME, ") R 1 1 1 0");
        for (;;)
                (void)pause();
}

static Person person_new(void)
{
        Person p = { .screen = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) };
        char terminal[64], byte;
        int ready[2];

        assert_true(p.screen >= 0);
        assert_int_equal(grantpt(p.screen), 0);
        assert_int_equal(unlockpt(p.screen), 0);
        assert_int_equal(ptsname_r(p.screen, terminal, sizeof(terminal)), 0);
        assert_int_equal(pipe(ready), 0);
        p.pid = fork();
        assert_true(p.pid >= 0);
        if (p.pid == 0)
                sit(terminal, ready[1]);
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        return p;
}

static void person_free(Person *p)
{
        (void)kill(p->pid, SIGKILL);
        (void)waitpid(p->pid, NULL, 0);
        (void)close(p->screen);
}

/* What came to the screen since, until these words and the end of their line are there: the kernel
 * brings them by and by, and in pieces. NULL: nothing shall come. */
static const char *person_reads(const Person *p, const char *words)
{
        static char text[4096];
        struct pollfd fd = { .fd = p->screen, .events = POLLIN };
        size_t size = 0;

        text[0] = '\0';
        while (poll(&fd, 1, words ? PATIENCE_MS : 20) > 0) {
                const ssize_t n = read(p->screen, text + size, sizeof(text) - 1 - size);

                if (n <= 0)
                        break;
                size += (size_t)n;
                text[size] = '\0';
                if (words && strstr(text, words) && text[size - 1] == '\n')
                        break;
        }
        return text;
}

/* ---- T1, T2 ---- */

static void each_terminal_is_told_once(void **state)
{
        Person a = person_new(), b = person_new();
        const pid_t pids[] = { a.pid, b.pid, a.pid, 0, -1, b.pid };

        assert_int_equal(terminal_tell(pids, ELEMENTSOF(pids), geteuid(), "off\r\n"), 2);
        assert_string_equal(person_reads(&a, "off"), "off\r\r\n");
        assert_string_equal(person_reads(&b, "off"), "off\r\r\n");
        assert_string_equal(person_reads(&a, NULL), "");
        person_free(&a);
        person_free(&b);
}

static void a_terminal_of_somebody_else_is_left_alone(void **state)
{
        Person a = person_new();

        assert_int_equal(terminal_tell(&a.pid, 1, geteuid() + 1, "off\r\n"), 0);
        assert_string_equal(person_reads(&a, NULL), "");
        person_free(&a);
}

static void a_process_that_is_gone_or_has_no_terminal_is_told_nothing(void **state)
{
        Person a = person_new();
        const pid_t gone = a.pid;
        pid_t without = fork();

        assert_true(without >= 0);
        if (without == 0) {
                (void)setsid();
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        (void)pause();
        }
        person_free(&a);
        assert_int_equal(terminal_tell(&gone, 1, geteuid(), "off\r\n"), 0);
        while (getsid(without) != without)
                (void)sched_yield();
        assert_int_equal(terminal_tell(&without, 1, geteuid(), "off\r\n"), 0);
        (void)kill(without, SIGKILL);
        (void)waitpid(without, NULL, 0);
}

/* Ctrl-S, or a client that reads no more. */
static void a_terminal_that_takes_nothing_holds_nobody_up(void **state)
{
        static char much[4096];
        Person a = person_new();
        const uint64_t begin = now_monotonic_usec();

        memset(much, 'x', sizeof(much) - 1);
        for (int i = 0; i < 64; i++)
                (void)terminal_tell(&a.pid, 1, geteuid(), much);
        assert_int_equal(terminal_tell(&a.pid, 1, geteuid(), much), 0);
        assert_true(now_monotonic_usec() - begin < PATIENCE_MS * 1000ull);
        person_free(&a);
}

/* ---- when ---- */

typedef struct World {
        sd_event *event;
        Sessions *sessions;
        Session *session;
        Person person;
        Now now;
} World;

static Now on_now(void *userdata)
{
        return ((World *)userdata)->now;
}

static Decision on_judge(void *userdata, const Grant *tied, const AccessRequest *request)
{
        const Session *s = ((World *)userdata)->session;

        return (Decision){ .verdict = VERDICT_ALLOW,
                           .reason = REASON_GRANTED,
                           .end_sec = s->end_sec,
                           .boot_end_usec = s->boot_end_usec };
}

static void on_record(void *userdata, const Event *e)
{
}

static const Grant *on_grant(void *userdata, const char *jti)
{
        return NULL;
}

static void file_write(const char *path, const char *text)
{
        assert_int_equal(file_replace(path, text, strlen(text), 0644, geteuid(), getegid(), false),
                         0);
}

static void group_make(pid_t pid)
{
        static const char dir[] = GROUP_DIR;
        char part[512], text[32];

        for (const char *p = &dir[1]; (p = strchr(p, '/')); p++) {
                (void)snprintf(part, sizeof(part), "%.*s", (int)(p - dir), dir);
                (void)mkdir(part, 0755);
        }
        (void)mkdir(GROUP_DIR, 0755);
        (void)snprintf(text, sizeof(text), "%d\n", (int)pid);
        file_write(GROUP_DIR "/cgroup.procs", text);
        file_write(GROUP_DIR "/cgroup.events", "populated 1\n");
}

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));
        const SessionsHost host = { .userdata = w,
                                    .judge = on_judge,
                                    .now = on_now,
                                    .record = on_record,
                                    .grant = on_grant };
        Session *s = NULL;

        assert_non_null(w);
        w->now = (Now){ REAL_USEC, BOOT_USEC };
        w->person = person_new();
        group_make(w->person.pid);
        assert_true(sd_event_new(&w->event) >= 0);
        assert_int_equal(sessions_new(w->event, &host, STATE, &w->sessions), 0);
        assert_int_equal(session_new(w->sessions, &s), 0);
        assert_int_equal(cgroup_open(GROUP, &s->group), 0);
        (void)snprintf(s->cgroup, sizeof(s->cgroup), "%s", GROUP);
        s->state = SESSION_ACTIVE;
        s->tie.request.account = "svc-deploy";
        s->tie.request.uid = geteuid();
        s->tie.request.class = "ssh";
        s->tie.grant.jti = "g-1";
        w->session = s;
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;

        person_free(&w->person);
        sessions_free(w->sessions);
        sd_event_unref(w->event);
        (void)unlink(STATE);
        (void)unlink(GROUP_DIR "/cgroup.procs");
        (void)unlink(GROUP_DIR "/cgroup.events");
        (void)rmdir(GROUP_DIR);
        free(w);
        return 0;
}

/* So much is left, on both clocks. */
static void left_set(World *w, int64_t left_usec)
{
        const int64_t end = w->session->end_sec * (int64_t)USEC_PER_SEC;

        w->now.boot_usec += (end - left_usec) - w->now.real_usec;
        w->now.real_usec = end - left_usec;
}

static void end_set(World *w, int64_t sec_from_now)
{
        w->session->end_sec = w->now.real_usec / (int64_t)USEC_PER_SEC + sec_from_now;
        w->session->boot_end_usec = w->now.boot_usec + sec_from_now * (int64_t)USEC_PER_SEC;
}

static void expect(const char *text, const char *part)
{
        if (!strstr(text, part))
                fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* The warning that is armed comes due: what is left, and what the person reads then. */
static void warning_comes(World *w, const char *words)
{
        assert_non_null(w->session->warn);
        left_set(w, w->session->warn_lead_usec);
        assert_true(sd_event_source_set_time(w->session->warn, 0) >= 0);
        assert_true(sd_event_run(w->event, 30 * USEC_PER_SEC) > 0);
        expect(person_reads(&w->person, words), words);
}

static void five_minutes_and_one_minute_before_the_end_the_person_is_warned(void **state)
{
        World *w = *state;

        end_set(w, 3600);
        warn_arm(w->session);
        warning_comes(w, "ends in 5 min");
        warning_comes(w, "ends in 1 min");
        assert_null(w->session->warn);
}

static void a_short_session_is_warned_as_often_as_fits(void **state)
{
        World *w = *state;

        end_set(w, 300);
        warn_arm(w->session);
        warning_comes(w, "ends in 1 min");
        assert_null(w->session->warn);
        end_set(w, 60);
        warn_arm(w->session);
        assert_null(w->session->warn);
}

static void a_prolonged_session_is_warned_anew_and_no_end_twice(void **state)
{
        World *w = *state;

        end_set(w, 3600);
        warn_arm(w->session);
        warning_comes(w, "ends in 5 min");
        left_set(w, 400000000); /* the clock was set back: it was told of this end */
        warn_arm(w->session);
        warning_comes(w, "ends in 1 min");
        end_set(w, 3600);
        warn_arm(w->session);
        warning_comes(w, "ends in 5 min");
}

static void a_clock_that_was_set_back_delays_the_warning(void **state)
{
        World *w = *state;

        end_set(w, 3600);
        warn_arm(w->session);
        left_set(w, 400000000);
        assert_true(sd_event_source_set_time(w->session->warn, 0) >= 0);
        assert_true(sd_event_run(w->event, 30 * USEC_PER_SEC) > 0);
        assert_string_equal(person_reads(&w->person, NULL), "");
        warning_comes(w, "ends in 5 min");
}

/* S09 */
static void a_session_of_before_is_warned_by_the_new_agent(void **state)
{
        World *w = *state;

        end_set(w, 3600);
        w->session->backstop = (Backstop){ .n = 1,
                                           .end_sec = w->session->end_sec,
                                           .boot_usec = w->session->boot_end_usec };
        sessions_review(w->sessions);
        warning_comes(w, "ends in 5 min");
        sessions_review(w->sessions);
        warning_comes(w, "ends in 1 min");
        sessions_review(w->sessions);
        assert_null(w->session->warn);
}

static void the_person_is_told_why_it_ends_and_once(void **state)
{
        const uint64_t deadline = now_monotonic_usec() + 30 * USEC_PER_SEC;
        World *w = *state;

        end_set(w, 3600);
        ending_begin(w->session, "revoked");
        assert_true(sd_event_run(w->event, 30 * USEC_PER_SEC) > 0);
        while (!w->session->ending->told && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(w->event, 30 * USEC_PER_SEC) > 0);
        expect(person_reads(&w->person, "the grant was revoked (revoked)"),
               "the grant was revoked (revoked)");
        assert_int_equal(w->session->ending->begun_usec, 0); /* a moment for the words to arrive */
        while (w->session->ending->begun_usec == 0 && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(w->event, 30 * USEC_PER_SEC) > 0);
        assert_true(w->session->ending->begun_usec > 0);
        assert_string_equal(person_reads(&w->person, NULL), "");
}

static void who_was_refused_is_told_by_others(void **state)
{
        World *w = *state;

        ending_begin_refused(w->session);
        assert_false(warn_over(w->session));
        assert_string_equal(person_reads(&w->person, NULL), "");
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_terminal_is_told_once),
                cmocka_unit_test(a_terminal_of_somebody_else_is_left_alone),
                cmocka_unit_test(a_process_that_is_gone_or_has_no_terminal_is_told_nothing),
                cmocka_unit_test(a_terminal_that_takes_nothing_holds_nobody_up),
                WITH_WORLD(five_minutes_and_one_minute_before_the_end_the_person_is_warned),
                WITH_WORLD(a_short_session_is_warned_as_often_as_fits),
                WITH_WORLD(a_prolonged_session_is_warned_anew_and_no_end_twice),
                WITH_WORLD(a_clock_that_was_set_back_delays_the_warning),
                WITH_WORLD(a_session_of_before_is_warned_by_the_new_agent),
                WITH_WORLD(the_person_is_told_why_it_ends_and_once),
                WITH_WORLD(who_was_refused_is_told_by_others),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
