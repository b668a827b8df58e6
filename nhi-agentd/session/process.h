/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One process, as /proc has it, and a signal that reaches this one and no other. */

#include "lib/base/macro.h"

#include <sys/types.h>

typedef struct ProcessView {
        uid_t uids[4]; /* real, effective, saved, of the filesystem */
        char state;    /* as in proc(5): R S D T t Z ... */
        char comm[64]; /* as /proc escapes it: no blank line, no control character */
} ProcessView;

/* The pid that a name of /proc is, above 1; 0 where it is none. */
pid_t process_of_name(const char *name);
/* About a number: whoever decides by it holds a pidfd meanwhile. 0, -ESRCH, -EBADMSG or another
 * negative errno. */
int process_view(pid_t pid, ProcessView *ret);
bool process_view_has_uid(const ProcessView *v, uid_t uid);
/* When it began, on CLOCK_BOOTTIME, to a hundredth of a second; with the pid it is one process of
 * this boot. -1: unknown. */
int64_t process_began_usec(pid_t pid);

/* Is this the one that is meant? Asked after its pidfd was opened. */
typedef bool (*ProcessMatch)(void *userdata, pid_t pid);
/* Send these signals, in order, to the process if it is: true where it was alive and is the one. */
bool process_signal(pid_t pid, const int *signals, size_t n, ProcessMatch match, void *userdata);
