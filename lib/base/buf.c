/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/buf.h"

#include <string.h>

/* Room for size more bytes, or NULL and the buffer has failed. */
static uint8_t *buf_take(Buf *b, size_t size)
{
        uint8_t *p;

        if (b->failed || size > b->capacity - b->pos) {
                b->failed = true;
                return NULL;
        }
        p = b->data + b->pos;
        b->pos += size;
        return p;
}

static void put_le(Buf *b, uint64_t v, size_t size)
{
        uint8_t *p = buf_take(b, size);

        for (size_t i = 0; p && i < size; i++)
                p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(Buf *b, size_t size)
{
        const uint8_t *p = buf_take(b, size);
        uint64_t v = 0;

        for (size_t i = 0; p && i < size; i++)
                v |= (uint64_t)p[i] << (8 * i);
        return v;
}

void buf_put_u8(Buf *b, uint8_t v)
{
        put_le(b, v, 1);
}

void buf_put_u16(Buf *b, uint16_t v)
{
        put_le(b, v, 2);
}

void buf_put_u32(Buf *b, uint32_t v)
{
        put_le(b, v, 4);
}

void buf_put_u64(Buf *b, uint64_t v)
{
        put_le(b, v, 8);
}

void buf_put_bytes(Buf *b, const void *data, size_t size)
{
        uint8_t *p = buf_take(b, size);

        if (p && size > 0)
                memcpy(p, data, size);
}

uint8_t buf_get_u8(Buf *b)
{
        return (uint8_t)get_le(b, 1);
}

uint16_t buf_get_u16(Buf *b)
{
        return (uint16_t)get_le(b, 2);
}

uint32_t buf_get_u32(Buf *b)
{
        return (uint32_t)get_le(b, 4);
}

uint64_t buf_get_u64(Buf *b)
{
        return get_le(b, 8);
}

Span buf_get_span(Buf *b, size_t size)
{
        const uint8_t *p = buf_take(b, size);

        return p ? (Span){ .data = p, .size = size } : (Span){ 0 };
}
