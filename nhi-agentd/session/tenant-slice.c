/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is in an account's slice, group by group (tenant.h: A1, A2). */

#include "nhi-agentd/session/tenant.h"

#include "nhi-agentd/session/crowd.h"

#include "lib/base/io.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#define SLICE_PIDS_MAX 64u

#define SLICE_PATH_MAX 64u

static size_t slice_path(const Tenant *a, char ret[static SLICE_PATH_MAX])
{
        return (size_t)snprintf(ret, SLICE_PATH_MAX, "/user.slice/user-%" PRIu32 ".slice", a->uid);
}

size_t tenant_holds(const Tenant *a, const char *cgroup)
{
        char slice[SLICE_PATH_MAX];
        const size_t n = slice_path(a, slice);

        return cgroup_is_within(cgroup, slice) ? n : 0;
}

/* Who logged in as somebody else, and became this account as root may, is that one's. */
static bool is_accounts(void *userdata, pid_t pid)
{
        const Tenant *a = userdata;
        const uint32_t loginuid = process_audit_id(pid, "loginuid");
        ProcessView v;

        return (loginuid == AUDIT_UNSET || loginuid == a->uid) && process_view(pid, &v) == 0 &&
               process_view_has_uid(&v, a->uid);
}

/* A login that nobody of us tied is one of before where its first process is. */
bool tenant_spares(const Tenant *a, const char *path, const Cgroup *group)
{
        const char *name = strrchr(path, '/');
        _cleanup_free_ pid_t *pids = NULL;
        bool is_spared = false;
        size_t n, room;

        if (!name || strncmp(name, "/session-", 9) != 0)
                return false;
        room = cgroup_pids(group, NULL, 0) + SLICE_PIDS_MAX; /* that came while they were counted */
        pids = calloc(room, sizeof(*pids));
        if (!pids)
                return true; /* nobody knows: the next end of a session looks again */
        n = cgroup_pids(group, pids, room);
        for (size_t i = 0; !is_spared && i < n && i < room; i++) {
                const int64_t began_usec = process_began_usec(pids[i]);

                is_spared = began_usec >= 0 && began_usec < a->first_usec;
        }
        return is_spared;
}

/* PID 1 does not bring back what it was asked to stop. */
static void manager_act(const Tenant *a, const char *name, SliceAct act)
{
        char manager[64];

        (void)snprintf(manager, sizeof(manager), "user@%" PRIu32 ".service", a->uid);
        if (!streq(name, manager))
                return;
        if (act == SLICE_ASK)
                (void)bus_stop_unit(a->registry->bus, manager);
        else if (act == SLICE_KILL)
                (void)bus_kill_unit(a->registry->bus, manager, SIGKILL);
}

void tenant_who(Tenant *a, pid_t pid)
{
        const size_t used = strlen(a->end.who);
        ProcessView v;

        if (process_view(pid, &v) == 0 && used + sizeof(v.comm) + 32 < sizeof(a->end.who))
                (void)snprintf(a->end.who + used, sizeof(a->end.who) - used, "%spid %d (%s) %c",
                               used > 0 ? ", " : "", (int)pid, v.comm, v.state);
}

static void who_add(Tenant *a, const Crowd *crowd)
{
        pid_t pids[SLICE_PIDS_MAX];
        const size_t n = cgroup_pids(crowd->group, pids, ELEMENTSOF(pids));

        for (size_t i = 0; i < n && i < ELEMENTSOF(pids); i++)
                if (is_accounts(a, pids[i]))
                        tenant_who(a, pids[i]);
}

static size_t crowd_act(Tenant *a, const Crowd *crowd, SliceAct act)
{
        if (act == SLICE_KILL)
                return crowd_kill(crowd);
        if (act == SLICE_LOOK)
                return crowd_count(crowd);
        who_add(a, crowd);
        return crowd_ask(crowd);
}

static size_t child_act(Tenant *a, const char *slice, const char *name, SliceAct act)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        char path[CGROUP_PATH_MAX];
        size_t n;
        const Crowd crowd = { .group = &group, .path = path, .match = is_accounts, .userdata = a };

        if ((size_t)snprintf(path, sizeof(path), "%s/%s", slice, name) >= sizeof(path) ||
            session_by_cgroup(a->registry, path) || cgroup_open(path, &group) < 0 ||
            !cgroup_is_populated(&group) || tenant_spares(a, path, &group))
                return 0;
        n = crowd_act(a, &crowd, act);
        if (n > 0)
                manager_act(a, name, act);
        return n;
}

size_t tenant_slice(Tenant *a, SliceAct act)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        char path[SLICE_PATH_MAX];
        size_t n = 0;
        DIR *dir;
        int fd;

        (void)slice_path(a, path);
        if (cgroup_open(path, &group) < 0)
                return 0; /* nobody of it is there */
        fd = openat(group.dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir) {
                if (fd >= 0)
                        (void)close(fd);
                return 0;
        }
        for (struct dirent *e; (e = readdir(dir));)
                if (e->d_type == DT_DIR && e->d_name[0] != '.')
                        n += child_act(a, path, e->d_name, act);
        (void)closedir(dir);
        return n;
}
