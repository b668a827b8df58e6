/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside publish-snapshot.c: groups found by name, and who is in them, each once. */

#include "lib/snapshot/build.h"

/* When something ends, on both clocks; zeroed: over. */
typedef struct End {
        int64_t real_usec, boot_usec;
} End;

typedef struct Groups {
        SnapshotBuildGroup *items;
        size_t n, capacity;
        uint32_t *slots; /* hash table by name: index + 1 */
        size_t n_slots;
        SnapshotBuildMembership *members;
        size_t n_members, members_capacity;
        size_t *last; /* by group: the newest membership in it, index + 1 */
} Groups;

void groups_done(Groups *g);
int groups_add(Groups *g, const SnapshotBuildGroup *group); /* 0 or -ENOMEM */
/* Sort by gid, and keep one of each. From now on, and not before, names are found. */
int groups_unique(Groups *g);
/* Among the first n, which groups_unique() has sorted. */
bool groups_have_gid(const Groups *g, size_t n, gid_t gid);
bool groups_find(const Groups *g, const char *name, size_t *ret);
/* The memberships of one user are added one after the other, first is where they begin: a second
 * one in the same group only makes the first last longer. */
int groups_give(Groups *g, const char *user, size_t group, End end, size_t first);

static inline void end_later(End *at, End other)
{
        if (other.real_usec > at->real_usec)
                at->real_usec = other.real_usec;
        if (other.boot_usec > at->boot_usec)
                at->boot_usec = other.boot_usec;
}
