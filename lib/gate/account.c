/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/gate/account.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/gate/limits.h"

#include <grp.h>
#include <pwd.h>

#define GIDS_MIN        64
#define GIDS_MAX        8192
#define PASSWD_SIZE_MIN 1024u
#define PASSWD_SIZE_MAX (1024u * 1024)

/* getgrouplist(3) leaves out what a service could not say, and succeeds. Limits are a setuid
 * program's caller's to set: what they take away must not be a way out of a gate. */
static bool names_failed(int error)
{
        return error == ENOMEM || error == EMFILE || error == ENFILE || error == EIO;
}

int gate_account_load_gids(GateAccount *a)
{
        int n = GIDS_MIN;

        if (a->gids)
                return 0;
        for (;;) {
                int room = n;
                _cleanup_free_ gid_t *gids = calloc((size_t)room, sizeof(*gids));

                if (!gids)
                        return -ENOMEM;
                errno = 0;
                if (getgrouplist(a->name, a->gid, gids, &n) >= 0) {
                        if (names_failed(errno))
                                return -errno;
                        a->n_gids = (size_t)n;
                        a->gids = TAKE_PTR(gids);
                        return 0;
                }
                /* n says how many there are; make sure that it grows. */
                if (n <= room)
                        n = 2 * room;
                if (n > GIDS_MAX)
                        return -E2BIG;
        }
}

void gate_account_done(GateAccount *a)
{
        free(a->gids);
        *a = (GateAccount){ .uid = (uid_t)-1 };
}

typedef struct Lookup {
        GateAccount *account;
        GateSubject *subject;
} Lookup;

/* libc passes over a service that ran into a limit, and the next one never heard of the account: so
 * that what is not there is asked for twice. True also where passwd cannot be asked. */
static bool may_be_there(const char *name)
{
        for (size_t size = PASSWD_SIZE_MIN; size <= PASSWD_SIZE_MAX; size *= 4) {
                _cleanup_free_ char *buffer = malloc(size);
                struct passwd entry, *found = NULL;
                int r;

                if (!buffer)
                        return true;
                r = getpwnam_r(name, &entry, buffer, size, &found);
                if (r != ERANGE)
                        return r != 0 || found;
        }
        return true;
}

static int without_groups(const Lookup *l)
{
        GateAccount *a = l->account;

        if (a->no_groups != -ENOENT || a->is_absent)
                return a->no_groups;
        a->is_absent = !may_be_there(l->subject->name);
        return a->is_absent ? -ENOENT : -EIO;
}

static bool has_gid(const GateAccount *a, gid_t gid)
{
        for (size_t i = 0; i < a->n_gids; i++)
                if (a->gids[i] == gid)
                        return true;
        return false;
}

static int group_ask(Lookup *l, const char *group, gid_t *ret)
{
        bool is_listed = false;
        int r;

        if (l->account->no_groups < 0)
                return without_groups(l);
        r = gate_account_load_gids(l->account);
        if (r < 0)
                return r;
        l->subject->gids = l->account->gids;
        l->subject->n_gids = l->account->n_gids;
        r = gate_group_find(group, l->account->name, ret, &is_listed);
        /* Then getgrouplist() left it out. */
        return r == 0 && is_listed && !has_gid(l->account, *ret) ? -EIO : r;
}

/* A gate names a group: only now find out which ones the account is in. A group that is known but
 * not among the account's may have it as a member by a service that was passed over. */
static int on_group(void *userdata, const char *group, gid_t *ret)
{
        Lookup *l = userdata;
        const int r = group_ask(l, group, ret);
        const bool is_outside = r == -ENOENT || (r == 0 && !has_gid(l->account, *ret));

        return is_outside && limits_may_hide_names() ? -EAGAIN : r;
}

GateMode gate_account_mode_as(GateAccount *a, const char *spelling, const char *class,
                              char *ret_gate, size_t ret_gate_size)
{
        GatePaths paths = gate_paths;
        GateSubject subject = { .name = spelling, .uid = a->uid, .lookup = on_group };
        Lookup l = { .account = a, .subject = &subject };

        subject.lookup_userdata = &l;
        paths.owner = owner_trusted();
        return gate_mode(&paths, &subject, class, ret_gate, ret_gate_size);
}

GateMode gate_account_mode(GateAccount *a, const char *class)
{
        return gate_account_mode_as(a, a->name, class, NULL, 0);
}
