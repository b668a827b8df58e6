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

/* Promise F5. These were published just now with this key ({name: version}, taken): remembered, and
 * what keys published that do not count any more is forgotten; what keeps that from being written
 * is said, and is nobody's failure. */
void fleet_remember(const Ledger *l, const SigningKey *key, int64_t now_sec, json_t *versions);

/* The versions of the sets that stand where the ledger publishes, by the key that signed them: an
 * owned {kid: {name: version}} of each key that counts, which are this one and those that the
 * ledger's key list lets sign. A negative errno and perhaps a sentence. */
int fleet_published(const Ledger *l, const SigningKey *key, int64_t now_sec, json_t **ret_by_key,
                    char ret_error[static LEDGER_ERROR_MAX]);
/* Promise F5. The same, remembered, as an owned {name: version}; hosts that had a higher one before
 * have that, and it is said. *ret_n: how many they are. -ENOMEM. */
int fleet_raise(const Ledger *l, const json_t *by_key, json_t **ret_versions, size_t *ret_n);
