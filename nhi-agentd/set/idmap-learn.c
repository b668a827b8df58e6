/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/arena.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/index.h"
#include "nhi-agentd/set/intern.h"
#include "nhi-agentd/set/localdb.h"

/* The set's accounts are distinct, and none contradicts what is known. First all are looked up and
 * then those that are new are added: a map that was added to finds nobody until it is sorted. */
static int learn_accounts(IdMap *m, const GrantSet *set, bool *changed)
{
        Index new = {};
        int r = 0;

        for (size_t i = 0; r == 0 && i < set->n_accounts; i++) {
                IdMapUser known;

                if (!idmap_user_by_name(m, set->accounts[i].name, &known))
                        r = index_add(&new, &set->accounts[i]);
        }
        for (size_t i = 0; r == 0 && i < new.n; i++) {
                const Account *a = index_at(&new, i);

                r = idmap_add_user(m, &(IdMapUser){ a->name, a->issuer, a->uid, a->gid });
                *changed = true;
        }
        index_done(&new);
        idmap_sort(m);
        return r;
}

static bool id_is_free(const IdMap *m, const LocalDb *local, uint32_t id)
{
        IdMapUser u;

        return !localdb_group_name(local, id) && !localdb_user_name(local, id) &&
               !localdb_id_is_subordinate(local, id) && !idmap_gid_owner(m, id) &&
               !idmap_user_by_uid(m, id, &u);
}

/* A group that nobody knows yet. */
typedef struct NewGroup {
        const char *name;
        size_t order; /* of its first grant */
        uint32_t gid;
} NewGroup;

typedef struct Learn {
        IdMap *map;
        const LocalDb *local;
        Arena *arena;
        Intern seen; /* names that need no second look, mostly */
        Index by_name, by_order;
} Learn;

static int new_group_by_name(const void *a, const void *b)
{
        return strcmp(((const NewGroup *)a)->name, ((const NewGroup *)b)->name);
}

static int new_group_by_order(const void *a, const void *b)
{
        const size_t x = ((const NewGroup *)a)->order, y = ((const NewGroup *)b)->order;

        return x < y ? -1 : x > y;
}

static int see_group(Learn *l, const char *name)
{
        const size_t size = strlen(name);
        NewGroup *g;
        IdMapUser u;
        uint32_t gid;

        if (intern_find(&l->seen, name, size))
                return 0;
        intern_add(&l->seen, name, size, NULL);
        if (localdb_group(l->local, name, &gid) || idmap_group_by_name(l->map, name, &gid) ||
            idmap_user_by_name(l->map, name, &u))
                return 0;
        g = arena_alloc(l->arena, 1, sizeof(*g));
        if (!g)
                return -ENOMEM;
        *g = (NewGroup){ .name = name, .order = l->by_name.n };
        return index_add(&l->by_name, g);
}

static int see_groups(Learn *l, const GrantSet *set)
{
        const Term *last = NULL;
        int r = 0;

        for (size_t i = 0; r == 0 && i < set->n_grants; i++) {
                const Grant *grant = &set->grants[i];

                for (size_t k = 0; r == 0 && grant->terms != last && k < grant->n_terms; k++) {
                        const StrList *groups = &grant->terms[k].groups;

                        for (size_t g = 0; r == 0 && g < groups->n; g++)
                                r = see_group(l, groups->items[g]);
                }
                last = grant->terms;
        }
        return r;
}

/* A gid for each, from the top, in the order of the set. Where none is left, a group gives nothing.
 */
static int learn_groups(Learn *l, bool *changed)
{
        uint32_t cursor = ID_MAX;
        int r = 0;

        index_sort(&l->by_name);
        for (size_t i = 0; r == 0 && i < l->by_name.n; i++)
                if (i == 0 ||
                    new_group_by_name(index_at(&l->by_name, i - 1), index_at(&l->by_name, i)) != 0)
                        r = index_add(&l->by_order, index_at(&l->by_name, i));
        index_sort(&l->by_order);
        for (size_t i = 0; r == 0 && i < l->by_order.n; i++) {
                NewGroup *g = (NewGroup *)index_at(&l->by_order, i);

                while (cursor >= ID_MIN && !id_is_free(l->map, l->local, cursor))
                        cursor--;
                g->gid = cursor >= ID_MIN ? cursor-- : 0;
        }
        /* All at once: what is added is found only after the map was sorted again. */
        for (size_t i = 0; r == 0 && i < l->by_order.n; i++) {
                const NewGroup *g = index_at(&l->by_order, i);

                if (g->gid == 0)
                        break;
                r = idmap_add_group(l->map, g->name, g->gid);
                *changed = true;
        }
        idmap_sort(l->map);
        return r;
}

int idmap_learn(IdMap *m, const GrantSet *set, const LocalDb *local, bool *ret_changed)
{
        Learn l = { .map = m,
                    .local = local,
                    .arena = arena_new(),
                    .by_name = { .compare = new_group_by_name },
                    .by_order = { .compare = new_group_by_order } };
        bool changed = false;
        int r;

        r = l.arena ? learn_accounts(m, set, &changed) : -ENOMEM;
        if (r == 0)
                r = see_groups(&l, set);
        if (r == 0)
                r = learn_groups(&l, &changed);
        intern_done(&l.seen);
        index_done(&l.by_name);
        index_done(&l.by_order);
        arena_free(l.arena);
        if (r == 0)
                *ret_changed = changed;
        return r;
}
