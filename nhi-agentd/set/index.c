/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/index.h"

#include "lib/base/macro.h"

int index_add(Index *i, const void *record)
{
        if (i->n == i->capacity) {
                size_t capacity = i->capacity > 0 ? i->capacity * 2 : 64;
                IndexItem *items = reallocarray(i->items, capacity, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                i->items = items;
                i->capacity = capacity;
        }
        i->items[i->n] = (IndexItem){ record, i->n };
        i->n++;
        return 0;
}

static int compare_items(const void *a, const void *b, void *userdata)
{
        const IndexItem *x = a, *y = b;
        const Index *i = userdata;
        int order = i->compare(x->record, y->record);

        if (order != 0)
                return order;
        return x->position < y->position ? -1 : x->position > y->position;
}

void index_sort(Index *i)
{
        if (i->n > 1)
                qsort_r(i->items, i->n, sizeof(*i->items), compare_items, i);
        for (size_t k = 0; k < i->n; k++)
                i->items[k].position = k;
}

const void *index_find(const Index *i, const void *probe)
{
        size_t low = 0, high = i->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (i->compare(i->items[middle].record, probe) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == i->n || i->compare(i->items[low].record, probe) != 0)
                return NULL;
        return i->items[low].record;
}

void index_done(Index *i)
{
        free(i->items);
        *i = (Index){ 0 };
}
