/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What all sets give together, with every order in which it is asked for. It is made on a thread,
 * in time that grows with the grants, and put in force by the loop in no time. */

#include "nhi-agentd/set/set.h"

typedef struct Standing {
        GrantStore store;
        const Grant *const *by_boot; /* by boot_end_usec */
} Standing;

int standing_build(const GrantSet *const *sets, size_t n, Standing **ret);
Standing *standing_free(Standing *s);

/* By jti. Freed by free(grants). */
typedef struct GrantList {
        const Grant **grants;
        size_t n;
} GrantList;

const Grant *grant_list_find(const GrantList *l, const char *jti); /* NULL where none */

/* Of the issuer's grants that before had: ret_gone, those that after has not; ret_lessened, those
 * that may say less in after, as they stand there. */
int standing_compare(const GrantStore *before, const GrantStore *after, const char *issuer,
                     GrantList *ret_gone, GrantList *ret_lessened);
/* Their jtis and those of more, which is sorted; copied, in one block: freed by free(ret->items).
 */
int gone_jtis(const GrantList *gone, const StrList *more, StrList *ret);
