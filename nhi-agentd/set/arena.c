/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/arena.h"

#include "lib/base/macro.h"

#include <stdalign.h>

/* Each chunk is as large as all before it together, within these. */
#define CHUNK_SIZE_MIN (4u * 1024)
#define CHUNK_SIZE_MAX (1024u * 1024)
#define ALIGNMENT      alignof(uint64_t)

/* Records are taken from its beginning, texts from its end. */
typedef struct Chunk {
        struct Chunk *next;
        size_t low, high;
        alignas(uint64_t) unsigned char data[];
} Chunk;

struct Arena {
        Chunk *first; /* being filled */
        size_t size;
};

Arena *arena_new(void)
{
        return calloc(1, sizeof(Arena));
}

Arena *arena_free(Arena *a)
{
        if (!a)
                return NULL;
        while (a->first) {
                Chunk *c = a->first;

                a->first = c->next;
                free(c);
        }
        free(a);
        return NULL;
}

static Chunk *chunk_new(Arena *a, size_t size)
{
        Chunk *c;

        if (size > SIZE_MAX / 2)
                return NULL;
        c = calloc(1, sizeof(Chunk) + size);
        if (!c)
                return NULL;
        c->high = size;
        a->size += sizeof(Chunk) + size;
        return c;
}

static size_t next_chunk_size(const Arena *a)
{
        return a->size < CHUNK_SIZE_MIN   ? CHUNK_SIZE_MIN - sizeof(Chunk)
               : a->size > CHUNK_SIZE_MAX ? CHUNK_SIZE_MAX - sizeof(Chunk)
                                          : a->size;
}

/* A chunk with room; what is large gets its own and leaves the first one be. */
static Chunk *chunk_for(Arena *a, size_t need)
{
        const size_t usual = next_chunk_size(a);
        const bool is_large = need > usual / 4;
        Chunk *c = a->first;

        if (c && c->high - c->low >= need)
                return c;
        c = chunk_new(a, is_large ? need : usual);
        if (!c)
                return NULL;
        if (is_large && a->first) {
                c->next = a->first->next;
                a->first->next = c;
        } else {
                c->next = a->first;
                a->first = c;
        }
        return c;
}

void *arena_alloc(Arena *a, size_t n, size_t size)
{
        size_t need;
        Chunk *c;
        void *p;

        if (__builtin_mul_overflow(n, size, &need) || need > SIZE_MAX / 2)
                return NULL;
        need = (need + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        c = chunk_for(a, need);
        if (!c)
                return NULL;
        p = c->data + c->low;
        c->low += need;
        return p;
}

const char *arena_text_size(Arena *a, const char *text, size_t size)
{
        Chunk *c;
        char *copy;

        if (size >= SIZE_MAX / 2)
                return NULL;
        c = chunk_for(a, size + 1);
        if (!c)
                return NULL;
        c->high -= size + 1;
        copy = (char *)c->data + c->high;
        memcpy(copy, text, size); /* zeroed memory ends it */
        return copy;
}

const char *arena_text(Arena *a, const char *text)
{
        return text ? arena_text_size(a, text, strlen(text)) : NULL;
}

size_t arena_size(const Arena *a)
{
        return a->size;
}
