/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/command.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define COMMAND_USEC (10 * USEC_PER_SEC)

/* What command_run() and command_run_whole() differ in. */
typedef struct Terms {
        const char *variable;
        uint64_t usec;
        short flags;      /* posix_spawnattr_setflags(3) */
        const int *input; /* its stdin; NULL: /dev/null */
        bool may_ask;     /* it has the terminal, where we have it */
} Terms;

static int spawn_piped(const char *const *words, const Terms *t, int out_fd, pid_t *ret)
{
        const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C",
                                            t->variable, NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none;
        int r;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                (void)posix_spawn_file_actions_destroy(&actions);
                return -ENOMEM;
        }
        (void)sigemptyset(&none);
        r = posix_spawnattr_setsigmask(&attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | t->flags);
        if (r == 0)
                r = t->input ? posix_spawn_file_actions_adddup2(&actions, *t->input, STDIN_FILENO)
                             : posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                                                O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn(ret, words[0], &actions, &attributes, (char *const *)words,
                                (char *const *)environment);
        (void)posix_spawnattr_destroy(&attributes);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* What it prints, until it closes its output or the deadline: what does not fit is read and
 * dropped. */
static int read_output(int fd, uint64_t deadline, char *output, size_t size)
{
        char spill[4096] = "";
        size_t used = 0;

        for (;;) {
                bool fits = used + 1 < size;
                int r = fd_wait(fd, POLLIN, deadline);
                ssize_t n;

                if (r < 0)
                        return r;
                n = read(fd, fits ? output + used : spill, fits ? size - 1 - used : sizeof(spill));
                if (n < 0)
                        return -errno;
                if (fits) {
                        used += (size_t)n;
                        output[used] = '\0';
                }
                if (n == 0)
                        return 0;
        }
}

/* Where it has closed its output and goes on. */
static int wait_end(pid_t pid, uint64_t deadline)
{
        _cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);

        return fd < 0 ? -errno : fd_wait(fd, POLLIN, deadline);
}

/* A process group that is not the terminal's is stopped when it reads there. -EBADF: it is not
 * ours, or there is none. */
static int terminal_lend(pid_t group)
{
        _cleanup_close_ int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

        if (fd < 0 || tcgetpgrp(fd) != getpgrp() || tcsetpgrp(fd, group) < 0)
                return -EBADF;
        (void)kill(-group, SIGCONT); /* it may have asked already */
        return TAKE_FD(fd);
}

static void terminal_take_back(int fd)
{
        sigset_t stop, before;

        if (fd < 0)
                return;
        (void)sigemptyset(&stop);
        (void)sigaddset(&stop, SIGTTOU);
        (void)sigprocmask(SIG_BLOCK, &stop, &before);
        (void)tcsetpgrp(fd, getpgrp());
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        (void)close(fd);
}

/* What is typed at the terminal ends who has it; it was meant for us as well. */
static void end_likewise(int status)
{
        if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGQUIT))
                (void)raise(WTERMSIG(status));
}

static int run(const char *const *words, const Terms *t, char *output, size_t size)
{
        uint64_t deadline = now_monotonic_usec() + t->usec;
        _cleanup_close_ int read_fd = -EBADF;
        int terminal_fd = -EBADF;
        int fds[2], status = -1, r;
        pid_t pid = -1;

        output[0] = '\0';
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        read_fd = fds[0];
        r = spawn_piped(words, t, fds[1], &pid);
        (void)close(fds[1]);
        if (r < 0)
                return r;
        if (t->may_ask)
                terminal_fd = terminal_lend(pid);
        r = read_output(read_fd, deadline, output, size);
        if (r == 0)
                r = wait_end(pid, deadline);
        if (r < 0)
                (void)kill(t->flags & POSIX_SPAWN_SETPGROUP ? -pid : pid, SIGKILL);
        terminal_take_back(terminal_fd);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (terminal_fd >= 0)
                end_likewise(status);
        if (r < 0)
                return r;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -EPIPE;
}

int command_run(const char *const *words, char *output, size_t size)
{
        return run(words, &(Terms){ .usec = COMMAND_USEC }, output, size);
}

int command_run_whole(const char *const *words, const char *variable, uint64_t usec, char *output,
                      size_t size)
{
        const Terms t = { .variable = variable, .usec = usec, .flags = POSIX_SPAWN_SETPGROUP };

        return run(words, &t, output, size);
}

int command_run_fed(const char *const *words, int input_fd, uint64_t usec, char *output,
                    size_t size)
{
        const Terms t = {
                .usec = usec, .flags = POSIX_SPAWN_SETPGROUP, .input = &input_fd, .may_ask = true
        };

        return run(words, &t, output, size);
}
