/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdlib.h>

/* qsort(3) and bsearch(3) for a list that may be empty and then have no memory at all: the C
 * library declares that both want an address even of nothing, and a compiler may rest on that.
 *
 * items: a pointer to the first of n; its type gives the size of each. compare: as qsort(3). */
#define sort_items(items, n, compare) sort_items_sized((items), (n), sizeof(*(items)), (compare))

/* key: as the first argument of compare. Returns the item, or NULL. */
#define find_item(key, items, n, compare)                                                          \
        find_item_sized((key), (items), (n), sizeof(*(items)), (compare))

static inline void sort_items_sized(void *items, size_t n, size_t size,
                                    int (*compare)(const void *, const void *))
{
        if (n > 1)
                qsort(items, n, size, compare);
}

static inline void *find_item_sized(const void *key, const void *items, size_t n, size_t size,
                                    int (*compare)(const void *, const void *))
{
        return n > 0 ? bsearch(key, items, n, size, compare) : NULL;
}
