/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/means.h"

#include "lib/base/path.h"
#include "nhi-agentd/session/cgroup.h"

#include "nhi-agentd/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#define SYSTEMD_DIR PATH_ROOT "/run/systemd/system" /* sd_booted(3) */
#define OWN_DIR     "/nhi"

const char *means_name(Means m)
{
        static const char *const names[MEANS_N] = {
                [MEANS_PID1] = "pid1",
                [MEANS_CGROUPS] = "own-cgroups",
                [MEANS_PROCESSES] = "processes",
        };

        return names[m];
}

/* An agent that was started in a session would end with it, and what it makes there, too: it goes
 * up to where the first agent was. */
static int base_find(char ret[static MEANS_BASE_SIZE])
{
        char path[CGROUP_PATH_MAX];
        const char *own;
        int n, r;

        r = process_cgroup(getpid(), path, sizeof(path));
        if (r < 0)
                return r;
        own = cgroup_own(path);
        if (own) {
                path[own - path] = '\0';
                if (*path == '\0')
                        memcpy(path, "/", 2);
                r = cgroup_enter(path, getpid());
                if (r < 0)
                        return r;
        }
        n = snprintf(ret, MEANS_BASE_SIZE, "%s" OWN_DIR, streq(path, "/") ? "" : path);
        return n < MEANS_BASE_SIZE ? 0 : -ENAMETOOLONG;
}

/* Everything that a session will need is tried on a group that nobody is in. */
static int base_try(const char *base)
{
        _cleanup_(cgroup_close) Cgroup group = CGROUP_NONE;
        char path[MEANS_BASE_SIZE + 16];
        int r;

        (void)snprintf(path, sizeof(path), "%s/try", base);
        r = cgroup_make(base);
        if (r == 0)
                r = cgroup_make(path);
        if (r == 0)
                r = cgroup_open(path, &group);
        if (r == 0)
                r = cgroup_try(&group);
        (void)cgroup_remove(path);
        if (r < 0)
                (void)cgroup_remove(base);
        return r;
}

void means_detect(SessionMeans *ret)
{
        struct stat st;
        SessionMeans m = { .kind = MEANS_PID1 };

        if (lstat(SYSTEMD_DIR, &st) < 0 || !S_ISDIR(st.st_mode)) {
                m.kind = MEANS_CGROUPS;
                if (base_find(m.base) < 0 || base_try(m.base) < 0)
                        m = (SessionMeans){ .kind = MEANS_PROCESSES };
        }
        *ret = m;
}
