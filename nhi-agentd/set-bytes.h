/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bytes of one set as received, wherever they lie: never copied where they cannot change. */

#include <stddef.h>

typedef struct SetBytes {
        const char *data;
        size_t size;
        void *map; /* NULL: malloc'ed */
        int fd;    /* of map; -EBADF: none */
} SetBytes;

/* Takes data (malloc'ed) on success. */
int set_bytes_new(char *data, size_t size, SetBytes **ret);
/* What a memfd holds that nobody can write, grow or shrink any more: its pages are read in place,
 * and no access to them can fail. -EPERM where it is not sealed, or plainly has holes; -EFBIG
 * where it is empty or larger than size_max. The descriptor stays the caller's. */
int set_bytes_map(int fd, size_t size_max, SetBytes **ret);
/* Before they are read: 0; -EPERM where they have holes, which would become our memory, and not the
 * sender's, when they are read. How many blocks there are does not say so for sure:
 * they may lie behind the end. Sealed, it cannot get holes any more. Takes as long as the set is
 * large. */
int set_bytes_check(const SetBytes *b);
/* A file of ours, read whole from its beginning. */
int set_bytes_read(int fd, size_t size_max, SetBytes **ret);
SetBytes *set_bytes_free(SetBytes *b);
