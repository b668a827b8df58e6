/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/wire/codec.h"

#include <errno.h>
#include <string.h>

WireText wire_text(const char *s)
{
        return s ? (WireText){ .data = (const uint8_t *)s, .size = strlen(s) } : (WireText){ 0 };
}

int wire_text_copy(WireText t, char *buf, size_t capacity)
{
        if (t.size >= capacity)
                return -ENAMETOOLONG;
        if (t.size > 0)
                memcpy(buf, t.data, t.size);
        buf[t.size] = '\0';
        return 0;
}

bool wire_list_next(const WireList *l, size_t *pos, WireText *ret)
{
        Buf b = buf_over((void *)l->bytes.data, l->bytes.size);
        Span item;

        if (*pos >= l->bytes.size)
                return false;
        b.pos = *pos;
        item = buf_get_span(&b, buf_get_u32(&b));
        if (buf_failed(&b))
                return false;
        *pos = b.pos;
        *ret = item;
        return true;
}

int wire_list_build(const char *const *items, size_t n, void *storage, size_t capacity,
                    WireList *ret)
{
        Buf b = buf_over(storage, capacity);

        if (n > WIRE_LIST_MAX)
                return WIRE_E_TOO_LARGE;
        for (size_t i = 0; i < n; i++) {
                size_t size = strlen(items[i]);

                if (size > WIRE_MSG_MAX)
                        return WIRE_E_TOO_LARGE;
                buf_put_u32(&b, (uint32_t)size);
                buf_put_bytes(&b, items[i], size);
        }
        if (buf_failed(&b))
                return WIRE_E_TOO_LARGE;

        *ret = (WireList){ .bytes = { .data = b.data, .size = b.pos }, .n = (uint32_t)n };
        return 0;
}

int wire_gids_build(const uint32_t *gids, size_t n, void *storage, size_t capacity, WireGids *ret)
{
        Buf b = buf_over(storage, capacity);

        if (n > WIRE_GIDS_MAX)
                return WIRE_E_TOO_LARGE;
        for (size_t i = 0; i < n; i++)
                buf_put_u32(&b, gids[i]);
        if (buf_failed(&b))
                return WIRE_E_TOO_LARGE;

        *ret = (WireGids){ .bytes = { .data = b.data, .size = b.pos }, .n = (uint32_t)n };
        return 0;
}

uint32_t wire_gids_at(const WireGids *g, uint32_t i)
{
        Buf b = buf_over((void *)g->bytes.data, g->bytes.size);

        if (i >= g->n)
                return UINT32_MAX;
        b.pos = 4 * (size_t)i;
        return buf_get_u32(&b);
}
