/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Preloaded (ld.so(8)): a thread is now and then held up before or after a call that others can
 * see, as on a machine with something else to do. What then fails asserted a speed.
 *
 *   NHI_DELAY_OF=all|main|others   whose calls: all threads' (default), the first's, all others'
 *   NHI_DELAY_EVERY=N              about one call of N, by chance; default: 60
 *   NHI_DELAY_MS=N                 for up to so many milliseconds; default: 80 */

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_MSEC 1000000u

static struct {
        unsigned every;
        uint64_t most_nsec;
        int of_main, of_others;
} law;

static unsigned number(const char *name, unsigned otherwise)
{
        const char *text = getenv(name);

        return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

__attribute__((constructor)) static void read_law(void)
{
        const char *of = getenv("NHI_DELAY_OF");

        law.every = number("NHI_DELAY_EVERY", 60);
        law.most_nsec = (uint64_t)number("NHI_DELAY_MS", 80) * NSEC_PER_MSEC;
        law.of_main = !of || strcmp(of, "others") != 0;
        law.of_others = !of || strcmp(of, "main") != 0;
}

/* xorshift64 (Marsaglia): each thread has its own. */
static uint64_t chance(void)
{
        static __thread uint64_t state;

        if (state == 0) {
                struct timespec now;

                (void)clock_gettime(CLOCK_MONOTONIC, &now);
                state = (uint64_t)now.tv_nsec + ((uint64_t)syscall(SYS_gettid) << 32) + 1;
        }
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state;
}

static void hold_up(void)
{
        const int before = errno;
        const uint64_t n = chance();

        if (law.every > 0 && law.most_nsec > 0 && n % law.every == 0 &&
            (syscall(SYS_gettid) == getpid() ? law.of_main : law.of_others)) {
                const uint64_t nsec = (n >> 20) % law.most_nsec;
                const struct timespec pause = { .tv_sec = (time_t)(nsec / 1000000000u),
                                                .tv_nsec = (long)(nsec % 1000000000u) };

                (void)syscall(SYS_nanosleep, &pause, NULL); /* none that a test has wrapped */
        }
        errno = before;
}

#define DELAYED(type, name, parameters, arguments)                                                 \
        type name parameters                                                                       \
        {                                                                                          \
                static type(*real) parameters;                                                     \
                type r;                                                                            \
                                                                                                   \
                if (!real)                                                                         \
                        real = (type(*) parameters)dlsym(RTLD_NEXT, #name);                        \
                hold_up();                                                                         \
                r = real arguments;                                                                \
                hold_up();                                                                         \
                return r;                                                                          \
        }

DELAYED(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags))
DELAYED(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
DELAYED(int, epoll_wait, (int fd, struct epoll_event *e, int n, int ms), (fd, e, n, ms))
DELAYED(int, fdatasync, (int fd), (fd))
DELAYED(int, fsync, (int fd), (fd))
DELAYED(pid_t, fork, (void), ())
DELAYED(DIR *, opendir, (const char *path), (path))
DELAYED(int, pthread_create, (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *d),
        (t, a, f, d))
DELAYED(int, pthread_mutex_lock, (pthread_mutex_t * m), (m))
DELAYED(int, pthread_mutex_unlock, (pthread_mutex_t * m), (m))
DELAYED(ssize_t, read, (int fd, void *data, size_t n), (fd, data, n))
DELAYED(ssize_t, recv, (int fd, void *data, size_t n, int flags), (fd, data, n, flags))
DELAYED(int, rename, (const char *from, const char *to), (from, to))
DELAYED(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
DELAYED(ssize_t, send, (int fd, const void *data, size_t n, int flags), (fd, data, n, flags))
DELAYED(int, unlink, (const char *path), (path))
DELAYED(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
DELAYED(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))

/* The mode is only passed on: without O_CREAT nobody looks at it. */
int openat(int fd, const char *path, int flags, ...)
{
        static int (*real)(int fd, const char *path, int flags, ...);
        va_list args;
        mode_t mode;
        int r;

        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
        if (!real)
                real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
        hold_up();
        r = real(fd, path, flags, mode);
        hold_up();
        return r;
}
