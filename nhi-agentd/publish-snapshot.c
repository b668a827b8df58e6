/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From grants in force to records of the identity snapshot. An account of ours is active until the
 * latest end among its active grants, a membership until the latest end among those that give it;
 * every other name ever seen is retired: it answers by id only. */

#include "nhi-agentd/publish-snapshot.h"

#include "nhi-agentd/core/rules.h"
#include "nhi-agentd/publish-groups.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <stdio.h>

typedef struct Image {
        const PublishView *view;
        SnapshotBuildUser *users;
        size_t n_users;
        Groups groups;
        /* How far the store's lists, sorted by account, were walked. */
        size_t account_at, grant_at;
        size_t n_active;
        MemberList given;
} Image;

/* Whose memberships are walked. */
typedef struct Holder {
        const char *name;
        uint32_t uid, gid;
        bool is_known; /* here: else only a directory has it */
        size_t first;  /* where they begin */
} Holder;

static void image_done(Image *im)
{
        free(im->users);
        groups_done(&im->groups);
        member_list_done(&im->given);
}

static bool is_held_back(const PublishView *v, const Grant *g)
{
        const StrList locked = { .items = (const char **)v->state.locked, .n = v->state.n_locked };

        if (list_contains_sorted(&locked, g->account) || list_contains_sorted(&locked, g->jti) ||
            state_grant_is_ended(&v->state, g))
                return true;
        for (size_t i = 0; i < v->n_revokers; i++)
                if (revoker_judge(&v->revokers[i], g, NULL) != LIST_SILENT)
                        return true;
        for (size_t i = 0; i < v->config->n_issuers && i < ELEMENTSOF(v->narrowed); i++)
                if (streq(v->config->issuers[i].issuer, g->issuer) &&
                    list_contains_sorted(&v->narrowed[i], g->jti))
                        return true;
        return false;
}

/* The end of a grant that is in force now and neither locked nor ended. */
static bool grant_end(const Image *im, const Grant *g, End *ret)
{
        int64_t end_sec = 0, boot_usec = 0;

        if (!grant_is_active(g, im->view->now, &end_sec, &boot_usec) || is_held_back(im->view, g))
                return false;
        if (end_sec > INT64_MAX / (int64_t)USEC_PER_SEC)
                end_sec = INT64_MAX / (int64_t)USEC_PER_SEC;
        *ret = (End){ end_sec * (int64_t)USEC_PER_SEC, boot_usec };
        return true;
}

/* Names come in order: each list is walked once. */
static const Account *walk_account(Image *im, const char *name)
{
        const GrantStore *s = &im->view->store;
        int order = -1;

        for (; im->account_at < s->n_accounts; im->account_at++) {
                order = strcmp(s->accounts[im->account_at]->name, name);
                if (order >= 0)
                        break;
        }
        return order == 0 ? s->accounts[im->account_at] : NULL;
}

/* The next grant of the account, or NULL behind its last. */
static const Grant *walk_grant(Image *im, const char *account)
{
        const GrantStore *s = &im->view->store;

        for (; im->grant_at < s->n_grants; im->grant_at++) {
                const Grant *g = s->grants[im->grant_at];
                const int order = strcmp(g->account, account);

                if (order > 0)
                        return NULL;
                if (order < 0)
                        continue;
                im->grant_at++;
                return g;
        }
        return NULL;
}

static End account_end(Image *im, const char *account)
{
        const Grant *g;
        End latest = {};

        while ((g = walk_grant(im, account))) {
                End end;

                if (grant_end(im, g, &end))
                        end_later(&latest, end);
        }
        return latest;
}

static int add_private_group(Image *im, IdMapUser u, End end)
{
        const LocalDb *local = im->view->local;
        uint32_t local_gid;

        if (localdb_group(local, u.name, &local_gid) || localdb_group_name(local, u.gid))
                return 0;
        return groups_add(&im->groups, &(SnapshotBuildGroup){ .name = u.name,
                                                              .gid = u.gid,
                                                              .real_deadline = end.real_usec,
                                                              .boot_deadline = end.boot_usec });
}

/* Every account ever defined here, active or retired, and its primary group. */
static int add_users(Image *im)
{
        const IdMap *map = im->view->idmap;
        const size_t n = idmap_n_users(map);
        int r = 0;

        im->users = calloc(n + 1, sizeof(*im->users));
        if (!im->users)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < n; i++) {
                const IdMapUser u = idmap_user_at(map, i);
                const Account *a = walk_account(im, u.name);
                const bool is_defined = a && a->uid == u.uid;
                const End end = is_defined ? account_end(im, u.name) : (End){};

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
                r = add_private_group(im, u, end);
        }
        return r == 0 ? groups_unique(&im->groups) : r;
}

