/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From grants in force to records of the identity snapshot. An account of ours is active until the
 * latest end among its active grants, a membership until the latest end among those that give it;
 * every other name ever seen is retired: it answers by id only. */

#include "nhi-agentd/publish-snapshot.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/snapshot/build.h"

/* When something ends, on both clocks; zeroed: over. */
typedef struct End {
        int64_t real_usec, boot_usec;
} End;

typedef struct Image {
        Agent *agent;
        Now now;
        HostView host;
        SnapshotBuildUser *users;
        SnapshotBuildGroup *groups;
        SnapshotBuildMembership *members;
        size_t n_users, n_groups, n_members;
        size_t members_capacity, groups_capacity;
} Image;

static void image_done(Image *im)
{
        free(im->users);
        free(im->groups);
        free(im->members);
}

static bool list_has(const StrList *l, const char *text)
{
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->items[i], text))
                        return true;
        return false;
}

/* The end of a grant that is in force now and neither locked nor ended. */
static bool grant_end(const Image *im, const Grant *g, End *ret)
{
        int64_t end_sec = 0, boot_usec = 0;

        if (!grant_is_active(g, im->now, &end_sec, &boot_usec))
                return false;
        if (list_has(im->host.locked, g->account) || list_has(im->host.locked, g->jti) ||
            list_has(im->host.ended, g->jti))
                return false;
        if (end_sec > INT64_MAX / (int64_t)USEC_PER_SEC)
                end_sec = INT64_MAX / (int64_t)USEC_PER_SEC;
        *ret = (End){ end_sec * (int64_t)USEC_PER_SEC, boot_usec };
        return true;
}

static void later(int64_t *at, int64_t other)
{
        if (other > *at)
                *at = other;
}

static End account_end(const Image *im, const char *account)
{
        size_t n = 0;
        const Grant *const *grants = grant_store_find(&im->agent->store, account, &n);
        End latest = {};

        for (size_t i = 0; i < n; i++) {
                End end;

                if (!grant_end(im, grants[i], &end))
                        continue;
                later(&latest.real_usec, end.real_usec);
                later(&latest.boot_usec, end.boot_usec);
        }
        return latest;
}

static bool gid_is_taken(const Image *im, gid_t gid, const char *name)
{
        for (size_t i = 0; i < im->n_groups; i++)
                if (im->groups[i].gid == gid || streq(im->groups[i].name, name))
                        return true;
        return false;
}

static int add_group(Image *im, SnapshotBuildGroup group)
{
        if (im->n_groups == im->groups_capacity) {
                const size_t capacity = im->groups_capacity ? im->groups_capacity * 2 : 64;
                void *grown = reallocarray(im->groups, capacity, sizeof(*im->groups));

                if (!grown)
                        return -ENOMEM;
                im->groups = grown;
                im->groups_capacity = capacity;
        }
        im->groups[im->n_groups++] = group;
        return 0;
}

static int add_member(Image *im, const char *user, size_t group, End end)
{
        for (size_t i = im->n_members; i > 0; i--) {
                SnapshotBuildMembership *m = &im->members[i - 1];

                /* Grants come sorted by account: those of one user stand together. */
                if (!streq(m->user, user))
                        break;
                if (m->group != group)
                        continue;
                later(&m->real_deadline, end.real_usec);
                later(&m->boot_deadline, end.boot_usec);
                return 0;
        }
        if (im->n_members == im->members_capacity) {
                const size_t capacity = im->members_capacity ? im->members_capacity * 2 : 64;
                void *grown = reallocarray(im->members, capacity, sizeof(*im->members));

                if (!grown)
                        return -ENOMEM;
                im->members = grown;
                im->members_capacity = capacity;
        }
        im->members[im->n_members++] = (SnapshotBuildMembership){
                .user = user,
                .group = group,
                .real_deadline = end.real_usec,
                .boot_deadline = end.boot_usec,
        };
        return 0;
}

/* Every account ever defined here, active or retired, and its primary group. */
static int add_users(Image *im)
{
        const IdMap *map = im->agent->idmap;
        const size_t n = idmap_n_users(map);

        im->users = calloc(n + 1, sizeof(*im->users));
        if (!im->users)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const IdMapUser u = idmap_user_at(map, i);
                const Account *a = grant_store_account(&im->agent->store, u.name);
                const bool is_defined = a && a->uid == u.uid;
                const End end = is_defined ? account_end(im, u.name) : (End){};
                uint32_t local_gid;
                int r = 0;

                im->users[im->n_users++] = (SnapshotBuildUser){
                        .name = u.name,
                        .gecos = is_defined ? a->gecos : "",
                        .home = is_defined ? a->home : "/",
                        .shell = is_defined ? a->shell : SNAPSHOT_NOLOGIN,
                        .uid = u.uid,
                        .gid = u.gid,
                        .real_deadline = end.real_usec,
                        .boot_deadline = end.boot_usec,
                };
                if (!localdb_group(im->agent->local, u.name, &local_gid) &&
                    !localdb_group_name(im->agent->local, u.gid))
                        r = add_group(im, (SnapshotBuildGroup){
                                                  .name = u.name,
                                                  .gid = u.gid,
                                                  .real_deadline = end.real_usec,
                                                  .boot_deadline = end.boot_usec,
                                          });
                if (r < 0)
                        return r;
        }
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

