/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nhictl/ledger/ledger.h"

/* Revoke one grant of the ledger; one that is over already stays as it is. A VerbStatus; what went
 * wrong is said. */
int revoke_grant(Ledger *l, const char *jti, int64_t now_sec, const char *reason,
                 bool *ret_changed);
/* Revoke every live grant whose member ("account", "owner") is value: each of them, whichever
 * failed. Whatever it returns, what was revoked is to be published. */
int revoke_matching(Ledger *l, const char *member, const char *value, int64_t now_sec,
                    const char *reason, bool *ret_changed);
