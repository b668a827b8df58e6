/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/snapshot/build.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/base/sort.h"
#include "lib/snapshot/bytes.h"
#include "lib/snapshot/image.h"

#define RECORDS_MAX (1u << 24) /* keeps every sum below far from overflow */

/* ---- what may be published ---- */

/* A field of passwd(5): no separator, no control character. */
static bool text_is_publishable(const char *s)
{
        if (!s || strlen(s) > SNAPSHOT_TEXT_MAX)
                return false;
        for (; *s; s++)
                if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == ':')
                        return false;
        return true;
}

bool snapshot_user_is_publishable(const SnapshotBuildUser *u)
{
        return name_is_strict(u->name) && !streq(u->name, "root") &&
               snapshot_id_is_lawful(u->uid) && snapshot_id_is_lawful(u->gid) &&
               text_is_publishable(u->gecos) && text_is_publishable(u->home) &&
               text_is_publishable(u->shell);
}

/* A local group keeps whatever name the host gave it. */
bool snapshot_group_is_publishable(const SnapshotBuildGroup *g)
{
        bool name = g->local ? name_is_sane(g->name) : name_is_strict(g->name);

        return name && !streq(g->name, "root") && snapshot_id_is_lawful(g->gid);
}

static int build_check(const SnapshotBuild *b)
{
        if (b->n_users > RECORDS_MAX || b->n_groups > RECORDS_MAX || b->n_memberships > RECORDS_MAX)
                return -E2BIG;
        for (size_t i = 0; i < b->n_users; i++)
                if (!snapshot_user_is_publishable(&b->users[i]))
                        return -EINVAL;
        for (size_t i = 0; i < b->n_groups; i++)
                if (!snapshot_group_is_publishable(&b->groups[i]))
                        return -EINVAL;
        for (size_t i = 0; i < b->n_memberships; i++) {
                const SnapshotBuildMembership *m = &b->memberships[i];

                if (!name_is_sane(m->user) || streq(m->user, "root") || m->group >= b->n_groups)
                        return -EINVAL;
        }
        return 0;
}

/* ---- memberships ---- */

static int compare_number(int64_t a, int64_t b)
{
        return (a > b) - (a < b);
}

/* By user, then group, the one that ends last first. */
static int tie_compare(const void *a, const void *b)
{
        const Tie *x = a, *y = b;
        int r = strcmp(x->user, y->user);

        if (r == 0)
                r = compare_number((int64_t)x->group, (int64_t)y->group);
        if (r == 0)
                r = compare_number(y->real_deadline, x->real_deadline);
        if (r == 0)
                r = compare_number(y->boot_deadline, x->boot_deadline);
        return r;
}

static int64_t earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* Sorted by user, one per user and group. */
static int ties_make(const SnapshotBuild *b, Tie **ret, size_t *ret_n)
{
        Tie *t = calloc(b->n_memberships + 1, sizeof(*t));
        size_t n = 0;

        if (!t)
                return -ENOMEM;
        for (size_t i = 0; i < b->n_memberships; i++) {
                const SnapshotBuildMembership *m = &b->memberships[i];
                const SnapshotBuildGroup *g = &b->groups[m->group];

                t[i] = (Tie){ .user = m->user,
                              .group = m->group,
                              .real_deadline = earlier(m->real_deadline, g->real_deadline),
                              .boot_deadline = earlier(m->boot_deadline, g->boot_deadline) };
        }
        sort_items(t, b->n_memberships, tie_compare);
        for (size_t i = 0; i < b->n_memberships; i++)
                if (n == 0 || t[n - 1].group != t[i].group || !streq(t[n - 1].user, t[i].user))
                        t[n++] = t[i];
        *ret = t;
        *ret_n = n;
        return 0;
}

int snapshot_build(const SnapshotBuild *b, uint8_t **ret, size_t *ret_size)
{
        _cleanup_free_ Tie *ties = NULL;
        size_t n_ties = 0;
        int r;

        r = build_check(b);
        if (r < 0)
                return r;
        r = ties_make(b, &ties, &n_ties);
        if (r < 0)
                return r;
        return image_make(b, ties, n_ties, ret, ret_size);
}
