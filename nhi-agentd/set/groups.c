/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/macro.h"
#include "nhi-agentd/set/decode.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/localdb.h"
#include "nhi-agentd/set/value.h"

static bool is_allowed(const SetPolicy *p, const char *group)
{
        for (size_t i = 0; i < p->groups_allowed.n; i++)
                if (streq(p->groups_allowed.items[i], group))
                        return true;
        return false;
}

int group_check(Decode *d, const char *group)
{
        uint32_t gid = UINT32_MAX;
        IdMapUser user;

        /* Whatever its name: gid 0 is root's, and a policy cannot allow it. */
        if (localdb_group(d->local, group, &gid) && gid == 0)
                return decode_problem(d, "group-root-equivalent", "group %s has gid 0", group);
        if ((streq(group, "*") || group_is_root_equivalent(group)) && !is_allowed(d->policy, group))
                return decode_problem(d, "group-root-equivalent",
                                      "group %s is as good as root; policy.groups_allowed does not "
                                      "name it",
                                      group);
        if (idmap_user_by_name(d->idmap, group, &user))
                return decode_problem(d, "group-is-account",
                                      "group %s is the private group of an account", group);
        return 0;
}
