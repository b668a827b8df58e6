/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Statements of freshness (nhi-grants(5)): that a set which stands in a store is still the newest.
 */

#include "lib/jose/jose.h"
#include "nhi-agentd/set/freshness.h"
#include "nhictl/ledger/ledger.h"

/* 0 and a malloc'ed compact JWS, read back as its host will; -EBADMSG and *ret_error; -ENOMEM, or
 * what the key answers. */
int mint_fresh(const SigningKey *key, const char *issuer, const char *host, const char *set,
               int64_t ver, int64_t iat_sec, int64_t exp_sec, char **ret, SetError *ret_error);
/* What stands there: NULL where it is not ours. */
int mint_fresh_parse(const SigningKey *key, const char *issuer, const char *host, const char *jws,
                     size_t size, Freshness **ret);
