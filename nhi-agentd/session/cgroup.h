/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One control group of the unified hierarchy, held open: what is read, watched and killed is the
 * group that was looked at, never a later one of the same name. */

#include "lib/base/macro.h"

#include <sys/types.h>
#include <systemd/sd-event.h>

typedef struct Cgroup {
        int dir_fd;    /* -EBADF: none */
        int events_fd; /* cgroup.events */
        uint64_t id;   /* inode of the directory: unique during one boot */
} Cgroup;

#define CGROUP_NONE ((Cgroup){ .dir_fd = -EBADF, .events_fd = -EBADF })

/* path as in /proc/PID/cgroup. 0; -ENOENT where there is none; -EINVAL for a path that is not one;
 * or another negative errno. */
int cgroup_open(const char *path, Cgroup *ret);
void cgroup_close(Cgroup *c);

/* True while a process lives in it or below. A group that was removed is empty; where nothing can
 * be read the answer is true: nobody is called gone without proof. */
bool cgroup_is_populated(const Cgroup *c);
/* Kill all that is in it and below (cgroup.kill, Linux 5.14). Promise E3 of session.h is the
 * caller's: the name is checked again here and -EPERM unless it is a scope of cgroup_scope() or one
 * of cgroup_own(). */
int cgroup_kill(const Cgroup *c, const char *path);
/* Call on_change whenever the group becomes populated or empty, and once at the start. */
int cgroup_watch(const Cgroup *c, sd_event *event, sd_event_io_handler_t on_change, void *userdata,
                 sd_event_source **ret);
/* Pids in the group and below: the number found, at most n are stored. */
size_t cgroup_pids(const Cgroup *c, pid_t *ret, size_t n);

/* Groups of our own, where PID 1 is no systemd: nhi/s1, and nhi/s1/s2 for what was begun in it.
 * Make one (0 also where it is there), move a process into one, take an empty one away. By path: 0
 * or a negative errno. */
int cgroup_make(const char *path);
int cgroup_enter(const char *path, pid_t pid);
int cgroup_remove(const char *path);
/* May processes be moved into it and be killed with it? 0 or a negative errno. */
int cgroup_try(const Cgroup *c);
/* "/nhi/sN" at the end of path, where it is one of these; else NULL. */
const char *cgroup_own(const char *path);

/* path is the group of prefix or below it; false for an empty prefix. */
bool cgroup_is_within(const char *path, const char *prefix);
/* The prefix of path that is unit's own group: every component before it is a slice, so that a
 * group which a user's manager made further down is never taken for a system unit. NULL: none. */
const char *cgroup_of_unit(const char *path, const char *unit, size_t *ret_len);
