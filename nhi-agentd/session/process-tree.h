/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The processes of a session that has no cgroup, remembered from look to look: whom its leader
 * began, whom those began, and everybody in a session (setsid(2)) that one of them leads. What was
 * begun, and lost its parent, between two looks is not among them: sweep-tree.c finds it by the
 * audit session or by the uid, and adds it.
 *
 * Promises, cited by tests/unit/test-process-tree.c:
 *  T1 A process that began before the tree did MUST NOT become part of it.
 *  T2 A number that was given to another process MUST NOT: number and start must both agree.
 *  T3 An orphan whose session one of the tree leads, or led, is part of it. */

#include "nhi-agentd/session/processes.h"

#include <jansson.h>

typedef struct TreeItem {
        pid_t pid;
        uint64_t start;
        bool leads; /* a session of its own; remembered while anybody is in it */
        bool gone;  /* kept for its session only */
} TreeItem;

typedef struct ProcessTree {
        TreeItem *items;
        size_t n, capacity;
        size_t n_sorted; /* so many of them, by pid and start: those of the last look */
        uint64_t since;  /* when it began */
} ProcessTree;

/* 0, also where it is there already; -ENOMEM. leads: whoever is in its session is part of it. */
int process_tree_add(ProcessTree *t, const Process *p, bool leads);
bool process_tree_has(const ProcessTree *t, const Process *p);
/* One more look: who is gone leaves, who was begun comes. True where it changed. */
bool process_tree_update(ProcessTree *t, const ProcessTable *look);
/* How many live. */
size_t process_tree_count(const ProcessTree *t);
void process_tree_done(ProcessTree *t);

json_t *process_tree_to_json(const ProcessTree *t);
/* 0, -EBADMSG or -ENOMEM. */
int process_tree_from_json(const json_t *o, ProcessTree *ret);
