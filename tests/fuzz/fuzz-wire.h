/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The mutator of the two wire targets: whatever libFuzzer makes of a message, its header mostly
 * says so, so that the fields behind it are met. */

#include "lib/wire/codec.h"
#include "tests/fuzz/fuzz.h"

static inline void header_repair(uint8_t *data, size_t size, unsigned seed)
{
        Buf b = buf_over(data, WIRE_HEADER_SIZE);
        uint16_t type = (uint16_t)(1 + seed / 16 % 5);

        if (size < WIRE_HEADER_SIZE || seed % 16 == 0)
                return;
        buf_put_u32(&b, WIRE_MAGIC);
        buf_put_u16(&b, WIRE_VERSION);
        if (seed % 16 == 1)
                buf_put_u16(&b, type);
        b.pos = 8;
        buf_put_u32(&b, (uint32_t)size);
}

/* A whole field behind the others; the size of the message is then. */
static inline size_t field_append(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
        size_t value = seed / 64 % 12;
        Buf b = buf_over(data + size, size_max - size);

        if (size_max - size < WIRE_FIELD_SIZE + value)
                return size;
        buf_put_u16(&b, (uint16_t)(1 + seed / 1024 % 40));
        buf_put_u32(&b, (uint32_t)value);
        for (size_t i = 0; i < value; i++)
                buf_put_u8(&b, (uint8_t)(i % 4 == 0 ? seed >> 24 & 3 : 0));
        return size + b.pos;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
        if (seed / 16 % 4 == 0 && size >= WIRE_HEADER_SIZE)
                size = field_append(data, size, size_max, seed);
        else
                size = LLVMFuzzerMutate(data, size, size_max);
        header_repair(data, size, seed);
        return size;
}
