/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/process.h"

#include "lib/base/io.h"
#include "nhi-agentd/caller.h"

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

/* The head of a file of /proc, as text. */
static ssize_t proc_text(pid_t pid, const char *name, char *ret, size_t size)
{
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, ret, size - 1);
        if (n < 0)
                return -errno;
        ret[n] = '\0';
        return n;
}

pid_t process_of_name(const char *name)
{
        char *end;
        long pid;

        if (!isdigit((unsigned char)name[0]))
                return 0;
        pid = strtol(name, &end, 10);
        return *end == '\0' && pid > 1 && pid < INT32_MAX ? (pid_t)pid : 0;
}

/* "Name:" stands first, with every newline of it escaped: a process cannot write other lines. */
int process_view(pid_t pid, ProcessView *ret)
{
        char text[1024], *state, *uids;
        ProcessView v = { .state = '?' };
        ssize_t n;

        n = proc_text(pid, "status", text, sizeof(text));
        if (n < 0)
                return (int)n;
        state = strstr(text, "\nState:\t");
        uids = strstr(text, "\nUid:\t");
        if (sscanf(text, "Name:\t%63[^\n]", v.comm) != 1 || !state || !uids ||
            sscanf(uids, " Uid: %u %u %u %u", &v.uids[0], &v.uids[1], &v.uids[2], &v.uids[3]) != 4)
                return -EBADMSG;
        v.state = state[8];
        *ret = v;
        return 0;
}

bool process_view_has_uid(const ProcessView *v, uid_t uid)
{
        for (size_t i = 0; i < ELEMENTSOF(v->uids); i++)
                if (v->uids[i] == uid)
                        return true;
        return false;
}

/* Field 22 of /proc/PID/stat; the second one is in parentheses and may hold anything. */
int64_t process_began_usec(pid_t pid)
{
        const long ticks_per_sec = sysconf(_SC_CLK_TCK);
        char text[1024], *end;
        unsigned long long ticks;

        if (ticks_per_sec <= 0 || proc_text(pid, "stat", text, sizeof(text)) < 0)
                return -1;
        end = strrchr(text, ')');
        if (!end || sscanf(end + 1,
                           " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
                           " %*d %*d %llu",
                           &ticks) != 1)
                return -1;
        return (int64_t)(ticks * (unsigned long long)USEC_PER_SEC /
                         (unsigned long long)ticks_per_sec);
}

bool process_signal(pid_t pid, const int *signals, size_t n, ProcessMatch match, void *userdata)
{
        _cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

        if (pidfd < 0 || pid == getpid() || !match(userdata, pid) || !pidfd_is_alive(pidfd))
                return false;
        for (size_t i = 0; i < n; i++)
                (void)syscall(SYS_pidfd_send_signal, pidfd, signals[i], NULL, 0);
        return true;
}
