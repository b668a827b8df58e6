/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The graph of lines in memory: what follows what, and which line recorded a document last. */

#include "nhictl/ledger/history.h"

History *history_free(History *h)
{
        if (!h)
                return NULL;
        for (size_t i = 0; i < h->n_lines; i++)
                free(h->lines[i].file);
        free(h->lines);
        free(h->text);
        json_decref(h->index);
        json_decref(h->tips);
        json_decref(h->problems);
        free(h);
        return NULL;
}

static size_t place_of(const History *h, const char *hash)
{
        const json_t *place = json_object_get(h->index, hash);

        return place ? (size_t)json_integer_value(place) : HISTORY_NONE;
}

const HistoryLine *history_find(const History *h, const char *hash)
{
        size_t place = place_of(h, hash);

        return place == HISTORY_NONE ? NULL : &h->lines[place];
}

const char *history_base(const History *h, const char *hash)
{
        const HistoryLine *line = history_find(h, hash);

        return line ? h->lines[line->base].hash : NULL;
}

/* Superseded lines are passed over where they are met, and not taken out. */
static size_t skip_superseded(const History *h, size_t i)
{
        while (i != HISTORY_NONE && h->lines[i].superseded)
                i = h->lines[i].next_tip;
        return i;
}

size_t history_tip(const History *h, const char *file)
{
        const json_t *place = json_object_get(h->tips, file);

        return skip_superseded(h, place ? (size_t)json_integer_value(place) : HISTORY_NONE);
}

size_t history_tip_next(const History *h, size_t tip)
{
        return skip_superseded(h, h->lines[tip].next_tip);
}

size_t history_heads(const History *h, const char **ret, size_t max)
{
        size_t n = 0;

        for (size_t i = h->n_lines; i > 0 && n < h->n_heads && n < max; i--) {
                if (!h->lines[i - 1].followed)
                        ret[n++] = h->lines[i - 1].hash;
        }
        return h->n_heads;
}

static int grow(History *h)
{
        size_t capacity = h->capacity > 0 ? h->capacity * 2 : 64;
        HistoryLine *grown;

        if (h->n_lines < h->capacity)
                return 0;
        grown = reallocarray(h->lines, capacity, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        h->lines = grown;
        h->capacity = capacity;
        return 0;
}

/* The new line is a tip of its document, before those that it does not supersede. */
static int link_tip(History *h, HistoryLine *line, const HistoryLinks *links)
{
        for (size_t i = 0; i < links->n_last; i++)
                h->lines[links->last[i]].superseded = true;
        line->next_tip = HISTORY_NONE;
        if (!line->file)
                return 0;
        line->next_tip = history_tip(h, line->file);
        return json_object_set_new(h->tips, line->file, json_integer((json_int_t)h->n_lines)) < 0
                       ? -ENOMEM
                       : 0;
}

static void follow(History *h, const char *hash)
{
        size_t place = place_of(h, hash);

        if (place == HISTORY_NONE || h->lines[place].followed)
                return;
        h->lines[place].followed = true;
        h->n_heads--;
}

/* Of the line that is added next. */
static size_t base_of(const History *h, const HistoryLine *line, const HistoryLinks *links)
{
        size_t before = line->is_publication && links->n_prev == 1 ? place_of(h, links->prev[0])
                                                                   : HISTORY_NONE;

        return before == HISTORY_NONE ? h->n_lines : h->lines[before].base;
}

int history_add(History *h, const HistoryLine *line, const HistoryLinks *links)
{
        const size_t base = base_of(h, line, links);
        HistoryLine *added;
        int r;

        /* First: the caller's hashes may be those of lines, which move when the array grows. */
        for (size_t i = 0; i < links->n_prev; i++)
                follow(h, links->prev[i]);
        r = grow(h);
        if (r < 0)
                return r;
        added = &h->lines[h->n_lines];
        *added = *line;
        added->file = line->file ? strdup(line->file) : NULL;
        added->base = base;
        if (line->file && !added->file)
                return -ENOMEM;
        if (json_object_set_new(h->index, line->hash, json_integer((json_int_t)h->n_lines)) < 0 ||
            link_tip(h, added, links) < 0) {
                free(added->file);
                return -ENOMEM;
        }
        h->n_heads++;
        if (line->number > h->n_numbers)
                h->n_numbers = line->number;
        h->n_lines++;
        return 0;
}
