/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside lib/snapshot: walking a table. A search ends after at most as many steps as its table has
 * slots (R2). */

#include "lib/snapshot/bytes.h"

#define CACHE_LINE 64u

static inline void search_start(const Snapshot *s, const SnapshotTable *t, uint32_t hash,
                                SnapshotSearch *ret)
{
        uint32_t n = get_le32(t->n_slots_le);

        ret->snapshot = s;
        ret->hash = hash;
        ret->slots =
                (const void *)bytes_at(s, get_le32(t->offset_le), (size_t)n * sizeof(SnapshotSlot));
        ret->mask = n - 1;
        ret->at = hash & (n - 1);
        ret->left = ret->slots ? n : 0;
}

/* The offset of the record of this hash at or behind slot *at, with *left slots to look at; 0: none
 * is left. */
static inline size_t slots_walk(const SnapshotSearch *q, uint32_t *at, uint32_t *left)
{
        while (*left > 0) {
                const SnapshotSlot *slot = q->slots + *at;
                size_t offset = slot_offset(slot);

                if (offset == 0)
                        break;
                *at = (*at + 1) & q->mask;
                --*left;
                if (slot_may_be(slot, q->hash))
                        return offset;
        }
        *left = 0;
        return 0;
}

/* The offset of the next record of this hash, 0 at the end. */
static inline size_t search_next(SnapshotSearch *q)
{
        return slots_walk(q, &q->at, &q->left);
}

/* Have the next record come: most have three lines at most. Nothing of it is read yet. */
static inline void search_prefetch(const SnapshotSearch *q)
{
        uint32_t at = q->at, left = q->left;
        const size_t offset = slots_walk(q, &at, &left);
        const uint8_t *record = offset > 0 ? bytes_at(q->snapshot, offset, 3 * CACHE_LINE) : NULL;

        if (!record)
                return;
        __builtin_prefetch(record);
        __builtin_prefetch(record + CACHE_LINE);
        __builtin_prefetch(record + 2 * CACHE_LINE);
}
