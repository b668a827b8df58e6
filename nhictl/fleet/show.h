/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The fleet as administrators see it. */

#include "nhictl/fleet/report.h"
#include "nhictl/output.h"

typedef struct FleetView {
        const Output *out;
        const char *const *names;
        const HostReport *reports; /* n of each */
        size_t n;
        const json_t *versions; /* NULL: not known; name -> version that is published */
        int64_t now_sec, stale_sec;
} FleetView;

/* A VerbStatus: VERB_PROBLEM where a log went back or a host did not take what it was given,
 * VERB_STALE where a report is missing, old, not to be believed, or of an older set. */
int fleet_show(const FleetView *v);

/* Promise F5. These are published now under this key ({name: version}, taken): remembered; what
 * keeps that from being written is said, and is nobody's failure. */
void fleet_remember(const Ledger *l, const char *kid, json_t *versions);
/* The same; those that were higher before are raised to that in versions, and it is said. How many
 * there are. */
size_t fleet_raise(const Ledger *l, const char *kid, json_t *versions);

/* The version of each host's set that is published where the ledger publishes: an owned {name:
 * version}, without those that are not ours. A negative errno and perhaps a sentence. */
int fleet_published(const Ledger *l, const SigningKey *key, int64_t now_sec, json_t **ret,
                    char ret_error[static LEDGER_ERROR_MAX]);
