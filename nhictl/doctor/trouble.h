/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The same trouble in many places is one finding that names them all. */

#include "nhictl/doctor/doctor.h"

typedef struct Trouble {
        FindingLevel level;
        const char *advice; /* static */
        char *text, *names; /* owned */
} Trouble;

typedef struct TroubleList {
        Trouble *items;
        size_t n;
        bool failed; /* memory ran out */
} TroubleList;

/* Trouble of this level and text has come up at name (a service, a file), too. */
void trouble_add(TroubleList *l, FindingLevel level, const char *advice, const char *name,
                 const char *format, ...) _printf_(5, 6);

/* A finding "NAMES: TEXT" each, the worst first, and drop them all. True where there was any. */
bool trouble_tell(TroubleList *l, Findings *f, const char *check);
