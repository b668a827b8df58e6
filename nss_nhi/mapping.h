/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The snapshot that one call looks into: the process's one mapping if nobody else is using it, else
 * a mapping of this call's own. */

#include "lib/snapshot/reader.h"

#include <nss.h>

typedef struct Lookup {
        Snapshot snapshot;
        bool is_shared; /* the process's mapping: its lock is held */
} Lookup;

#define NSS_E_NONE 1 /* there is no such record */

/* 0 and *ret, to be ended; or a negative errno. May change errno. */
int lookup_begin(Lookup *ret);
void lookup_end(Lookup *l);

/* Open the published snapshot: 0, or a negative errno (-ENOENT for one that is not to be used). */
int published_open(Snapshot *ret);
/* Both clocks. A clock that cannot be read is past every deadline. */
SnapshotNow clocks_now(void);

/* What a lookup came to (0, NSS_E_NONE or a negative errno) as glibc wants it, with errno as it was
 * at the entry point. */
enum nss_status nss_answer(int r, int saved_errno, int *errnop);
