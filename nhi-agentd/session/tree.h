/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The processes of a session that has no cgroup, remembered from look to look: whom its leader
 * began, whom those began, and everybody in a session (setsid(2)) that one of them leads. What was
 * begun, and lost its parent, between two looks is not among them: sweep-tree.c finds it by the
 * audit session or by the uid, and adds it.
 *
 * Promises, cited by tests/unit/test-tree.c:
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

typedef struct Tree {
        TreeItem *items;
        size_t n, capacity;
        uint64_t since; /* when it began */
} Tree;

/* 0, also where it is there already; -ENOMEM. leads: whoever is in its session is part of it. */
int tree_add(Tree *t, const Process *p, bool leads);
bool tree_has(const Tree *t, const Process *p);
/* One more look: who is gone leaves, who was begun comes. True where it changed. */
bool tree_update(Tree *t, const ProcessTable *look);
/* How many live. */
size_t tree_count(const Tree *t);
void tree_done(Tree *t);

json_t *tree_to_json(const Tree *t);
/* 0, -EBADMSG or -ENOMEM. */
int tree_from_json(const json_t *o, Tree *ret);
