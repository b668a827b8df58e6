/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/group.h"

#include "nhi-agentd/session/registry.h"

const char *session_group_of(Sessions *s, const char *cgroup)
{
        const Session *i = s ? session_by_cgroup(s, cgroup) : NULL;

        return i && i->state != SESSION_ENDING ? i->tie.request.target_group : NULL;
}

bool session_is_of_grant(Sessions *s, const char *cgroup, const char *jti)
{
        const Session *i = s ? session_by_cgroup(s, cgroup) : NULL;

        return i && streq_ptr(i->tie.grant.jti, jti);
}
