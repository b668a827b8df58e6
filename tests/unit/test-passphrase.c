/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Passphrases from files, from the service manager and from somebody at a terminal. The terminal is
 * a pty, and the program that asks a child that leads its session. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhictl/passphrase.h"
#include "nhictl/prompt.h"
#include "nhictl/verb.h"
#include "tests/unit/ledger-fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <sys/wait.h>
#include <termios.h>

#define WAIT_USEC (20 * USEC_PER_SEC)
#define LONG_USEC (60 * USEC_PER_SEC)
#define LINE      "four words and more"

/* ---- files ---- */

static const char *file_with(const Fixture *f, const char *bytes, size_t size)
{
        static char path[600];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/" PASSPHRASE_CREDENTIAL, f->root);
        (void)unlink(path);
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, size, file), size);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(chmod(path, 0600), 0);
        return path;
}
#define FILE_WITH(f, text) file_with(f, text, sizeof(text) - 1)

static void one_line_of_a_file_is_the_passphrase(void **state)
{
        const char *path = FILE_WITH(*state, "w\303\266rter und w\303\266rter\n");
        Passphrase *p = NULL;

        assert_int_equal(passphrase_get("the key", path, &p), VERB_OK);
        assert_string_equal(p->text, "w\303\266rter und w\303\266rter");
        assert_false(p->is_typed);
        p = passphrase_free(p);

        path = FILE_WITH(*state, " blanks stay ");
        assert_int_equal(passphrase_get("the key", path, &p), VERB_OK);
        assert_string_equal(p->text, " blanks stay ");
        (void)passphrase_free(p);
}

static void a_file_that_is_not_one_line_of_ours_is_refused(void **state)
{
        char large[PASSPHRASE_MAX + 2];
        Passphrase *p = NULL;
        const char *path;

        assert_int_equal(passphrase_get("k", FILE_WITH(*state, ""), &p), VERB_FAILED);
        assert_int_equal(passphrase_get("k", FILE_WITH(*state, "\n"), &p), VERB_FAILED);
        assert_int_equal(passphrase_get("k", FILE_WITH(*state, "one\ntwo\n"), &p), VERB_FAILED);
        assert_int_equal(passphrase_get("k", FILE_WITH(*state, "nul\0inside"), &p), VERB_FAILED);
        memset(large, 'x', sizeof(large));
        path = file_with(*state, large, PASSPHRASE_MAX + 1);
        assert_int_equal(passphrase_get("k", path, &p), VERB_FAILED);
        path = file_with(*state, large, PASSPHRASE_MAX);
        assert_int_equal(passphrase_get("k", path, &p), VERB_OK);
        assert_int_equal(strlen(p->text), PASSPHRASE_MAX);
        p = passphrase_free(p);
        assert_int_equal(chmod(path, 0622), 0);
        assert_int_equal(passphrase_get("k", path, &p), VERB_FAILED);
        assert_int_equal(passphrase_get("k", "/no/where", &p), VERB_FAILED);
        assert_null(p);
}

static void the_service_managers_credential_is_taken_where_no_file_is_named(void **state)
{
        const Fixture *f = *state;
        Passphrase *p = NULL;

        (void)FILE_WITH(f, "from the manager\n");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", f->root, 1), 0);
        assert_int_equal(passphrase_get("k", NULL, &p), VERB_OK);
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        assert_string_equal(p->text, "from the manager");
        (void)passphrase_free(p);
}

static void a_new_one_has_twelve_characters(void **state)
{
        Passphrase *p = NULL;

        assert_int_equal(passphrase_choose("k", FILE_WITH(*state, "eleven char"), &p), VERB_USAGE);
        /* Eleven characters in more bytes. */
        assert_int_equal(passphrase_choose("k", FILE_WITH(*state, "elev\303\251n char"), &p),
                         VERB_USAGE);
        assert_int_equal(passphrase_choose("k", FILE_WITH(*state, "twelve chars"), &p), VERB_OK);
        (void)passphrase_free(p);
}

/* ---- a terminal ---- */

typedef struct Desk {
        pid_t pid;
        int master;
        char seen[4096]; /* what the terminal showed */
        size_t n;
} Desk;

/* What the child does; its exit status. */
typedef int (*Program)(void);

