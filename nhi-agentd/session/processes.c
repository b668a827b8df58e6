/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/processes.h"

#include "lib/base/io.h"

#include <dirent.h>

uint64_t process_start_now(void)
{
        return process_ticks_of_usec(now_boottime_usec());
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
                const pid_t pid = process_of_name(e->d_name);

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
