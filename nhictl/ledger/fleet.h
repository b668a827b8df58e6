/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every host of the ledger is given at one moment: made once, so that a fleet costs what its
 * grants cost and not that times its hosts. */

#include "nhictl/ledger/ledger.h"

typedef struct Fleet Fleet;

/* Borrows the ledger, which must not change meanwhile. 0 or -ENOMEM. */
int fleet_new(const Ledger *l, int64_t now_sec, Fleet **ret);
Fleet *fleet_free(Fleet *f);
DEFINE_CLEANUP(Fleet *, fleet_free);

/* A hash of what a host's set says but for its times, version and revision: equal where that is
 * equal. host as for mint_payload(). */
int fleet_content(const Fleet *f, const char *name, const json_t *host,
                  char ret[static LEDGER_HASH_SIZE]);
/* The same of a payload that stands somewhere. */
int content_of_payload(const json_t *payload, char ret[static LEDGER_HASH_SIZE]);
/* Of any value. -ENOMEM. */
int content_of_json(const json_t *value, char ret[static LEDGER_HASH_SIZE]);

/* Has this list of grants, as a host's set has it, one that would still run and that the host is
 * given no more? 0 or -ENOMEM. */
int fleet_takes(const Fleet *f, const json_t *host, const json_t *grants, bool *ret);

/* mint_payload() of that moment. */
int fleet_payload(const Fleet *f, const char *name, const json_t *host, json_t **ret);
