/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a grant of the ledger amounts to now. Ended grants stay in the ledger as history; only live
 * ones are minted. */

#include "nhictl/ledger/ledger.h"

/* X(NAME, "word", live: is it minted?) */
#define GRANT_STATES(X)                                                                            \
        X(BROKEN, "broken", false) /* nbf or exp is missing or no time */                          \
        X(ACTIVE, "active", true)                                                                  \
        X(PENDING, "pending", true) /* nbf is to come */                                           \
        X(ENDED, "ended", false)                                                                   \
        X(REVOKED, "revoked", false)                                                               \
        X(WITHDRAWN, "withdrawn", false) /* its owner or account is disabled or unknown */

typedef enum GrantState {
#define GRANT_STATE_ENUM(name, word, live) GRANT_STATE_##name,
        GRANT_STATES(GRANT_STATE_ENUM)
#undef GRANT_STATE_ENUM
                GRANT_STATE_N
} GrantState;

GrantState ledger_grant_state(const Ledger *l, const json_t *grant, int64_t now_sec);
const char *grant_state_name(GrantState s);
bool grant_state_is_live(GrantState s);

/* Is the grant for this host: by name, or by one of its labels? */
bool grant_reaches(const json_t *grant, const json_t *host);

/* Has the document a "disabled" member? */
bool document_is_disabled(const json_t *doc);
