/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/prompt.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>

typedef struct Terminal {
        int fd, signal_fd;
        sigset_t signals_were;
        struct termios was;
} Terminal;

/* SIGTTIN and SIGTTOU are not among them: a job in the background stops before it has touched the
 * terminal, as any other. */
static int hold_signals(Terminal *t)
{
        static const int held[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGTSTP, SIGALRM, SIGPIPE };
        sigset_t set;

        (void)sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(held); i++)
                (void)sigaddset(&set, held[i]);
        if (sigprocmask(SIG_BLOCK, &set, &t->signals_were) < 0)
                return -errno;
        t->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return t->signal_fd < 0 ? -errno : 0;
}

static int hide_typing(Terminal *t)
{
        struct termios hidden;

        if (tcgetattr(t->fd, &t->was) < 0)
                return -errno;
        hidden = t->was;
        hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
        hidden.c_lflag |= ICANON | ISIG;
        while (tcsetattr(t->fd, TCSAFLUSH, &hidden) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}

/* What was typed ahead for the next prompt is no answer to the shell. */
static void show_typing(const Terminal *t)
{
        while (tcsetattr(t->fd, TCSAFLUSH, &t->was) < 0 && errno == EINTR)
                ;
}

static int wait_for_line(const Terminal *t, uint64_t deadline_usec)
{
        struct pollfd fds[] = { { .fd = t->fd, .events = POLLIN },
                                { .fd = t->signal_fd, .events = POLLIN } };

        for (;;) {
                const uint64_t now_usec = now_monotonic_usec();
                int n;

                if (now_usec >= deadline_usec)
                        return -ETIMEDOUT;
                n = poll(fds, ELEMENTSOF(fds), (int)((deadline_usec - now_usec) / 1000) + 1);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        return fds[1].revents ? -EINTR : 0;
        }
}

/* A terminal gives a line at a time, and the rest of a long one with the next read. */
static int read_line(const Terminal *t, uint64_t deadline_usec, char *ret, size_t capacity)
{
        size_t n = 0;
        bool fits = true;

        for (;;) {
                int r = wait_for_line(t, deadline_usec);
                ssize_t more;

                if (r < 0)
                        return r;
                if (n == capacity) {
                        fits = false;
                        n = 0;
                }
                more = read(t->fd, ret + n, capacity - n);
                if (more < 0)
                        return -errno;
                if (more == 0)
                        return -ENODATA;
                n += (size_t)more;
                if (ret[n - 1] != '\n')
                        continue;
                ret[n - 1] = '\0';
                return fits ? 0 : -ENOBUFS;
        }
}

static int ask(Terminal *t, const char *prompt, uint64_t deadline_usec, char *ret, size_t capacity)
{
        int r = hide_typing(t);

        if (r < 0)
                return r;
        r = fd_write_all(t->fd, prompt, strlen(prompt));
        if (r == 0)
                r = read_line(t, deadline_usec, ret, capacity);
        show_typing(t);
        (void)fd_write_all(t->fd, "\n", 1);
        return r;
}

/* Was it a stop, and nothing that ends us? */
static bool is_stop(void)
{
        static const int endings[] = { SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGALRM, SIGPIPE };
        sigset_t pending;

        (void)sigemptyset(&pending);
        (void)sigpending(&pending);
        for (size_t i = 0; i < ELEMENTSOF(endings); i++)
                if (sigismember(&pending, endings[i]) == 1)
                        return false;
        return sigismember(&pending, SIGTSTP) == 1;
}

/* -ERESTART: we were stopped, and go on. */
static int ask_once(const char *terminal, const char *prompt, uint64_t deadline_usec, char *ret,
                    size_t capacity)
{
        Terminal t = { .fd = open(terminal, O_RDWR | O_NOCTTY | O_CLOEXEC), .signal_fd = -EBADF };
        _cleanup_close_ int fd = t.fd;
        int r;

        if (fd < 0 || isatty(fd) != 1)
                return -ENOTTY;
        r = hold_signals(&t);
        if (r == 0)
                r = ask(&t, prompt, deadline_usec, ret, capacity);
        if (r == -EINTR && is_stop())
                r = -ERESTART;
        if (r < 0)
                explicit_bzero(ret, capacity);
        closep(&t.signal_fd);
        /* What was held comes now, and mostly ends us. */
        (void)sigprocmask(SIG_SETMASK, &t.signals_were, NULL);
        return r;
}

int prompt_secret(const char *terminal, const char *prompt, uint64_t usec, char *ret,
                  size_t capacity)
{
        int r;

        do
                r = ask_once(terminal, prompt, now_monotonic_usec() + usec, ret, capacity);
        while (r == -ERESTART);
        return r;
}
