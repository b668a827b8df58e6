/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All processes but PID 1, as one look at /proc saw them. */

#include "nhi-agentd/process.h"

typedef struct ProcessAudit {
        bool is_known;
        uint32_t session, loginuid;
} ProcessAudit;

typedef struct ProcessTable {
        Process *items; /* by pid */
        size_t n, capacity;
        /* The same by parent and by session, and what was asked of each (process_audit_of()). */
        const Process **by_parent, **by_session;
        ProcessAudit *audit;
        uint64_t begin_usec, end_usec; /* CLOCK_MONOTONIC, of the look; 0: none taken */
} ProcessTable;

/* 0 or a negative errno: then the table is empty, and none was taken. */
int processes_read(ProcessTable *t);
/* What processes_read() does once the items are there: 0 or -ENOMEM. */
int processes_index(ProcessTable *t);
void processes_done(ProcessTable *t);
const Process *process_find(const ProcessTable *t, pid_t pid); /* NULL: none */
/* Those that pid began, and those in its session (setsid(2)): the first of *ret_n; NULL: none. */
const Process *const *process_children(const ProcessTable *t, pid_t pid, size_t *ret_n);
const Process *const *process_session_of(const ProcessTable *t, pid_t pid, size_t *ret_n);
/* Of one of its items; read once for each. */
const ProcessAudit *process_audit_of(const ProcessTable *t, const Process *p);
/* Now, as a process that begins now has it. */
uint64_t process_start_now(void);