/* Every group that grants ever gave a gid here: retired until a membership revives it. */
static int add_known_groups(Image *im)
{
        const IdMap *map = im->view->idmap;
        const LocalDb *local = im->view->local;
        const size_t n_private = im->groups.n;

        for (size_t i = 0; i < idmap_n_groups(map); i++) {
                SnapshotBuildGroup g = {};
                uint32_t local_gid;
                size_t index;
                int r;

                idmap_group_at(map, i, &g.name, &g.gid);
                if (localdb_group(local, g.name, &local_gid) || localdb_group_name(local, g.gid) ||
                    groups_have_gid(&im->groups, n_private, g.gid) ||
                    groups_find(&im->groups, g.name, &index))
                        continue;
                r = groups_add(&im->groups, &g);
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

        if (groups_find(&im->groups, name, ret))
                return 0;
        if (!localdb_group(im->view->local, name, &local.gid) ||
            !snapshot_group_is_publishable(&local))
                return -ENOENT;
        r = groups_add(&im->groups, &local);
        if (r < 0)
                return r;
        *ret = im->groups.n - 1;
        return 0;
}

/* Remembered before it is given. The account's own group is the account's. */
static int note_given(Image *im, const Holder *h, const Grant *g, const SnapshotBuildGroup *group,
                      End end)
{
        Membership m;

        if (!h->is_known || group->gid == h->gid)
                return 0;
        if (im->given.n == MEMBERS_N_MAX)
                return -ENOENT;
        m = (Membership){ .name = h->name,
                          .uid = h->uid,
                          .group = group->name,
                          .gid = group->gid,
                          .jti = g->jti,
                          .issuer = g->issuer,
                          .since_usec = im->view->now.boot_usec,
                          .end_sec = end.real_usec / (int64_t)USEC_PER_SEC,
                          .boot_end_usec = end.boot_usec,
                          .nbf_sec = g->nbf_sec > 0 ? g->nbf_sec : 0 };
        if (g->kid)
                (void)snprintf(m.kid, sizeof(m.kid), "%s", g->kid);
        return member_list_add(&im->given, &m);
}

/* g: the grant that gives it; NULL: what every account of ours is in. */
static int give_group(Image *im, const Holder *h, const Grant *g, const char *name, End end)
{
        SnapshotBuildGroup *group;
        size_t i = 0;
        int r;

        r = group_index(im, name, &i);
        if (r == -ENOENT)
                return 0;
        if (r < 0)
                return r;
        group = &im->groups.items[i];
        if (group->local && localdb_is_member(im->view->local, h->name, name))
                return 0;
        r = g ? note_given(im, h, g, group, end) : 0;
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (!group->local) {
                End latest = { group->real_deadline, group->boot_deadline };

                end_later(&latest, end);
                group->real_deadline = latest.real_usec;
                group->boot_deadline = latest.boot_usec;
        }
        return groups_give(&im->groups, h->name, i, end, h->first);
}

static int give_groups_of(Image *im, const Holder *h, const Grant *g, End end)
{
        for (size_t i = 0; i < g->n_terms; i++) {
                const Term *t = &g->terms[i];

                for (size_t k = 0; t->type == TERM_GROUP && k < t->groups.n; k++) {
                        int r = give_group(im, h, g, t->groups.items[k], end);

                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

static Holder holder_of(const Image *im, const char *account)
{
        Holder h = { .name = account, .first = im->groups.n_members };
        IdMapUser user;

        h.is_known = localdb_user(im->view->local, account, &h.uid, &h.gid);
        if (!h.is_known && idmap_user_by_name(im->view->idmap, account, &user)) {
                h.uid = user.uid;
                h.gid = user.gid;
                h.is_known = true;
        }
        return h;
}

/* All grants of the next account. */
static int add_memberships_of(Image *im, const char *account)
{
        const bool is_ours = walk_account(im, account) != NULL;
        const Holder h = holder_of(im, account);
        const Grant *g;
        End latest = {};
        int r = 0;

        while (r == 0 && (g = walk_grant(im, account))) {
                End end;

                if (!grant_end(im, g, &end))
                        continue;
                im->n_active++;
                end_later(&latest, end);
                r = give_groups_of(im, &h, g, end);
        }
        /* sshd's Match block for accounts of ours. */
        if (r == 0 && is_ours && latest.real_usec > 0)
                r = give_group(im, &h, NULL, PUBLISH_MANAGED_GROUP, latest);
        return r;
}

static int add_memberships(Image *im)
{
        const GrantStore *s = &im->view->store;
        int r = 0;

        im->account_at = im->grant_at = 0;
        while (r == 0 && im->grant_at < s->n_grants)
                r = add_memberships_of(im, s->grants[im->grant_at]->account);
        return r;
}

static int image_fill(Image *im)
{
        int r;

        r = add_users(im);
        if (r == 0)
                r = add_known_groups(im);
        return r == 0 ? add_memberships(im) : r;
}

int snapshot_image(const PublishView *view, uint8_t **ret, size_t *ret_size, size_t *ret_n_active,
                   MemberList *ret_given)
{
        Image im = { .view = view };
        int r;

        r = image_fill(&im);
        if (r == 0) {
                const SnapshotBuild b = {
                        .generation = view->generation,
                        .enumerate = view->config->enumerate,
                        .users = im.users,
                        .n_users = im.n_users,
                        .groups = im.groups.items,
                        .n_groups = im.groups.n,
                        .memberships = im.groups.members,
                        .n_memberships = im.groups.n_members,
                };

                r = snapshot_build(&b, ret, ret_size);
        }
        if (r == 0) {
                *ret_n_active = im.n_active;
                member_list_sort(&im.given);
                *ret_given = im.given;
                im.given = (MemberList){};
        }
        image_done(&im);
        return r;
}
