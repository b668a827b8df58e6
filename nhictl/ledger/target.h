/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The hosts of one run of publishing and the revocation list, and what is published for each of
 * them now. */

#include "nhictl/ledger/fleet.h"
#include "nhictl/ledger/published.h"
#include "nhictl/store/store.h"

typedef struct Target {
        char name[LEDGER_NAME_MAX + 1];
        bool is_list; /* of the fleet: revocations, or keys */
        bool is_keys;
        const json_t
                *host;  /* NULL: the ledger has it no more; its set is emptied. The list has none */
        bool is_unread; /* it has a file there, which says nothing: its set stays */
        int error;      /* a negative errno from reading what is published */
        char *why;      /* and what was said of it; may be NULL */
        bool is_told;   /* the error is noted, with what to do */
        bool is_selected;
        bool must_write; /* an earlier run said it would write it, and may not have */
        bool takes;      /* what stands there grants what the ledger does not any more */
        bool is_wanted;  /* its set is to be written */
        bool is_changed; /* and says something new */
        char content[LEDGER_HASH_SIZE]; /* of what it is to say */
        Published published;
} Target;

typedef struct Targets {
        const Ledger *l;
        const SigningKey *key;
        const KeyList *others; /* the ledger's key list; NULL: it has none */
        int64_t now_sec;       /* by which the one that stands there is judged */
        const Fleet *fleet;    /* NULL: nobody asks which sets take */
        Target *items;
        size_t n, capacity;
        json_t *index; /* name -> place in items */
        char *keys;    /* the key list that stands there; NULL: it was not read, or is none */
} Targets;

/* The lists first, then every host of the ledger, read or not. 0 or -ENOMEM; free with
 * targets_done() in any case. */
int targets_collect(const Ledger *l, const SigningKey *key, const KeyList *others, int64_t now_sec,
                    Targets *ret);
void targets_done(Targets *t);

/* What a store tells goes into them; and every host that left the ledger whose set there still says
 * something is one more of them: what that granted ends now and not at the offline limit. */
StoreSink targets_sink(Targets *t);

/* Names of all (wanted: only of those), borrowed until the next is added; NULL: memory. */
const char **targets_names(const Targets *t, bool wanted, size_t *ret_n);
