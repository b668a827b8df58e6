/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sorting a million records in time that grows with their bytes and not with n log n comparisons,
 * each of which would wait for memory: radix sort over keys that lie beside the pointers. Stable.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct OrderItem {
        const void *record;
        uint64_t key;
} OrderItem;

/* items and scratch are n long; what scratch holds afterwards is nothing. n < 2^32. */

/* By key, ascending: the caller has filled it in. */
void order_by_number(OrderItem *items, OrderItem *scratch, size_t n);
/* By the text of each record, as strcmp() orders; keys are overwritten. */
void order_by_text(OrderItem *items, OrderItem *scratch, size_t n,
                   const char *(*text)(const void *record));