/* Accounts that share a gid share one group. */
static void unique_groups(Image *im)
{
        size_t n = 0;

        if (im->n_groups == 0)
                return;
        qsort(im->groups, im->n_groups, sizeof(*im->groups), compare_gid);
        for (size_t i = 0; i < im->n_groups; i++)
                if (n == 0 || im->groups[n - 1].gid != im->groups[i].gid)
                        im->groups[n++] = im->groups[i];
        im->n_groups = n;
}

/* Every group that grants ever gave a gid here: retired until a membership revives it. */
static int add_known_groups(Image *im)
{
        const IdMap *map = im->agent->idmap;

        for (size_t i = 0; i < idmap_n_groups(map); i++) {
                SnapshotBuildGroup g = {};
                uint32_t local_gid;
                int r;

                idmap_group_at(map, i, &g.name, &g.gid);
                if (localdb_group(im->agent->local, g.name, &local_gid) ||
                    localdb_group_name(im->agent->local, g.gid) || gid_is_taken(im, g.gid, g.name))
                        continue;
                r = add_group(im, g);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The index of a group to give somebody; local ones are added as they are met. -ENOENT: none. */
static int group_index(Image *im, const char *name, size_t *ret)
{
        SnapshotBuildGroup local = {
                .name = name,
                .real_deadline = SNAPSHOT_FOREVER,
                .boot_deadline = SNAPSHOT_FOREVER,
                .local = true,
        };
        int r;

        /* From the end: primary groups, of which there are many, stand first. */
        for (size_t i = im->n_groups; i > 0; i--)
                if (streq(im->groups[i - 1].name, name)) {
                        *ret = i - 1;
                        return 0;
                }
        if (!localdb_group(im->agent->local, name, &local.gid) ||
            !snapshot_group_is_publishable(&local))
                return -ENOENT;
        r = add_group(im, local);
        if (r < 0)
                return r;
        *ret = im->n_groups - 1;
        return 0;
}

static int give_group(Image *im, const char *user, const char *name, End end)
{
        size_t i = 0;
        int r;

        r = group_index(im, name, &i);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        if (!im->groups[i].local) {
                later(&im->groups[i].real_deadline, end.real_usec);
                later(&im->groups[i].boot_deadline, end.boot_usec);
        } else if (localdb_is_member(im->agent->local, user, name)) {
                return 0;
        }
        return add_member(im, user, i, end);
}

static int add_grant_groups(Image *im, const Grant *g)
{
        End end;

        if (!grant_end(im, g, &end))
                return 0;
        for (size_t i = 0; i < g->n_terms; i++) {
                const Term *t = &g->terms[i];

                for (size_t j = 0; t->type == TERM_GROUP && j < t->groups.n; j++) {
                        int r = give_group(im, g->account, t->groups.items[j], end);

                        if (r < 0)
                                return r;
                }
        }
        /* sshd's Match block for accounts of ours. */
        return grant_store_account(&im->agent->store, g->account)
                       ? give_group(im, g->account, PUBLISH_MANAGED_GROUP, end)
                       : 0;
}

static int image_fill(Image *im)
{
        const GrantStore *store = &im->agent->store;
        int r;

        r = add_users(im);
        if (r < 0)
                return r;
        unique_groups(im);
        r = add_known_groups(im);
        for (size_t i = 0; r == 0 && i < store->n_grants; i++)
                r = add_grant_groups(im, store->grants[i]);
        return r;
}

int snapshot_image(Agent *a, uint64_t generation, uint8_t **ret, size_t *ret_size)
{
        Image im = { .agent = a, .now = agent_now(a), .host = agent_host_view(a) };
        int r;

        r = image_fill(&im);
        if (r == 0) {
                const SnapshotBuild b = {
                        .generation = generation,
                        .enumerate = a->config->enumerate,
                        .users = im.users,
                        .n_users = im.n_users,
                        .groups = im.groups,
                        .n_groups = im.n_groups,
                        .memberships = im.members,
                        .n_memberships = im.n_members,
                };

                r = snapshot_build(&b, ret, ret_size);
        }
        image_done(&im);
        return r;
}
