/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All processes, as one look at /proc saw them. A number alone is nobody for long: with the time at
 * which its process began it is one process of this boot. */

#include "lib/base/macro.h"

#include <sys/types.h>

typedef struct Process {
        pid_t pid, parent, session; /* session: setsid(2) */
        uint64_t start;             /* ticks since the boot */
        bool is_zombie;             /* bears its numbers, and is nobody */
} Process;

typedef struct ProcessTable {
        Process *items; /* by pid */
        size_t n, capacity;
        uint64_t begin_usec, end_usec; /* CLOCK_MONOTONIC, of the look; 0: none taken */
} ProcessTable;

/* 0 or a negative errno: then the table is empty, and none was taken. */
int processes_read(ProcessTable *t);
void processes_done(ProcessTable *t);
const Process *process_find(const ProcessTable *t, pid_t pid); /* NULL: none */
/* One process alone: 0, -ESRCH or another negative errno. */
int process_read(pid_t pid, Process *ret);
/* Now, as a process that begins now has it. */
uint64_t process_start_now(void);
