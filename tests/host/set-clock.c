/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A wall clock of its own for one process of a throw-away host, which shares its machine's:
 * LD_PRELOAD this, and /run/set-clock says by how many seconds the clock is off, from the next look
 * on. What the kernel does besides when a clock is really set, which is to wake CLOCK_REALTIME
 * timers that asked for it, is left to the test: it makes the agent look by other means. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static int read_text(const char *path, char *ret, size_t size)
{
        const int saved = errno, fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = -1;

        if (fd >= 0) {
                n = read(fd, ret, size - 1);
                (void)close(fd);
        }
        errno = saved;
        ret[n > 0 ? n : 0] = '\0';
        return n > 0 ? 0 : -1;
}

static time_t off_by(void)
{
        char text[32];

        return read_text("/run/set-clock", text, sizeof(text)) < 0 ? 0 : strtol(text, NULL, 10);
}

EXPORT int clock_gettime(clockid_t id, struct timespec *ret)
{
        if (syscall(SYS_clock_gettime, id, ret) < 0)
                return -1;
        if (id == CLOCK_REALTIME)
                ret->tv_sec += off_by();
        return 0;
}

EXPORT time_t time(time_t *ret)
{
        struct timespec t = { 0 };

        (void)clock_gettime(CLOCK_REALTIME, &t);
        if (ret)
                *ret = t.tv_sec;
        return t.tv_sec;
}

static int is_wall_clock(int fd)
{
        char path[64], text[256];

        (void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        return read_text(path, text, sizeof(text)) == 0 && strstr(text, "clockid: 0\n");
}

EXPORT int timerfd_settime(int fd, int flags, const struct itimerspec *spec,
                           struct itimerspec *ret_old)
{
        struct itimerspec mine = *spec;

        if ((flags & TFD_TIMER_ABSTIME) && mine.it_value.tv_sec > 0 && is_wall_clock(fd))
                mine.it_value.tv_sec -= off_by();
        return (int)syscall(SYS_timerfd_settime, fd, flags, &mine, ret_old);
}
