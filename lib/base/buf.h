/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A bounded cursor over bytes that somebody else owns: typed put and get in little endian, after
 * OpenSSH's sshbuf. The first failure sticks: later calls do nothing and buf_failed() says so, so a
 * codec reads straight down and checks once. No allocation. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Buf {
        uint8_t *data;
        size_t capacity; /* writer: room; reader: bytes there are */
        size_t pos;
        bool failed;
} Buf;

typedef struct Span {
        const uint8_t *data;
        size_t size;
} Span;

static inline Buf buf_over(void *data, size_t capacity)
{
        return (Buf){ .data = data, .capacity = capacity };
}

static inline bool buf_failed(const Buf *b)
{
        return b->failed;
}

static inline size_t buf_left(const Buf *b)
{
        return b->failed ? 0 : b->capacity - b->pos;
}

void buf_put_u8(Buf *b, uint8_t v);
void buf_put_u16(Buf *b, uint16_t v);
void buf_put_u32(Buf *b, uint32_t v);
void buf_put_u64(Buf *b, uint64_t v);
void buf_put_bytes(Buf *b, const void *data, size_t size);

uint8_t buf_get_u8(Buf *b);
uint16_t buf_get_u16(Buf *b);
uint32_t buf_get_u32(Buf *b);
uint64_t buf_get_u64(Buf *b);
/* A view into the buffer, valid as long as the buffer is. */
Span buf_get_span(Buf *b, size_t size);
