/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/arena.h"

#include "lib/base/macro.h"

#include <stdalign.h>

#define CHUNK_SIZE (64u * 1024)
#define ALIGNMENT  alignof(max_align_t)

typedef struct Chunk {
        struct Chunk *next;
        size_t size, used;
        alignas(max_align_t) unsigned char data[];
} Chunk;

struct Arena {
        Chunk *first; /* the newest, being filled */
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

static Chunk *chunk_new(size_t size)
{
        Chunk *c;

        if (size > SIZE_MAX - sizeof(Chunk))
                return NULL;
        c = calloc(1, sizeof(Chunk) + size);
        if (c)
                c->size = size;
        return c;
}

void *arena_alloc(Arena *a, size_t n, size_t size)
{
        size_t need;
        Chunk *c = a->first;
        void *p;

        if (__builtin_mul_overflow(n, size, &need) || need > SIZE_MAX / 2)
                return NULL;
        need = (need + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (!c || c->size - c->used < need) {
                c = chunk_new(need > CHUNK_SIZE ? need : CHUNK_SIZE);
                if (!c)
                        return NULL;
                c->next = a->first;
                a->first = c;
        }
        p = c->data + c->used;
        c->used += need;
        return p;
}

const char *arena_text_size(Arena *a, const char *text, size_t size)
{
        char *copy = arena_alloc(a, size + 1, 1);

        if (copy)
                memcpy(copy, text, size);
        return copy;
}

const char *arena_text(Arena *a, const char *text)
{
        return text ? arena_text_size(a, text, strlen(text)) : NULL;
}
