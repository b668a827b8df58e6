/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/order.h"

#include "lib/base/macro.h"

#define DIGITS     8u /* bytes of a key */
#define INSERT_MAX 24u

static void insert_sort(OrderItem *items, size_t n)
{
        for (size_t i = 1; i < n; i++) {
                OrderItem item = items[i];
                size_t k = i;

                for (; k > 0 && items[k - 1].key > item.key; k--)
                        items[k] = items[k - 1];
                items[k] = item;
        }
}

/* How often each value of each digit occurs. */
static void count_digits(const OrderItem *items, size_t n, uint32_t counts[static DIGITS][256])
{
        memset(counts, 0, DIGITS * sizeof(counts[0]));
        for (size_t i = 0; i < n; i++)
                for (size_t d = 0; d < DIGITS; d++)
                        counts[d][items[i].key >> 8 * d & 0xff]++;
}

static void move_by_digit(const OrderItem *from, OrderItem *to, size_t n, size_t digit,
                          const uint32_t counts[static 256])
{
        uint32_t next[256];
        uint32_t sum = 0;

        for (size_t v = 0; v < 256; v++) {
                next[v] = sum;
                sum += counts[v];
        }
        for (size_t i = 0; i < n; i++)
                to[next[from[i].key >> 8 * digit & 0xff]++] = from[i];
}

void order_by_number(OrderItem *items, OrderItem *scratch, size_t n)
{
        OrderItem *from = items, *to = scratch, *swap;
        uint32_t counts[DIGITS][256];

        if (n <= INSERT_MAX) {
                insert_sort(items, n);
                return;
        }
        count_digits(items, n, counts);
        for (size_t d = 0; d < DIGITS; d++) {
                if (counts[d][items[0].key >> 8 * d & 0xff] == n)
                        continue; /* all alike */
                move_by_digit(from, to, n, d, counts[d]);
                swap = from;
                from = to;
                to = swap;
        }
        if (from != items)
                memcpy(items, from, n * sizeof(*items));
}

/* The next eight bytes of a text, in an order that numbers keep; 0 behind its end. */
static uint64_t text_key(const char *text)
{
        uint64_t key = 0;

        for (size_t i = 0; i < DIGITS; i++) {
                key = key << 8 | (unsigned char)*text;
                text += *text != '\0';
        }
        return key;
}

/* All items have the same first depth bytes. */
static void order_from(OrderItem *items, OrderItem *scratch, size_t n, size_t depth,
                       const char *(*text)(const void *record))
{
        size_t end;

        for (size_t i = 0; i < n; i++)
                items[i].key = text_key(text(items[i].record) + depth);
        order_by_number(items, scratch, n);
        for (size_t i = 0; i < n; i = end) {
                for (end = i + 1; end < n && items[end].key == items[i].key; end++)
                        ;
                /* A key that ends in 0 holds the end of its text: those are equal. */
                if (end - i > 1 && (items[i].key & 0xff) != 0)
                        order_from(items + i, scratch + i, end - i, depth + DIGITS, text);
        }
}

void order_by_text(OrderItem *items, OrderItem *scratch, size_t n,
                   const char *(*text)(const void *record))
{
        order_from(items, scratch, n, 0, text);
}
