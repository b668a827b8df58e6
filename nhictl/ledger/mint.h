/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From the ledger to the signed grant set of one host (nhi-grants(5)). What is minted holds the
 * enabled accounts and the host's own live grants: no host learns of another's. */

#include "lib/jose/jose.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/ledger.h"

/* The payload for a host, without `ver` and `ledger`. host: its document; NULL for one that the
 * ledger has no more: an empty set under name. -ENOMEM, or 0 and an owned *ret. */
int mint_payload(const Ledger *l, const char *name, const json_t *host, int64_t now_sec,
                 json_t **ret);

/* Its parts, as they are minted (fleet.h). Every enabled account, granted here or not: a uid or
 * name that a host cannot give shows when the account is added, and not in the hour in which it is
 * granted. The grant's document has valid times. The envelope takes both lists; NULL: memory. */
int mint_accounts(const Ledger *l, json_t *accounts);
int mint_grant(const json_t *doc, json_t **ret);
json_t *mint_envelope(const Ledger *l, const char *name, int64_t now_sec, json_t *accounts,
                      json_t *grants);

/* Complete the payload (borrowed, changed) and sign it. 0 and a malloc'ed compact JWS; -EFBIG over
 * SET_SIZE_MAX; -ENOMEM. */
int mint_sign(const SigningKey *key, json_t *payload, int64_t ver, const char *revision,
              char **ret);

/* Read a set the way its host will, with nothing local and no ceiling but the ledger's: 0 and an
 * owned *ret, whose quarantine is empty when all of it will be understood; -EBADMSG and *ret_error.
 */
int mint_verify(const Ledger *l, const SigningKey *key, const char *name, const char *jws,
                int64_t now_sec, GrantSet **ret, SetError *ret_error);
DEFINE_CLEANUP(GrantSet *, grant_set_free);

/* Judge one grant before it is written: mint a set with nothing but it (and its account), under a
 * key of the moment, and read it back. 0; -EBADMSG and "CODE: detail"; -ENOMEM. */
int mint_check_grant(const Ledger *l, const json_t *grant, int64_t now_sec,
                     char ret_error[static LEDGER_ERROR_MAX]);
/* The same for an account. */
int mint_check_account(const Ledger *l, const json_t *account, int64_t now_sec,
                       char ret_error[static LEDGER_ERROR_MAX]);
