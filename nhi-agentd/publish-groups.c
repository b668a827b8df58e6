/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/publish-groups.h"

#include "lib/base/macro.h"
#include "lib/base/sort.h"

#define SLOTS_MIN 64u

void groups_done(Groups *g)
{
        free(g->items);
        free(g->slots);
        free(g->members);
        free(g->last);
        *g = (Groups){};
}

/* FNV-1a, 32 bits. */
static uint32_t hash_of(const char *name)
{
        uint32_t h = 0x811c9dc5u;

        for (; *name; name++)
                h = (h ^ (unsigned char)*name) * 0x01000193u;
        return h;
}

/* Where name stands, or would stand. */
static size_t slot_of(const Groups *g, const char *name)
{
        const size_t mask = g->n_slots - 1;
        size_t i = hash_of(name) & mask;

        while (g->slots[i] != 0 && !streq(g->items[g->slots[i] - 1].name, name))
                i = (i + 1) & mask;
        return i;
}

static void slots_enter(Groups *g, size_t index)
{
        const size_t i = slot_of(g, g->items[index].name);

        if (g->slots[i] == 0)
                g->slots[i] = (uint32_t)index + 1;
}

/* At most half full, also with one more. */
static int slots_fit(Groups *g)
{
        size_t n = g->n_slots ? g->n_slots : SLOTS_MIN;
        uint32_t *slots;

        if (2 * (g->n + 1) <= g->n_slots)
                return 0;
        while (n < 4 * (g->n + 1))
                n *= 2;
        slots = calloc(n, sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        free(g->slots);
        g->slots = slots;
        g->n_slots = n;
        for (size_t i = 0; i < g->n; i++)
                slots_enter(g, i);
        return 0;
}

static int items_fit(Groups *g)
{
        const size_t capacity = g->capacity ? g->capacity * 2 : 64;
        void *items, *last;

        if (g->n < g->capacity)
                return 0;
        items = reallocarray(g->items, capacity, sizeof(*g->items));
        if (!items)
                return -ENOMEM;
        g->items = items;
        last = reallocarray(g->last, capacity, sizeof(*g->last));
        if (!last)
                return -ENOMEM;
        g->last = last;
        g->capacity = capacity;
        return 0;
}

int groups_add(Groups *g, const SnapshotBuildGroup *group)
{
        int r;

        r = items_fit(g);
        if (r == 0 && g->slots)
                r = slots_fit(g);
        if (r < 0)
                return r;
        g->items[g->n] = *group;
        g->last[g->n] = 0;
        g->n++;
        if (g->slots)
                slots_enter(g, g->n - 1);
        return 0;
}

static int compare_gid(const void *a, const void *b)
{
        const SnapshotBuildGroup *x = a, *y = b;

        if (x->gid != y->gid)
                return x->gid < y->gid ? -1 : 1;
        /* Of several with one gid the one that lasts longest names it. */
        if (x->real_deadline != y->real_deadline)
                return x->real_deadline > y->real_deadline ? -1 : 1;
        return strcmp(x->name, y->name);
}

int groups_unique(Groups *g)
{
        size_t n = 0;

        sort_items(g->items, g->n, compare_gid);
        for (size_t i = 0; i < g->n; i++)
                if (n == 0 || g->items[n - 1].gid != g->items[i].gid)
                        g->items[n++] = g->items[i];
        g->n = n;
        return slots_fit(g);
}

bool groups_have_gid(const Groups *g, size_t n, gid_t gid)
{
        size_t low = 0, high = n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (g->items[middle].gid < gid)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < n && g->items[low].gid == gid;
}

bool groups_find(const Groups *g, const char *name, size_t *ret)
{
        const uint32_t found = g->slots[slot_of(g, name)];

        if (found == 0)
                return false;
        *ret = found - 1;
        return true;
}

int groups_give(Groups *g, const char *user, size_t group, End end, size_t first)
{
        const size_t capacity = g->members_capacity ? g->members_capacity * 2 : 64;
        void *grown;

        if (g->last[group] > first) {
                SnapshotBuildMembership *m = &g->members[g->last[group] - 1];
                End latest = { m->real_deadline, m->boot_deadline };

                end_later(&latest, end);
                m->real_deadline = latest.real_usec;
                m->boot_deadline = latest.boot_usec;
                return 0;
        }
        if (g->n_members == g->members_capacity) {
                grown = reallocarray(g->members, capacity, sizeof(*g->members));
                if (!grown)
                        return -ENOMEM;
                g->members = grown;
                g->members_capacity = capacity;
        }
        g->members[g->n_members++] = (SnapshotBuildMembership){
                .user = user,
                .group = group,
                .real_deadline = end.real_usec,
                .boot_deadline = end.boot_usec,
        };
        g->last[group] = g->n_members;
        return 0;
}
