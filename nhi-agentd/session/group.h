/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Groups that sessions were opened with. */

#include "nhi-agentd/session/session.h"

/* The group that the session in this control group was elevated into (sudo -g), while its grant
 * goes on; NULL: none. Points into the session. */
const char *session_group_of(Sessions *s, const char *cgroup);
/* Is that session one of this grant? */
bool session_is_of_grant(Sessions *s, const char *cgroup, const char *jti);
