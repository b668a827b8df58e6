/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nss_nhi/buffer.h"

#include <stdint.h>
#include <string.h>

static void *buffer_take(Buffer *b, size_t size)
{
        void *taken = b->at;

        if (b->full || size > b->left) {
                b->full = true;
                return NULL;
        }
        b->at += size;
        b->left -= size;
        return taken;
}

char *buffer_bytes(Buffer *b, const char *s, size_t size)
{
        char *copy = buffer_take(b, size);

        return copy ? memcpy(copy, s, size) : NULL;
}

char *buffer_text(Buffer *b, const char *s)
{
        return buffer_bytes(b, s, strlen(s) + 1);
}

char **buffer_pointers(Buffer *b, size_t n)
{
        size_t align = _Alignof(char *);

        (void)buffer_take(b, -(uintptr_t)b->at & (align - 1));
        return buffer_take(b, n * sizeof(char *));
}
