/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A sorted list of records that somebody else owns: add, sort once, look up. Equal records keep
 * the order in which they were added. */

#include <stddef.h>

typedef int (*IndexCompare)(const void *a, const void *b);

typedef struct IndexItem {
        const void *record;
        size_t position;
} IndexItem;

typedef struct Index {
        IndexItem *items;
        size_t n, capacity;
        IndexCompare compare;
} Index;

int index_add(Index *i, const void *record); /* 0 or -ENOMEM */
void index_sort(Index *i);
/* The first record that compares equal to the probe, or NULL. */
const void *index_find(const Index *i, const void *probe);
static inline const void *index_at(const Index *i, size_t n)
{
        return i->items[n].record;
}
void index_done(Index *i);
