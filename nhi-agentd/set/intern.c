/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/intern.h"

#include "lib/base/macro.h"

#define SLOTS_MIN 256u
#define PROBES    8u /* where a text may stand */

static uint32_t hash_text(const char *text, size_t size)
{
        uint64_t h = UINT64_C(0x9e3779b97f4a7c15) ^ size, word;

        for (; size >= sizeof(word); size -= sizeof(word), text += sizeof(word)) {
                memcpy(&word, text, sizeof(word));
                h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
                h ^= h >> 32;
        }
        word = 0;
        memcpy(&word, text, size);
        h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
        return (uint32_t)(h ^ h >> 32);
}

static InternSlot *slot_at(const Intern *i, uint32_t hash, size_t probe)
{
        return &i->slots[(hash + probe) & (i->capacity - 1)];
}

const InternSlot *intern_find(const Intern *i, const char *text, size_t size)
{
        const uint32_t hash = hash_text(text, size);

        for (size_t probe = 0; i->capacity > 0 && probe < PROBES; probe++) {
                const InternSlot *s = slot_at(i, hash, probe);

                if (!s->text)
                        break;
                if (s->hash == hash && s->size == size && memcmp(s->text, text, size) == 0)
                        return s;
        }
        return NULL;
}

/* Where all places are taken the first one is given up. */
static void put(Intern *i, const InternSlot *new)
{
        InternSlot *s = NULL;

        for (size_t probe = 0; probe < PROBES; probe++) {
                s = slot_at(i, new->hash, probe);
                if (s->text)
                        continue;
                i->n++;
                *s = *new;
                return;
        }
        *slot_at(i, new->hash, 0) = *new;
}

static void grow(Intern *i)
{
        const size_t most = i->capacity_max > 0 ? i->capacity_max : INTERN_SLOTS_MAX;
        Intern grown = { .capacity = i->capacity > 0 ? i->capacity * 2 : SLOTS_MIN,
                         .capacity_max = i->capacity_max };

        if (grown.capacity > most)
                return;
        grown.slots = calloc(grown.capacity, sizeof(*grown.slots));
        if (!grown.slots)
                return;
        for (size_t k = 0; k < i->capacity; k++)
                if (i->slots[k].text)
                        put(&grown, &i->slots[k]);
        free(i->slots);
        *i = grown;
}

void intern_add(Intern *i, const char *text, size_t size, void *value)
{
        const InternSlot new = { text, value, hash_text(text, size), (uint32_t)size };

        if (size > UINT32_MAX)
                return;
        if (i->n >= i->capacity / 2)
                grow(i);
        if (i->capacity > 0)
                put(i, &new);
}

void intern_done(Intern *i)
{
        free(i->slots);
        *i = (Intern){ 0 };
}
