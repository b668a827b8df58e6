/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/subject.h"

#include "lib/base/macro.h"

#include <grp.h>
#include <pwd.h>

void subject_resolve(const char *name, Subject *ret)
{
        const struct passwd *pw = getpwnam(name);
        int n = SUBJECT_GROUPS_MAX;

        *ret = (Subject){ .name = name, .uid = (uid_t)-1 };
        if (!pw)
                return;
        ret->is_known = true;
        ret->uid = pw->pw_uid;
        ret->gids = calloc(SUBJECT_GROUPS_MAX, sizeof(*ret->gids));
        if (!ret->gids)
                return;
        (void)getgrouplist(name, pw->pw_gid, ret->gids, &n);
        ret->n_gids = n < 0 ? 0 : n > (int)SUBJECT_GROUPS_MAX ? SUBJECT_GROUPS_MAX : (size_t)n;
}

void subject_done(Subject *s)
{
        free(s->gids);
        s->gids = NULL;
}

GateMode subject_gate(const Subject *s, const char *class, char *ret_gate, size_t ret_gate_size)
{
        GateSubject subject = {
                .name = s->name, .uid = s->uid, .gids = s->gids, .n_gids = s->n_gids
        };

        return gate_mode(&gate_paths, &subject, class, ret_gate, ret_gate_size);
}
