/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/processes.h"

#include "lib/base/io.h"
#include "lib/base/sort.h"

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

/* ---- the index ---- */

static int compare_parents(const void *a, const void *b)
{
        const Process *const *x = a, *const *y = b;

        return (*x)->parent < (*y)->parent ? -1 : (*x)->parent > (*y)->parent;
}

static int compare_sessions(const void *a, const void *b)
{
        const Process *const *x = a, *const *y = b;

        return (*x)->session < (*y)->session ? -1 : (*x)->session > (*y)->session;
}

static void index_done(ProcessTable *t)
{
        free(t->by_parent);
        free(t->by_session);
        free(t->audit);
        t->by_parent = t->by_session = NULL;
        t->audit = NULL;
}

int processes_index(ProcessTable *t)
{
        index_done(t);
        if (t->n == 0)
                return 0;
        t->by_parent = calloc(t->n, sizeof(*t->by_parent));
        t->by_session = calloc(t->n, sizeof(*t->by_session));
        t->audit = calloc(t->n, sizeof(*t->audit));
        if (!t->by_parent || !t->by_session || !t->audit) {
                index_done(t);
                return -ENOMEM;
        }
        sort_items(t->items, t->n, compare);
        for (size_t i = 0; i < t->n; i++)
                t->by_parent[i] = t->by_session[i] = &t->items[i];
        sort_items(t->by_parent, t->n, compare_parents);
        sort_items(t->by_session, t->n, compare_sessions);
        return 0;
}

/* Where those begin whose number is not below it. */
static size_t find_from(const Process *const *list, size_t n, pid_t number,
                        pid_t (*number_of)(const Process *p))
{
        size_t low = 0;

        while (low < n) {
                const size_t middle = low + (n - low) / 2;

                if (number_of(list[middle]) < number)
                        low = middle + 1;
                else
                        n = middle;
        }
        return low;
}

static const Process *const *find_all(const Process *const *list, size_t n, pid_t number,
                                      pid_t (*number_of)(const Process *p), size_t *ret_n)
{
        const size_t first = list ? find_from(list, n, number, number_of) : n;
        size_t end = first;

        while (end < n && number_of(list[end]) == number)
                end++;
        *ret_n = end - first;
        return end > first ? list + first : NULL;
}

static pid_t parent_of(const Process *p)
{
        return p->parent;
}

static pid_t session_of(const Process *p)
{
        return p->session;
}

const Process *const *process_children(const ProcessTable *t, pid_t pid, size_t *ret_n)
{
        return find_all((const Process *const *)t->by_parent, t->n, pid, parent_of, ret_n);
}

const Process *const *process_session_of(const ProcessTable *t, pid_t pid, size_t *ret_n)
{
        return find_all((const Process *const *)t->by_session, t->n, pid, session_of, ret_n);
}

const ProcessAudit *process_audit_of(const ProcessTable *t, const Process *p)
{
        ProcessAudit *a = &t->audit[p - t->items];

        if (!a->is_known)
                *a = (ProcessAudit){ .is_known = true,
                                     .session = process_audit_id(p->pid, "sessionid"),
                                     .loginuid = process_audit_id(p->pid, "loginuid") };
        return a;
}

/* ---- one look ---- */

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
        r = r < 0 ? r : processes_index(t);
        if (r < 0) {
                t->n = 0;
                return r;
        }
        t->begin_usec = begin;
        t->end_usec = now_monotonic_usec();
        return 0;
}

void processes_done(ProcessTable *t)
{
        free(t->items);
        index_done(t);
        *t = (ProcessTable){};
}

const Process *process_find(const ProcessTable *t, pid_t pid)
{
        const Process key = { .pid = pid };

        return find_item(&key, t->items, t->n, compare);
}