static void be_the_child(const char *terminal, Program program)
{
        int fd;

        (void)setsid();
        fd = open(terminal, O_RDWR);
        if (fd < 0)
                _exit(99);
        (void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        _exit(program());
}

static void desk_open(Desk *d, Program program)
{
        *d = (Desk){ .master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK) };
        assert_true(d->master >= 0);
        assert_int_equal(grantpt(d->master), 0);
        assert_int_equal(unlockpt(d->master), 0);
        d->pid = fork();
        assert_true(d->pid >= 0);
        if (d->pid == 0)
                be_the_child(ptsname(d->master), program);
}

static size_t count(const char *text, const char *what)
{
        size_t n = 0;

        for (; (text = strstr(text, what)); text += strlen(what))
                n++;
        return n;
}

/* Until the terminal showed `what` n times. */
static void desk_wait(Desk *d, const char *what, size_t n)
{
        const uint64_t deadline = now_monotonic_usec() + WAIT_USEC;

        while (count(d->seen, what) < n) {
                ssize_t more;

                if (fd_wait(d->master, POLLIN, deadline) < 0)
                        fail_msg("the terminal never showed \"%s\" %zu times: %s", what, n,
                                 d->seen);
                more = read(d->master, d->seen + d->n, sizeof(d->seen) - 1 - d->n);
                if (more > 0)
                        d->n += (size_t)more;
        }
}

static void desk_type(const Desk *d, const char *text)
{
        assert_int_equal(fd_write_all(d->master, text, strlen(text)), 0);
}

static bool desk_echoes(const Desk *d)
{
        struct termios t;

        assert_int_equal(tcgetattr(d->master, &t), 0);
        return t.c_lflag & ECHO;
}

/* waitpid(2)'s status. */
static int desk_close(Desk *d)
{
        int status = 0;

        assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
        (void)close(d->master);
        return status;
}

static int ask_for_line(void)
{
        char line[64];
        int r = prompt_secret(PROMPT_TERMINAL, "Say: ", LONG_USEC, line, sizeof(line));

        return r < 0 ? -r : streq(line, LINE) ? 0 : 98;
}

static void what_is_typed_is_read_and_not_shown(void **state)
{
        Desk d;

        desk_open(&d, ask_for_line);
        desk_wait(&d, "Say: ", 1);
        assert_false(desk_echoes(&d));
        desk_type(&d, LINE "\n");
        desk_wait(&d, "\n", 1);
        assert_null(strstr(d.seen, "four"));
        assert_true(desk_echoes(&d));
        assert_int_equal(desk_close(&d), 0);
}

static void a_line_that_is_too_long_is_none(void **state)
{
        char line[1001];
        Desk d;

        memset(line, 'x', sizeof(line) - 1);
        line[sizeof(line) - 1] = '\0';
        desk_open(&d, ask_for_line);
        desk_wait(&d, "Say: ", 1);
        desk_type(&d, line);
        desk_type(&d, "\n");
        assert_int_equal(WEXITSTATUS(desk_close(&d)), ENOBUFS);
}

static void end_of_file_is_no_passphrase(void **state)
{
        Desk d;

        desk_open(&d, ask_for_line);
        desk_wait(&d, "Say: ", 1);
        desk_type(&d, "\004");
        assert_int_equal(WEXITSTATUS(desk_close(&d)), ENODATA);
}

static void an_interrupt_ends_it_and_the_terminal_shows_again_what_is_typed(void **state)
{
        int status;
        Desk d;

        desk_open(&d, ask_for_line);
        desk_wait(&d, "Say: ", 1);
        assert_false(desk_echoes(&d));
        desk_type(&d, "four\003");
        assert_int_equal(waitpid(d.pid, &status, 0), d.pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
        assert_true(desk_echoes(&d));
        (void)close(d.master);
}

/* A job in the foreground, as a shell starts it: a group of its own that is not orphaned. */
static pid_t job_start(int terminal)
{
        const pid_t pid = fork();

        if (pid == 0) {
                while (tcgetpgrp(terminal) != getpid())
                        (void)usleep(1000);
                _exit(ask_for_line());
        }
        (void)setpgid(pid, pid);
        (void)signal(SIGTTOU, SIG_IGN);
        return tcsetpgrp(terminal, pid) < 0 ? -1 : pid;
}

static int be_a_shell(void)
{
        const int terminal = open(PROMPT_TERMINAL, O_RDWR | O_CLOEXEC);
        const pid_t job = job_start(terminal);
        struct termios t;
        int status = 0;

        if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status) ||
            WSTOPSIG(status) != SIGTSTP)
                return 91;
        if (tcgetattr(terminal, &t) < 0 || !(t.c_lflag & ECHO))
                return 92;
        (void)kill(job, SIGCONT);
        return waitpid(job, &status, 0) == job && WIFEXITED(status) ? WEXITSTATUS(status) : 93;
}

