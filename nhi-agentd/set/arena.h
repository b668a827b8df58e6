/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Memory that is given back at once: a set's entries live and die together. Zeroed; NULL where
 * there is no memory or n * size overflows. Texts stand side by side without padding. */

#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
Arena *arena_free(Arena *a);
/* Aligned for pointers and 64-bit numbers. */
void *arena_alloc(Arena *a, size_t n, size_t size);
/* NULL text gives NULL. */
const char *arena_text(Arena *a, const char *text);
const char *arena_text_size(Arena *a, const char *text, size_t size);
/* Bytes taken from the system. */
size_t arena_size(const Arena *a);
