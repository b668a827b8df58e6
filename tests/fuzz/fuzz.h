/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every target of tests/fuzz shares. A target is one function that takes any bytes whatever,
 * and ends the process where a promise of the code under test does not hold. `make fuzz` links it
 * with libFuzzer, tests/fuzz/replay with replay-main.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's interface (https://llvm.org/docs/LibFuzzer.html). */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

/* The promise, in words, where it does not hold. */
#define FUZZ_HOLDS(condition, promise)                                                             \
        do {                                                                                       \
                if (!(condition)) {                                                                \
                        fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
                                promise);                                                          \
                        abort();                                                                   \
                }                                                                                  \
        } while (0)

/* Bytes being used up; an empty input gives zeros and empty texts. */
typedef struct Input {
        const uint8_t *data;
        size_t size;
} Input;

static inline uint8_t input_u8(Input *i)
{
        if (i->size == 0)
                return 0;
        i->size--;
        return *i->data++;
}

static inline uint32_t input_u32(Input *i)
{
        uint32_t v = 0;

        for (unsigned n = 0; n < 4; n++)
                v |= (uint32_t)input_u8(i) << 8 * n;
        return v;
}

/* What stands before the next byte `end` (used up, too), or all that is left: malloc'ed, so that a
 * sanitizer sees its bounds, exactly *ret_size bytes and a NUL. */
static inline char *input_until(Input *i, uint8_t end, size_t *ret_size)
{
        const uint8_t *stop = i->size > 0 ? memchr(i->data, end, i->size) : NULL;
        size_t size = stop ? (size_t)(stop - i->data) : i->size, used = size + (stop ? 1 : 0);
        char *text = malloc(size + 1);

        if (!text)
                abort();
        if (size > 0)
                memcpy(text, i->data, size);
        text[size] = '\0';
        if (used > 0)
                i->data += used;
        i->size -= used;
        if (ret_size)
                *ret_size = size;
        return text;
}

/* The next NUL-ended text. */
static inline char *input_text(Input *i)
{
        return input_until(i, 0, NULL);
}

static inline char *input_rest(Input *i, size_t *ret_size)
{
        char *text = malloc(i->size + 1);

        if (!text)
                abort();
        if (i->size > 0)
                memcpy(text, i->data, i->size);
        text[i->size] = '\0';
        *ret_size = i->size;
        i->size = 0;
        return text;
}
