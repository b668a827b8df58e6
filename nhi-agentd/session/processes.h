/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All processes but PID 1, as one look at /proc saw them. */

#include "nhi-agentd/process.h"

typedef struct ProcessTable {
        Process *items; /* by pid */
        size_t n, capacity;
        uint64_t begin_usec, end_usec; /* CLOCK_MONOTONIC, of the look; 0: none taken */
} ProcessTable;

/* 0 or a negative errno: then the table is empty, and none was taken. */
int processes_read(ProcessTable *t);
void processes_done(ProcessTable *t);
const Process *process_find(const ProcessTable *t, pid_t pid); /* NULL: none */
/* Now, as a process that begins now has it. */
uint64_t process_start_now(void);
