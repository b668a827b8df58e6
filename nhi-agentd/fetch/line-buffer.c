/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/line-buffer.h"

#include "lib/base/macro.h"

static bool keep(LineBuffer *b, const char *bytes, size_t size)
{
        size_t capacity = b->capacity ? b->capacity : 4096;
        char *grown;

        if (size > b->max - b->size)
                return false;
        while (capacity < b->size + size)
                capacity *= 2;
        if (capacity > b->capacity) {
                grown = realloc(b->data, capacity);
                if (!grown)
                        return false;
                b->data = grown;
                b->capacity = capacity;
        }
        if (size > 0)
                memcpy(b->data + b->size, bytes, size);
        b->size += size;
        return true;
}

bool line_buffer_put(LineBuffer *b, const char *bytes, size_t size, LineTaken taken, void *userdata)
{
        while (size > 0) {
                const char *end = memchr(bytes, '\n', size);
                const size_t n = end ? (size_t)(end - bytes) : size;

                if (!keep(b, bytes, n))
                        return false;
                if (!end)
                        return true;
                if (b->size > 0 && !taken(userdata, b->data, b->size))
                        return false;
                b->size = 0;
                bytes += n + 1;
                size -= n + 1;
        }
        return true;
}

void line_buffer_reset(LineBuffer *b)
{
        free(TAKE_PTR(b->data));
        b->size = b->capacity = 0;
}
