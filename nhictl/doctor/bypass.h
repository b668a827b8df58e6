/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs by which somebody gets in, or becomes somebody else, beside those that are usually
 * gated. */

#define SIDE_PATHS_MAX 4

typedef enum SideKind {
        SIDE_ELEVATION = 0, /* beside sudo and su */
        SIDE_LOGIN,         /* beside ssh and login */
        SIDE_JOB,           /* beside cron and at: whoever is gated for any class */
} SideKind;

/* A program by which somebody gets in, or becomes somebody else. */
typedef struct SideDoor {
        const char *name;
        SideKind kind;
        const char *class;  /* the gate that stands before it; NULL: it asks no PAM */
        const char *needed; /* without this file it opens nothing; NULL: none needed */
        const char *paths[SIDE_PATHS_MAX];
        const char *advice;
} SideDoor;

/* NULL name ends it. */
extern const SideDoor side_doors[];
