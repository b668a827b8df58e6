/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One process, as /proc has it, and signals that reach this one and no other. What is read is about
 * a number: whoever decides by it holds a pidfd meanwhile, and looks at that afterwards. Unless it
 * says other a function returns 0; -ESRCH where the process is gone; or another negative errno. */

#include "lib/base/macro.h"

#include <sys/types.h>

/* The pid that a name of /proc is, above 1; 0 where it is none. */
pid_t process_of_name(const char *name);

/* ---- /proc/PID/stat ---- */

/* With the time at which it began a number is one process of this boot. */
typedef struct Process {
        pid_t pid, parent, session; /* session: setsid(2) */
        unsigned terminal;          /* the controlling one, as new_encode_dev() has it; 0: none */
        uint64_t start;             /* ticks of CLOCK_BOOTTIME */
        bool is_zombie;             /* bears its numbers, and is nobody */
} Process;

int process_parse(const char *text, Process *ret); /* 0 or -EBADMSG */
int process_read(pid_t pid, Process *ret);
uint64_t process_ticks_of_usec(int64_t boot_usec);
/* When it began, on CLOCK_BOOTTIME, to a hundredth of a second; -1: unknown. */
int64_t process_began_usec(pid_t pid);

/* ---- /proc/PID/status ---- */

typedef struct ProcessView {
        uid_t uids[4]; /* real, effective, saved, of the filesystem */
        char state;    /* as in proc(5): R S D T t Z ... */
        char comm[64]; /* as /proc escapes it: no newline, no control character; "": it has none */
} ProcessView;

int process_view(pid_t pid, ProcessView *ret);
bool process_view_has_uid(const ProcessView *v, uid_t uid);
int process_real_uid(pid_t pid, uid_t *ret);
/* Of a status text: the four ids behind name, "\nUid:\t" or "\nGid:\t". */
bool process_status_ids(const char *text, const char *name, uint32_t ret[static 4]);

/* ---- the kernel's and PID 1's word for where it belongs ---- */

/* name is "loginuid" or "sessionid"; (uint32_t)-1: unset or unreadable. */
uint32_t process_audit_id(pid_t pid, const char *name);
/* The unified path; -EMSGSIZE where it does not fit. The kernel tells none that is longer than
 * this. */
#define CGROUP_PATH_MAX 4096u
int process_cgroup(pid_t pid, char *ret, size_t size);

/* ---- signals ---- */

/* A pidfd, or -1 and errno. */
int process_open(pid_t pid);
bool pidfd_is_alive(int pidfd);
void pidfd_signal(int pidfd, int signal);
/* As PID 1 asks a scope to end: TERM; HUP for shells at a terminal, which ignore TERM; CONT for
 * what is stopped and hears neither. */
#define SIGNALS_ASK_MAX 3u
extern const int signals_ask[SIGNALS_ASK_MAX];
void pidfd_ask(int pidfd);

/* Is this the one that is meant? Asked after its pidfd was opened. */
typedef bool (*ProcessMatch)(void *userdata, pid_t pid);
/* Send these signals, in order, to the process if it is: true where it was alive and is the one. */
bool process_signal(pid_t pid, const int *signals, size_t n, ProcessMatch match, void *userdata);
bool process_ask(pid_t pid, ProcessMatch match, void *userdata);
