/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From the ledger to the issuer's revocation list (nhi-grants(5)): grants that are revoked and
 * would still run, accounts and owners that are disabled, those of them whose documents cannot be
 * read, and what ledger.json names under "revoked". It goes to every host: no reason and no live
 * grant is in it. */

#include "lib/jose/jose.h"
#include "nhi-agentd/set/revocations.h"
#include "nhictl/ledger/ledger.h"

#define MINT_LIST_LIFETIME_SEC (30 * INT64_C(86400))

/* The payload without `ver` and `ledger`, its entries in an order of their own. -ENOMEM, or 0 and
 * an owned *ret. */
int mint_list_payload(const Ledger *l, int64_t now_sec, json_t **ret);
/* Complete the payload (borrowed, changed) and sign it: 0 and a malloc'ed compact JWS; -ENOMEM. */
int mint_list_sign(const SigningKey *key, json_t *payload, int64_t ver, const char *revision,
                   char **ret);
/* Read it the way hosts will: 0; -EBADMSG and *ret_error, also where a host would leave an entry
 * out. */
int mint_list_verify(const Ledger *l, const SigningKey *key, const char *jws, int64_t now_sec,
                     SetError *ret_error);
