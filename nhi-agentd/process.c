/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/process.h"

#include "lib/base/io.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#define ID_UNSET ((uint32_t)-1)

/* The head of a file of /proc, as text: how long it is. */
static ssize_t proc_head(pid_t pid, const char *name, char *ret, size_t size)
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

static int proc_whole(pid_t pid, const char *name, char *ret, size_t size)
{
        const ssize_t n = proc_head(pid, name, ret, size);

        return n < 0 ? (int)n : (size_t)n == size - 1 ? -EMSGSIZE : 0;
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

/* ---- stat -------------------------------------------------------------------------------------
 */

/* proc(5), counted from behind the name, which is in parentheses and may hold anything. */
int process_parse(const char *text, Process *ret)
{
        Process p = {};
        const char *end = strrchr(text, ')');
        char state;

        if (!end || sscanf(text, "%d", &p.pid) != 1 ||
            sscanf(end + 1,
                   " %c %d %*d %d %u %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
                   " %*d %*d %" SCNu64,
                   &state, &p.parent, &p.session, &p.terminal, &p.start) != 5)
                return -EBADMSG;
        p.is_zombie = state == 'Z' || state == 'X';
        *ret = p;
        return 0;
}

int process_read(pid_t pid, Process *ret)
{
        char text[1024];
        const ssize_t n = proc_head(pid, "stat", text, sizeof(text));

        return n < 0 ? (int)n : process_parse(text, ret);
}

static uint64_t ticks_per_sec(void)
{
        return (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t process_ticks_of_usec(int64_t boot_usec)
{
        return (uint64_t)boot_usec / (USEC_PER_SEC / ticks_per_sec());
}

int64_t process_began_usec(pid_t pid)
{
        Process p;

        return process_read(pid, &p) < 0 ? -1 : (int64_t)(p.start * USEC_PER_SEC / ticks_per_sec());
}

/* ---- status: "Name:" stands first, with every newline of it escaped, so that a process cannot
 * write other lines ---- */

bool process_status_ids(const char *text, const char *name, uint32_t ret[static 4])
{
        const char *at = strstr(text, name);

        return at && sscanf(at + strlen(name), "%" SCNu32 "\t%" SCNu32 "\t%" SCNu32 "\t%" SCNu32,
                            &ret[0], &ret[1], &ret[2], &ret[3]) == 4;
}

int process_view(pid_t pid, ProcessView *ret)
{
        static const char name[] = "Name:\t";
        char text[1024], *state;
        ProcessView v = {};
        ssize_t n;

        n = proc_head(pid, "status", text, sizeof(text));
        if (n < 0)
                return (int)n;
        state = strstr(text, "\nState:\t");
        if (strncmp(text, name, sizeof(name) - 1) != 0 || !state ||
            !process_status_ids(text, "\nUid:\t", v.uids))
                return -EBADMSG;
        v.state = state[8];
        (void)snprintf(v.comm, sizeof(v.comm), "%.*s", (int)strcspn(text + sizeof(name) - 1, "\n"),
                       text + sizeof(name) - 1);
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

int process_real_uid(pid_t pid, uid_t *ret)
{
        ProcessView v;
        int r;

        r = process_view(pid, &v);
        if (r == 0)
                *ret = v.uids[0];
        return r;
}

/* ---- where it belongs -------------------------------------------------------------------------
 */

uint32_t process_audit_id(pid_t pid, const char *name)
{
        unsigned long v;
        char text[32], *end;

        if (proc_whole(pid, name, text, sizeof(text)) < 0)
                return ID_UNSET;
        errno = 0;
        v = strtoul(text, &end, 10);
        if (errno != 0 || end == text || *end != '\0' || v > UINT32_MAX)
                return ID_UNSET;
        return (uint32_t)v;
}

int process_cgroup(pid_t pid, char *ret, size_t size)
{
        char text[4 * CGROUP_PATH_MAX], *line, *save = NULL;
        int r;

        r = proc_whole(pid, "cgroup", text, sizeof(text));
        if (r < 0)
                return r;
        for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                if (strncmp(line, "0::/", 4) != 0)
                        continue;
                line += 3;
                if (strlen(line) >= size)
                        return -EMSGSIZE;
                memcpy(ret, line, strlen(line) + 1);
                return 0;
        }
        return -ENOENT;
}

/* ---- signals ---------------------------------------------------------------------------------
 */

int process_open(pid_t pid)
{
        return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool pidfd_is_alive(int pidfd)
{
        struct pollfd p = { .fd = pidfd, .events = POLLIN };

        return pidfd >= 0 && poll(&p, 1, 0) == 0;
}

void pidfd_signal(int pidfd, int signal)
{
        (void)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

const int signals_ask[SIGNALS_ASK_MAX] = { SIGTERM, SIGHUP, SIGCONT };

void pidfd_ask(int pidfd)
{
        for (size_t i = 0; i < ELEMENTSOF(signals_ask); i++)
                pidfd_signal(pidfd, signals_ask[i]);
}

bool process_signal(pid_t pid, const int *signals, size_t n, ProcessMatch match, void *userdata)
{
        _cleanup_close_ int pidfd = process_open(pid);

        if (pidfd < 0 || pid == getpid() || !match(userdata, pid) || !pidfd_is_alive(pidfd))
                return false;
        for (size_t i = 0; i < n; i++)
                pidfd_signal(pidfd, signals[i]);
        return true;
}

bool process_ask(pid_t pid, ProcessMatch match, void *userdata)
{
        return process_signal(pid, signals_ask, ELEMENTSOF(signals_ask), match, userdata);
}
