/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/verify-internal.h"

/* A hash is as good as random where it begins. */
static size_t place_of(const VerifySets *s, const uint8_t hash[static LOG_HASH_SIZE])
{
        uint64_t at;

        memcpy(&at, hash, sizeof(at));
        for (at &= s->capacity - 1; s->items[at].met != 0; at = (at + 1) & (s->capacity - 1))
                if (memcmp(s->items[at].hash, hash, LOG_HASH_SIZE) == 0)
                        break;
        return (size_t)at;
}

static int grow(VerifySets *s)
{
        VerifySets more = { .capacity = s->capacity > 0 ? 2 * s->capacity : 64, .n = s->n };

        more.items = calloc(more.capacity, sizeof(*more.items));
        if (!more.items)
                return -ENOMEM;
        for (size_t i = 0; i < s->capacity; i++)
                if (s->items[i].met != 0)
                        more.items[place_of(&more, s->items[i].hash)] = s->items[i];
        free(s->items);
        *s = more;
        return 0;
}

int verify_sets_add(VerifySets *s, const uint8_t hash[static LOG_HASH_SIZE], uint8_t met)
{
        struct VerifySet *item;

        if (2 * s->n >= s->capacity && grow(s) < 0)
                return -ENOMEM;
        item = &s->items[place_of(s, hash)];
        if (item->met == 0) {
                memcpy(item->hash, hash, LOG_HASH_SIZE);
                s->n++;
        }
        item->met |= met;
        return 0;
}

size_t verify_sets_odd(const VerifySets *s)
{
        size_t n = 0;

        for (size_t i = 0; i < s->capacity; i++)
                n += s->items[i].met == VERIFY_SET_CITED || s->items[i].met == VERIFY_SET_LISTED;
        return n;
}

void verify_sets_clear(VerifySets *s)
{
        free(s->items);
        *s = (VerifySets){};
}
