/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Watch a path that need not be there yet: its directory may appear later, and everything on the
 * way may be renamed, removed or replaced. Every existing directory on the way is watched by
 * inotify, and the path is looked at from time to time all the same, for filesystems that tell
 * nothing. */

#include <stdint.h>
#include <systemd/sd-event.h>

typedef struct PathWatch PathWatch;

/* Something may have happened at the path: look. Called on the loop, once soon after the watch was
 * made too, never from within path_watch_new(); bursts are one call. */
typedef void (*PathChanged)(void *userdata);

#define PATH_WATCH_SETTLE_USEC 10000u
#define PATH_WATCH_POLL_USEC   (5u * 60 * 1000 * 1000)

/* path is absolute: -EINVAL otherwise. */
int path_watch_new(sd_event *event, const char *path, PathChanged changed, void *userdata,
                   PathWatch **ret);
PathWatch *path_watch_free(PathWatch *w);
