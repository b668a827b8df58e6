/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who begins a session while a grant gives them a group is told until when, gated or not: what
 * carries the group is ended with it (nhi-agentd/member.h). */

#include "pam_nhi/call.h"

/* One line for each of the first groups, from the file that the agent left; nothing where
 * PAM_SILENT or the option "quiet" stands, in elevations, where the file is not there, or where it
 * cannot be believed. Asks nobody, decides nothing. */
void tell_members(const Call *c);

/* "14:30 UTC", with the date where it is not the same day. */
#define UNTIL_SIZE 48
void until_format(int64_t end_sec, int64_t now_sec, char ret[static UNTIL_SIZE]);
