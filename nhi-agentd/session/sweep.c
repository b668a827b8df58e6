/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Processes that belong to a session although they left its cgroup: those that bear the audit
 * session and the loginuid that were begun for it. Both are the kernel's and cannot be changed
 * by the process. Each is signalled through a pidfd that was opened before it was looked at. */

#include "nhi-agentd/session/registry.h"

#include "lib/base/io.h"
#include "lib/base/sort.h"
#include "nhi-agentd/process.h"

#include <dirent.h>
#include <signal.h>

#define LOOK_REST_FACTOR 4u

bool audit_session_is_own(pid_t pid, uint32_t audit_session)
{
        Process p;

        return audit_session != AUDIT_UNSET && process_read(pid, &p) == 0 && p.parent > 1 &&
               process_audit_id(p.parent, "sessionid") == AUDIT_UNSET;
}

static bool bears_audit_id(pid_t pid, const Session *s)
{
        return process_audit_id(pid, "sessionid") == s->audit_session &&
               process_audit_id(pid, "loginuid") == s->loginuid;
}

/* In the cgroup of a session it is that session's, and ends with that one's grant; in its own it
 * ends with the cgroup. */
static bool is_in_a_session(pid_t pid, const Session *s)
{
        const Session *other;
        char cgroup[CGROUP_PATH_MAX];

        if (process_cgroup(pid, cgroup, sizeof(cgroup)) < 0)
                return false; /* gone since: the next look tells */
        if (s->group.dir_fd >= 0 && cgroup_is_within(cgroup, s->cgroup))
                return true;
        other = session_by_cgroup(s->registry, cgroup);
        return other && other != s;
}

/* ---- one look at /proc, for every session ------------------------------------------------------
 */

static int look_add(Look *l, LookItem item)
{
        const size_t capacity = l->capacity ? 2 * l->capacity : 256;
        void *grown;

        if (l->n == l->capacity) {
                grown = reallocarray(l->items, capacity, sizeof(*l->items));
                if (!grown)
                        return -ENOMEM;
                l->items = grown;
                l->capacity = capacity;
        }
        l->items[l->n++] = item;
        return 0;
}

static int compare_items(const void *a, const void *b)
{
        const LookItem *x = a, *y = b;

        if (x->audit_session != y->audit_session)
                return x->audit_session < y->audit_session ? -1 : 1;
        return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* A zombie bears its ids, and is nobody. */
static bool is_alive(pid_t pid)
{
        _cleanup_close_ int pidfd = process_open(pid);

        return pidfd >= 0 && pidfd_is_alive(pidfd);
}

static int look_read(Look *l, DIR *proc)
{
        int r = 0;

        l->n = 0;
        for (struct dirent *e; r == 0 && (e = readdir(proc));) {
                const pid_t pid = process_of_name(e->d_name);
                const uint32_t audit = pid > 0 ? process_audit_id(pid, "sessionid") : AUDIT_UNSET;

                if (audit != AUDIT_UNSET && pid != getpid() && is_alive(pid))
                        r = look_add(l, (LookItem){ .pid = pid, .audit_session = audit });
        }
        sort_items(l->items, l->n, compare_items);
        return r;
}

/* A look that began at since_usec or later: 0, or -EAGAIN while there is none and the next one must
 * wait, so that looking costs a fifth of a processor at most, however many processes there are.
 */
static int look_since(Look *l, uint64_t since_usec)
{
        const uint64_t now_usec = now_monotonic_usec();
        DIR *proc;
        int r;

        if (l->end_usec != 0 && l->begin_usec >= since_usec)
                return 0;
        if (now_usec - l->end_usec < LOOK_REST_FACTOR * (l->end_usec - l->begin_usec))
                return -EAGAIN;
        proc = opendir("/proc");
        if (!proc)
                return -errno;
        r = look_read(l, proc);
        (void)closedir(proc);
        l->begin_usec = r == 0 ? now_usec : 0;
        l->end_usec = r == 0 ? now_monotonic_usec() : 0;
        l->n_taken++;
        return r;
}

void look_done(Look *l)
{
        free(l->items);
        *l = (Look){};
}

/* The first process of the audit session. */
static size_t look_find(const Look *l, uint32_t audit_session)
{
        size_t low = 0, high = l->n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (l->items[middle].audit_session < audit_session)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/* Alive, and not to be swept. */
static bool is_elsewhere(pid_t pid, const Session *s)
{
        const uint32_t loginuid = process_audit_id(pid, "loginuid");

        return (loginuid != AUDIT_UNSET && loginuid != s->loginuid) || is_in_a_session(pid, s);
}

static void sweep_signal(const Session *s, pid_t pid, int signal)
{
        _cleanup_close_ int pidfd = process_open(pid);

        if (pidfd >= 0 && bears_audit_id(pid, s) && !is_in_a_session(pid, s) &&
            pidfd_is_alive(pidfd))
                pidfd_signal(pidfd, signal);
}

size_t sweep_pids(const Session *s, pid_t *ret, size_t n)
{
        const Look *l = &s->registry->look;
        size_t found = 0;

        if (s->audit_session == AUDIT_UNSET || s->loginuid == AUDIT_UNSET)
                return 0;
        for (size_t i = look_find(l, s->audit_session);
             i < l->n && l->items[i].audit_session == s->audit_session; i++) {
                if (is_elsewhere(l->items[i].pid, s))
                        continue;
                if (found < n)
                        ret[found] = l->items[i].pid;
                found++;
        }
        return found;
}

/* What was seen counts, also where it is gone since: it may have left children that no look has
 * seen yet. */
ssize_t sweep_session(Session *s, int signal)
{
        Look *l = &s->registry->look;
        ssize_t n = 0;
        int r;

        if (s->kind == SESSION_TREE)
                return tree_sweep(s, signal);
        if (s->audit_session == AUDIT_UNSET || s->loginuid == AUDIT_UNSET)
                return 0;
        r = look_since(l, s->changed_usec);
        if (r < 0)
                return r;
        for (size_t i = look_find(l, s->audit_session);
             i < l->n && l->items[i].audit_session == s->audit_session; i++) {
                const pid_t pid = l->items[i].pid;

                if (is_elsewhere(pid, s))
                        continue;
                n++;
                if (signal != 0)
                        sweep_signal(s, pid, signal);
        }
        if (n > 0)
                s->changed_usec = now_monotonic_usec();
        return n;
}
