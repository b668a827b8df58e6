/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lines out of pieces of a stream. */

#include <stdbool.h>
#include <stddef.h>

typedef struct LineBuffer {
        char *data; /* of a line that is not whole yet */
        size_t size, capacity;
        size_t max; /* bytes of the longest line */
} LineBuffer;

/* A whole line, without its newline and not terminated; false: no more of them. */
typedef bool (*LineTaken)(void *userdata, const char *line, size_t size);

/* Hand over the lines that these bytes complete, and keep the rest. Empty lines are left out.
 * false: a line is too long, memory is short, or taken() said so. */
bool line_buffer_put(LineBuffer *b, const char *bytes, size_t size, LineTaken taken,
                     void *userdata);
/* Forget what is there; max stays. */
void line_buffer_reset(LineBuffer *b);
