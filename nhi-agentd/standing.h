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

/* Freed by free(grants). */
typedef struct GoneList {
        const Grant **grants; /* by jti */
        size_t n;
} GoneList;

/* The issuer's grants that before had and after has not. */
int standing_gone(const GrantStore *before, const GrantStore *after, const char *issuer,
                  GoneList *ret);
/* Their jtis, copied, in one block: freed by free(ret->items). */
int gone_jtis(const GoneList *gone, StrList *ret);
