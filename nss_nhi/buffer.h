/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Packing an answer into the caller's buffer, which may start at any address and be of any size.
 * The first thing that does not fit sticks: later calls give NULL, and buffer_is_full() says so. */

#include <stdbool.h>
#include <stddef.h>

typedef struct Buffer {
        char *at;
        size_t left;
        bool full;
} Buffer;

static inline bool buffer_is_full(const Buffer *b)
{
        return b->full;
}

/* A copy of s, whose size with its NUL is known. */
char *buffer_bytes(Buffer *b, const char *s, size_t size);
/* The same where it is not. */
char *buffer_text(Buffer *b, const char *s);
/* Room for n pointers, aligned for them; n is a count of records that are mapped. */
char **buffer_pointers(Buffer *b, size_t n);
