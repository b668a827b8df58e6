/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/gate/account.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <grp.h>

#define GIDS_MIN 64
#define GIDS_MAX 8192

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

/* A gate names a group: only now find out which ones the account is in. */
static int on_group(void *userdata, const char *group, gid_t *ret)
{
        Lookup *l = userdata;
        int r;

        if (l->account->no_groups < 0)
                return l->account->no_groups;
        r = gate_account_load_gids(l->account);
        if (r < 0)
                return r;
        l->subject->gids = l->account->gids;
        l->subject->n_gids = l->account->n_gids;
        return gate_group_lookup(NULL, group, ret);
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
