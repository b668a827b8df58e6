/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside lib/snapshot: laying out the bytes of what build.c has found fit to publish. */

#include "lib/snapshot/build.h"

/* One membership that is published, with its deadlines cut to its group's. */
typedef struct Tie {
        const char *user;
        size_t group; /* index into the groups */
        int64_t real_deadline, boot_deadline;
} Tie;

/* ties: sorted by user, one per user and group; reordered. 0 and a malloc'ed image; -E2BIG;
 * -ENOMEM. */
int image_make(const SnapshotBuild *b, Tie *ties, size_t n_ties, uint8_t **ret, size_t *ret_size);
