/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/idmap.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/arena.h"
#include "nhi-agentd/set/index.h"
#include "nhi-agentd/set/localdb.h"

typedef struct IdMapGroup {
        const char *name;
        uint32_t gid;
} IdMapGroup;

struct IdMap {
        Arena *arena;
        Index users_by_name, users_by_uid, users_by_gid, groups_by_name, groups_by_gid;
};

static int user_by_name(const void *a, const void *b)
{
        return strcmp(((const IdMapUser *)a)->name, ((const IdMapUser *)b)->name);
}

static int user_by_uid(const void *a, const void *b)
{
        uint32_t x = ((const IdMapUser *)a)->uid, y = ((const IdMapUser *)b)->uid;

        return x < y ? -1 : x > y;
}

static int user_by_gid(const void *a, const void *b)
{
        uint32_t x = ((const IdMapUser *)a)->gid, y = ((const IdMapUser *)b)->gid;

        return x < y ? -1 : x > y;
}

static int group_by_name(const void *a, const void *b)
{
        return strcmp(((const IdMapGroup *)a)->name, ((const IdMapGroup *)b)->name);
}

static int group_by_gid(const void *a, const void *b)
{
        uint32_t x = ((const IdMapGroup *)a)->gid, y = ((const IdMapGroup *)b)->gid;

        return x < y ? -1 : x > y;
}

int idmap_new(IdMap **ret)
{
        IdMap *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        m->users_by_name.compare = user_by_name;
        m->users_by_uid.compare = user_by_uid;
        m->users_by_gid.compare = user_by_gid;
        m->groups_by_name.compare = group_by_name;
        m->groups_by_gid.compare = group_by_gid;
        m->arena = arena_new();
        if (!m->arena) {
                free(m);
                return -ENOMEM;
        }
        *ret = m;
        return 0;
}

IdMap *idmap_free(IdMap *m)
{
        if (!m)
                return NULL;
        index_done(&m->users_by_name);
        index_done(&m->users_by_uid);
        index_done(&m->users_by_gid);
        index_done(&m->groups_by_name);
        index_done(&m->groups_by_gid);
        arena_free(m->arena);
        free(m);
        return NULL;
}

/* Added records are found after the next idmap_sort(). */
int idmap_add_user(IdMap *m, const IdMapUser *u)
{
        IdMapUser *copy = arena_alloc(m->arena, 1, sizeof(*copy));
        int r;

        if (!copy)
                return -ENOMEM;
        *copy = *u;
        copy->name = arena_text(m->arena, u->name);
        copy->issuer = arena_text(m->arena, u->issuer);
        if (!copy->name || !copy->issuer)
                return -ENOMEM;
        r = index_add(&m->users_by_name, copy);
        if (r == 0)
                r = index_add(&m->users_by_uid, copy);
        return r == 0 ? index_add(&m->users_by_gid, copy) : r;
}

int idmap_add_group(IdMap *m, const char *name, uint32_t gid)
{
        IdMapGroup *copy = arena_alloc(m->arena, 1, sizeof(*copy));
        int r;

        if (!copy)
                return -ENOMEM;
        copy->gid = gid;
        copy->name = arena_text(m->arena, name);
        if (!copy->name)
                return -ENOMEM;
        r = index_add(&m->groups_by_name, copy);
        return r == 0 ? index_add(&m->groups_by_gid, copy) : r;
}

void idmap_sort(IdMap *m)
{
        index_sort(&m->users_by_name);
        index_sort(&m->users_by_uid);
        index_sort(&m->users_by_gid);
        index_sort(&m->groups_by_name);
        index_sort(&m->groups_by_gid);
}

size_t idmap_n_users(const IdMap *m)
{
        return m->users_by_name.n;
}

IdMapUser idmap_user_at(const IdMap *m, size_t i)
{
        return *(const IdMapUser *)index_at(&m->users_by_name, i);
}

static bool user_found(const IdMapUser *u, IdMapUser *ret)
{
        if (!u)
                return false;
        *ret = *u;
        return true;
}

bool idmap_user_by_name(const IdMap *m, const char *name, IdMapUser *ret)
{
        const IdMapUser probe = { .name = name };

        return user_found(index_find(&m->users_by_name, &probe), ret);
}

bool idmap_user_by_uid(const IdMap *m, uint32_t uid, IdMapUser *ret)
{
        const IdMapUser probe = { .uid = uid };

        return user_found(index_find(&m->users_by_uid, &probe), ret);
}

const char *idmap_gid_owner(const IdMap *m, uint32_t gid)
{
        const IdMapUser user_probe = { .gid = gid };
        const IdMapGroup group_probe = { .gid = gid };
        const IdMapUser *u = index_find(&m->users_by_gid, &user_probe);
        const IdMapGroup *g = index_find(&m->groups_by_gid, &group_probe);

        return u ? u->name : g ? g->name : NULL;
}

size_t idmap_n_groups(const IdMap *m)
{
        return m->groups_by_name.n;
}

void idmap_group_at(const IdMap *m, size_t i, const char **ret_name, uint32_t *ret_gid)
{
        const IdMapGroup *g = index_at(&m->groups_by_name, i);

        *ret_name = g->name;
        *ret_gid = g->gid;
}

bool idmap_group_by_name(const IdMap *m, const char *name, uint32_t *ret_gid)
{
        const IdMapGroup probe = { .name = name };
        const IdMapGroup *g = index_find(&m->groups_by_name, &probe);

        if (!g)
                return false;
        *ret_gid = g->gid;
        return true;
}

int idmap_copy(const IdMap *m, IdMap **ret)
{
        IdMap *copy;
        int r;

        r = idmap_new(&copy);
        if (r < 0)
                return r;
        for (size_t i = 0; r == 0 && i < m->users_by_name.n; i++)
                r = idmap_add_user(copy, index_at(&m->users_by_name, i));
        for (size_t i = 0; r == 0 && i < m->groups_by_name.n; i++) {
                const IdMapGroup *g = index_at(&m->groups_by_name, i);

                r = idmap_add_group(copy, g->name, g->gid);
        }
        if (r < 0) {
                idmap_free(copy);
                return r;
        }
        idmap_sort(copy);
        *ret = copy;
        return 0;
}
