/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The hosts of one run of publishing, and what is published for each of them now. */

#include "nhictl/ledger/published.h"

typedef struct Target {
        char name[LEDGER_NAME_MAX + 1];
        char *path;         /* of its HOST.jws */
        const json_t *host; /* NULL: the ledger has it no more; its set is emptied */
        int error;          /* a negative errno from reading what is published */
        bool is_wanted;     /* its set is to be written */
        bool is_changed;    /* and says something new */
        Published published;
} Target;

typedef struct Targets {
        Target *items;
        size_t n;
} Targets;

/* Every host of the ledger, and every host that left it whose set in dir still says something: what
 * that granted ends now and not at the offline limit. A host whose document is there but cannot be
 * read keeps its set. 0, -ENOMEM or another negative errno; free with targets_done() in any case.
 */
int targets_collect(const Ledger *l, const SigningKey *key, const char *dir, Targets *ret);
void targets_done(Targets *t);
