/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which limits count? Those under which a service loses an answer and the process lives on:
 *
 *   AS, DATA  a library cannot be mapped, an answer finds no memory, a thread no stack
 *   STACK     the stacks of a service's threads are as small as the process's own
 *   FSIZE     with SIGXFSZ ignored a write fails, of a lock or a buffer in a file
 *   NOFILE    a library, a socket or a cache cannot be opened; what was handed on open counts, too,
 *             so that the room that is left is tried and not the limit
 *
 * Not: CPU, which kills; NPROC, MEMLOCK, SIGPENDING, MSGQUEUE, NICE and RTPRIO, which do not bind
 * root's rights; CORE and RSS, which fail no call. */

#include "lib/gate/limits.h"

#include "lib/base/macro.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#define MIB ((rlim_t)1024 * 1024)

/* Far above what services need and far below what pam_limits(8), containers and systemd set where
 * they set anything: a person under tighter ones meets gates that are not for him. */
static const struct {
        int resource;
        rlim_t least;
} limits[] = {
        { RLIMIT_AS, 1024 * MIB },
        { RLIMIT_DATA, 1024 * MIB },
        { RLIMIT_STACK, 1 * MIB },
        { RLIMIT_FSIZE, 16 * MIB },
};

#define FREE_FDS_LEAST 32

/* A setuid program's limits are those of its caller, also when it has since taken a real uid of 0.
 */
static bool limits_are_the_callers(void)
{
        return getuid() != 0 || getauxval(AT_SECURE) != 0;
}

/* RLIM_INFINITY is the largest number. */
static bool a_limit_is_tight(void)
{
        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                struct rlimit l;

                if (getrlimit(limits[i].resource, &l) < 0 || l.rlim_cur < limits[i].least)
                        return true;
        }
        return false;
}

static bool fds_are_tight(void)
{
        int fds[FREE_FDS_LEAST];
        size_t n = 1;

        fds[0] = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (fds[0] < 0)
                return true;
        while (n < FREE_FDS_LEAST && (fds[n] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0)) >= 0)
                n++;
        for (size_t i = 0; i < n; i++)
                (void)close(fds[i]);
        return n < FREE_FDS_LEAST;
}

bool limits_may_hide_names(void)
{
        return limits_are_the_callers() && (a_limit_is_tight() || fds_are_tight());
}
