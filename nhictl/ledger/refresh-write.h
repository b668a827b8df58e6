/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between refresh.c (which sets are to be re-dated) and refresh-write.c. */

#include "nhictl/ledger/plan.h"

/* What there is beside a host's set. */
typedef struct Kept {
        char set[65]; /* of which set; "": of none */
        int64_t iat_sec;
        char live[LEDGER_HASH_SIZE]; /* of what the set says and has not ended */
} Kept;

typedef struct Refresh {
        Publication p; /* first; its key is the issuer's, and public only */
        const SigningKey *key;
        Kept *items; /* by place in targets, of those that the ledger has: they come first */
        size_t n_items;
} Refresh;

/* Every statement that is wanted, and what is told of each host. 0, -EAGAIN, or another negative
 * errno. */
int refresh_write(Refresh *r);
