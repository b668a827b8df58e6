/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What forks faster than looks at all of /proc come upon it: in the control group in which one of
 * them was found they are stopped, until none runs, and then killed; nobody else in it is. */

#include "nhi-agentd/member/internal.h"

#include "nhi-agentd/session/crowd.h"

typedef struct Carrier {
        Members *members;
        const MemberEnding *ending;
} Carrier;

static bool on_match(void *userdata, pid_t pid)
{
        const Carrier *c = userdata;
        ProcessIds ids;

        return process_ids_read(pid, &c->members->text, &ids) == 0 &&
               member_match(c->members, c->ending, pid, &ids) == MATCH;
}

void member_ending_crowd(Members *m, MemberEnding *e)
{
        Carrier carrier = { .members = m, .ending = e };
        Cgroup group = CGROUP_NONE;
        const Crowd crowd = {
                .group = &group, .path = e->cgroup, .match = on_match, .userdata = &carrier
        };

        if (e->cgroup[0] == '\0' || cgroup_open(e->cgroup, &group) < 0)
                return;
        (void)crowd_kill(&crowd);
        cgroup_close(&group);
}
