/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Re-dating: statements of freshness for sets that stand in a store and still say what the ledger
 * says. Promises, cited by tests/unit/test-refresh.c:
 *
 *  G1 A set MUST NOT be re-dated unless the issuer signed it and the ledger would give the host the
 *     same now, but for what has ended by itself meanwhile.
 *  G2 An older checkout MUST NOT re-date anything (B1).
 *  G3 A statement is written only after it was read back as its host will read it, and its iat MUST
 *     rise; whoever publishes meanwhile is found out (P1).
 *  G4 One host's trouble MUST NOT keep another host's set from being re-dated. A host whose set
 *     cannot be re-dated is told: its access is going to end. */

#include "nhictl/ledger/publish.h"

/* key signs statements, issuer_key signed the sets. PUBLISH_ALL: also where no statement is due. 0
 * and *ret_report, where "published" counts sets that were re-dated; errors as ledger_publish(). */
int ledger_refresh(Ledger *l, const SigningKey *key, const Jwk *issuer_key,
                   const PublishRequest *request, PublishReport *ret_report,
                   char ret_error[static LEDGER_ERROR_MAX]);
