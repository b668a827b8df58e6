/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/store/pipe-signal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each dies of it, or not, in a process of its own. */
static int status_of(void (*act)(void))
{
        const pid_t pid = fork();
        int status = 0;

        if (pid == 0) {
                (void)signal(SIGPIPE, SIG_DFL);
                act();
                _exit(7);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static void write_to_nobody(void)
{
        int fds[2];

        if (pipe(fds) < 0 || close(fds[0]) < 0 || write(fds[1], "x", 1) >= 0)
                _exit(1);
}

static void write_while_held(void)
{
        const PipeSignal held = pipe_signal_hold();

        write_to_nobody();
        pipe_signal_release(&held);
}

static void write_afterwards(void)
{
        write_while_held();
        write_to_nobody();
}

static void write_before(void)
{
        const PipeSignal outer = pipe_signal_hold();
        PipeSignal held;

        (void)raise(SIGPIPE);
        held = pipe_signal_hold();
        pipe_signal_release(&held);
        (void)pthread_sigmask(SIG_SETMASK, &outer.mask_was, NULL);
}

static void writing_to_nobody_is_survived_while_it_is_held(void **state)
{
        const int status = status_of(write_while_held);

        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void afterwards_all_is_as_it_was(void **state)
{
        const int status = status_of(write_afterwards);

        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

static void what_was_pending_before_stays(void **state)
{
        const int status = status_of(write_before);

        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(writing_to_nobody_is_survived_while_it_is_held),
                cmocka_unit_test(afterwards_all_is_as_it_was),
                cmocka_unit_test(what_was_pending_before_stays),
        };

        return cmocka_run_group_tests_name("pipe-signal", tests, NULL, NULL);
}
