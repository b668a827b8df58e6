/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/processes.h"

#include "lib/base/io.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

static int proc_text(pid_t pid, const char *name, char *ret, size_t size)
{
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        ssize_t n;

        (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        n = read(fd, ret, size - 1);
        if (n < 0)
                return -errno;
        ret[n] = '\0';
        return 0;
}

/* proc(5), counted from behind the name, which may hold anything. */
int process_read(pid_t pid, Process *ret)
{
        Process p = { .pid = pid };
        char text[1024], state, *end;
        int r;

        r = proc_text(pid, "stat", text, sizeof(text));
        if (r < 0)
                return r;
        end = strrchr(text, ')');
        if (!end || sscanf(end + 1,
                           " %c %d %*d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d"
                           " %*d %*d %" SCNu64,
                           &state, &p.parent, &p.session, &p.start) != 4)
                return -EBADMSG;
        p.is_zombie = state == 'Z' || state == 'X';
        *ret = p;
        return 0;
}

uint64_t process_start_now(void)
{
        const uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);

        return (uint64_t)now_boottime_usec() / (USEC_PER_SEC / ticks);
}

static pid_t pid_from_name(const char *name)
{
        long pid;
        char *end;

        if (!isdigit((unsigned char)name[0]))
                return 0;
        pid = strtol(name, &end, 10);
        return *end == '\0' && pid > 0 && pid < INT32_MAX ? (pid_t)pid : 0;
}

static int table_add(ProcessTable *t, const Process *p)
{
        const size_t capacity = t->capacity ? 2 * t->capacity : 128;
        void *grown;

        if (t->n == t->capacity) {
                grown = reallocarray(t->items, capacity, sizeof(*t->items));
                if (!grown)
                        return -ENOMEM;
                t->items = grown;
                t->capacity = capacity;
        }
        t->items[t->n++] = *p;
        return 0;
}

static int compare(const void *a, const void *b)
{
        const Process *x = a, *y = b;

        return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static int table_fill(ProcessTable *t, DIR *proc)
{
        Process p;
        int r = 0;

        for (struct dirent *e; r == 0 && (e = readdir(proc));) {
                const pid_t pid = pid_from_name(e->d_name);

                if (pid == 0)
                        continue;
                r = process_read(pid, &p);
                if (r == -ESRCH)
                        r = 0; /* gone since */
                else if (r == 0)
                        r = table_add(t, &p);
        }
        return r; /* without descriptors nobody is to be taken for gone */
}

int processes_read(ProcessTable *t)
{
        const uint64_t begin = now_monotonic_usec();
        DIR *proc = opendir("/proc");
        int r;

        t->n = 0;
        t->begin_usec = t->end_usec = 0;
        if (!proc)
                return -errno;
        r = table_fill(t, proc);
        (void)closedir(proc);
        if (r < 0) {
                t->n = 0;
                return r;
        }
        if (t->n > 0)
                qsort(t->items, t->n, sizeof(*t->items), compare);
        t->begin_usec = begin;
        t->end_usec = now_monotonic_usec();
        return 0;
}

void processes_done(ProcessTable *t)
{
        free(t->items);
        *t = (ProcessTable){};
}

const Process *process_find(const ProcessTable *t, pid_t pid)
{
        const Process key = { .pid = pid };

        return t->n == 0 ? NULL : bsearch(&key, t->items, t->n, sizeof(*t->items), compare);
}
