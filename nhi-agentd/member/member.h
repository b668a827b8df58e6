/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Group memberships that grants give: remembered from before the snapshot that gives them until
 * what carries them is dead.
 *
 *  MB1 What carries a group only because a grant that is over gave it MUST end, in whatever session
 *      it runs: supplementary groups stay in processes that live. Whoever still has the group by
 *      another grant, by /etc/group, or for a session that a live grant elevated into it keeps it.
 *  MB2 Nothing MUST be ended without a verified set, a verified list that names it, an end that has
 *      passed, or a decision of this host's own that proves it (E4 of session.h).
 *  MB3 Never ended: what bears uid 0, what began before the group was first given, a daemon that a
 *      system unit began (no loginuid, outside user.slice): that is reported. Nor is what
 *      an account on trial carries: gates that observe name it, and none that is enforced does.
 *  MB4 Who is signalled MUST be held by a pidfd and looked at again after that was opened.
 *
 * Accounts of this host and of grant sets; the agent makes no NSS call and does not know the uid of
 * one that only a directory has. All on the loop, which looks at /proc in small turns. */

#include "nhi-agentd/agent.h"
#include "nhi-agentd/member/list.h"

int members_new(Agent *a, Members **ret);
Members *members_free(Members *m);
/* What the former agents of this boot gave, from their file. Without it nothing ends that should
 * live; members_lost() says in a sentence what is not known then, NULL where all is. */
void members_load(Members *m);
const char *members_lost(const Members *m);

/* These are given by the snapshot that is about to be put in place: durable when this returns 0.
 * given is sorted. -E2BIG: with those that are being ended they are more than the file holds. */
int members_note(Members *m, const MemberList *given);
/* What is in force, or the local files, changed, and what was withdrawn is withdrawn: judge all of
 * them, begin to end what is over. */
void members_review(Members *m);
/* The same, where an end has passed. */
void members_time_passed(Members *m, Now now);
/* The next end, INT64_MAX where there is none. */
void members_next_end(const Members *m, int64_t *ret_real_usec, int64_t *ret_boot_usec);
/* How many are being ended. */
size_t members_n_endings(const Members *m);
