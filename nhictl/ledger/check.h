/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nhictl/ledger/ledger.h"

/* Every problem of the ledger as a sentence that names the file: what could not be read, names and
 * ids that collide or are out of range, owners and hosts that are unknown, what hosts would refuse.
 * 0 and an owned array, or -ENOMEM. */
int ledger_check(const Ledger *l, int64_t now_sec, json_t **ret);
