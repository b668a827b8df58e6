/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The state of one getXXent sequence: a snapshot of its own, so that lookups in the middle of a
 * listing and newer generations change nothing about it. glibc serialises its own callers; whoever
 * comes past glibc at the same time gets TRYAGAIN with EAGAIN. */

#include "nss_nhi/mapping.h"

#include <stdatomic.h>

typedef struct Enumeration {
        atomic_flag lock;
        Snapshot snapshot; /* map NULL: not begun */
        size_t cursor;
} Enumeration;

#define ENUMERATION_INIT                                                                           \
        {                                                                                          \
                .lock = ATOMIC_FLAG_INIT                                                           \
        }

/* Forget what was begun (setXXent, endXXent): 0 or -EAGAIN. */
int enumeration_reset(Enumeration *e);
/* Take the state for one step: 0, with the lock held until enumeration_leave(); NSS_E_NONE where
 * there is nothing of ours to list; or a negative errno. */
int enumeration_enter(Enumeration *e);
void enumeration_leave(Enumeration *e);
