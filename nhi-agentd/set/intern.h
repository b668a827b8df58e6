/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Things that are known by a text and stand once for all who need them: owners, reasons, whole
 * lists of terms. A cache of bounded size: what it has lost is merely stored again, so that neither
 * its memory nor its time depends on which texts a set holds. */

#include <stddef.h>
#include <stdint.h>

#define INTERN_SLOTS_MAX (1u << 19)

typedef struct InternSlot {
        const char *text; /* borrowed; NULL: free */
        void *value;
        uint32_t hash, size; /* of any bytes, NUL among them */
} InternSlot;

typedef struct Intern {
        InternSlot *slots;
        size_t n, capacity;  /* a power of two */
        size_t capacity_max; /* 0: INTERN_SLOTS_MAX */
} Intern;

/* The slot of a text, to be read at once; NULL where it is not known. */
const InternSlot *intern_find(const Intern *i, const char *text, size_t size);
/* text outlives the table. Where there is no memory, or it is too long to be told apart, nothing is
 * remembered. */
void intern_add(Intern *i, const char *text, size_t size, void *value);
void intern_done(Intern *i);
