/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/name.h"
#include "nss_nhi/mapping.h"
#include "nss_nhi/nss_nhi.h"

#include <stdlib.h>

/* The caller's growing array of gids. */
typedef struct GroupList {
        long *n, *capacity, limit;
        gid_t **gids;
} GroupList;

#define LIST_E_FULL 2 /* the limit is reached */

static int list_grow(GroupList *l)
{
        long capacity = *l->capacity > 0 ? *l->capacity * 2 : 16;
        gid_t *gids;

        if (l->limit > 0 && *l->capacity >= l->limit)
                return LIST_E_FULL;
        if (l->limit > 0 && capacity > l->limit)
                capacity = l->limit;
        gids = realloc(*l->gids, (size_t)capacity * sizeof(*gids));
        if (!gids)
                return -ENOMEM;
        *l->gids = gids;
        *l->capacity = capacity;
        return 0;
}

static int list_add(GroupList *l, gid_t gid)
{
        for (long i = 0; i < *l->n; i++)
                if ((*l->gids)[i] == gid)
                        return 0;
        if (*l->n >= *l->capacity) {
                int r = list_grow(l);

                if (r != 0)
                        return r;
        }
        (*l->gids)[(*l->n)++] = gid;
        return 0;
}

static int groups_add(const char *user, gid_t skip, GroupList *list)
{
        SnapshotMembershipsView v = { 0 };
        int r, status = NSS_E_NONE;
        SnapshotSearch search;
        SnapshotNow now;
        Lookup l;
        gid_t gid;

        if (!name_is_sane(user))
                return NSS_E_NONE;
        r = lookup_begin(&l);
        if (r < 0)
                return r;
        snapshot_search_memberships(&l.snapshot, user, &search);
        now = clocks_now();
        (void)snapshot_found_memberships(&search, &v);
        for (size_t i = 0; r == 0 && i < v.n; i++) {
                if (!snapshot_membership(&v, i, now, &gid))
                        continue;
                status = 0;
                if (gid != skip)
                        r = list_add(list, gid);
        }
        lookup_end(&l);
        return r < 0 ? r : status;
}

enum nss_status _nss_nhi_initgroups_dyn(const char *user, gid_t skip, long *start, long *size,
                                        gid_t **groups, long limit, int *errnop)
{
        GroupList list = { .n = start, .capacity = size, .limit = limit, .gids = groups };
        int saved = errno;

        return nss_answer(groups_add(user, skip, &list), saved, errnop);
}
