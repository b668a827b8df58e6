/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Memberships that grants give or gave, one for each grant that gives it: sorted by uid, gid, jti
 * and issuer, so that what one account has of one group stands together. */

#include "lib/gate/memberships.h"

typedef struct Member {
        Membership of;     /* texts are its own */
        const char *why;   /* it is over: a reason's token; NULL: it is not, or may not be */
        unsigned n_warned; /* words before its end that were said, or were too late when it began */
} Member;

typedef struct MemberList {
        Member *items;
        size_t n, capacity;
} MemberList;

void member_list_done(MemberList *l);
int member_list_add(MemberList *l, const Membership *m); /* copied; unsorted. 0 or -ENOMEM */
void member_list_sort(MemberList *l);
void member_list_remove(MemberList *l, size_t first, size_t n);
/* How many from first on are of the same account and group. */
size_t member_list_run(const MemberList *l, size_t first);
/* Where the first one of uid and gid stands; l->n where there is none. Sorted lists only. */
size_t member_list_find(const MemberList *l, uid_t uid, gid_t gid);

/* Take in what is given now, both sorted: new ones are copied, those that are there keep since when
 * they are given. *ret_changed where one is new, ends at another time or is signed by another key.
 * 0; or, and nothing was changed, -ENOMEM, or -E2BIG for more than the file holds. */
int member_list_merge(MemberList *l, const MemberList *given, bool *ret_changed);
