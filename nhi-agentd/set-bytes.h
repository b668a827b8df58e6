/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bytes of one set as received, wherever they lie: never copied where they cannot change. */

#include <stddef.h>

typedef struct SetBytes {
        const char *data;
        size_t size;
        void *map; /* NULL: malloc'ed */
} SetBytes;

/* Takes data (malloc'ed) on success. */
int set_bytes_new(char *data, size_t size, SetBytes **ret);
/* What a memfd holds that nobody can write, grow or shrink any more: its pages are read in place,
 * and no access to them can fail. -EPERM where it is not sealed, or has holes that would cost
 * memory only when they are read; -EFBIG where it is empty or larger than size_max. The descriptor
 * stays the caller's. */
int set_bytes_map(int fd, size_t size_max, SetBytes **ret);
/* A file of ours, read whole from its beginning. */
int set_bytes_read(int fd, size_t size_max, SetBytes **ret);
SetBytes *set_bytes_free(SetBytes *b);