static void a_stop_gives_the_terminal_back_and_then_it_asks_again(void **state)
{
        Desk d;

        desk_open(&d, be_a_shell);
        desk_wait(&d, "Say: ", 1);
        desk_type(&d, "four\032");
        desk_wait(&d, "Say: ", 2);
        desk_type(&d, LINE "\n");
        assert_int_equal(desk_close(&d), 0);
}

static int ask_for_an_instant(void)
{
        char line[64];

        return -prompt_secret(PROMPT_TERMINAL, "Say: ", 1000, line, sizeof(line));
}

static void nobody_is_waited_for_without_end(void **state)
{
        Desk d;

        desk_open(&d, ask_for_an_instant);
        assert_int_equal(WEXITSTATUS(desk_close(&d)), ETIMEDOUT);
}

static int ask_without_a_terminal(void)
{
        Passphrase *p = NULL;

        (void)setsid();
        return passphrase_get("the key", NULL, &p) == VERB_FAILED && !p ? 0 : 1;
}

static int ask_nobody(void)
{
        const pid_t pid = fork();
        int status = 0;

        if (pid == 0)
                _exit(ask_without_a_terminal());
        return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 97;
}

static void without_a_terminal_it_fails_at_once(void **state)
{
        Desk d;

        desk_open(&d, ask_nobody);
        assert_int_equal(desk_close(&d), 0);
}

static int choose(void)
{
        Passphrase *p = NULL;
        int r = passphrase_choose("the key", NULL, &p);

        if (r == VERB_OK && !streq(p->text, LINE))
                r = 98;
        (void)passphrase_free(p);
        return r;
}

static void a_new_one_is_typed_twice_the_same(void **state)
{
        static const struct {
                const char *second;
                int status;
        } cases[] = { { LINE "\n", VERB_OK }, { "four words and less\n", VERB_FAILED } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Desk d;

                desk_open(&d, choose);
                desk_wait(&d, "New passphrase of the key: ", 1);
                desk_type(&d, LINE "\n");
                desk_wait(&d, "Once more", 1);
                desk_type(&d, cases[i].second);
                assert_int_equal(WEXITSTATUS(desk_close(&d)), cases[i].status);
        }
}

static void a_short_one_is_not_asked_for_twice(void **state)
{
        Desk d;

        desk_open(&d, choose);
        desk_wait(&d, "New passphrase", 1);
        desk_type(&d, "short\n");
        assert_int_equal(WEXITSTATUS(desk_close(&d)), VERB_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(one_line_of_a_file_is_the_passphrase),
                TEST(a_file_that_is_not_one_line_of_ours_is_refused),
                TEST(the_service_managers_credential_is_taken_where_no_file_is_named),
                TEST(a_new_one_has_twelve_characters),
                cmocka_unit_test(what_is_typed_is_read_and_not_shown),
                cmocka_unit_test(a_line_that_is_too_long_is_none),
                cmocka_unit_test(end_of_file_is_no_passphrase),
                cmocka_unit_test(an_interrupt_ends_it_and_the_terminal_shows_again_what_is_typed),
                cmocka_unit_test(a_stop_gives_the_terminal_back_and_then_it_asks_again),
                cmocka_unit_test(nobody_is_waited_for_without_end),
                cmocka_unit_test(without_a_terminal_it_fails_at_once),
                cmocka_unit_test(a_new_one_is_typed_twice_the_same),
                cmocka_unit_test(a_short_one_is_not_asked_for_twice),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests_name("passphrase", tests, NULL, NULL);
}
