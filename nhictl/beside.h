/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands beside an issuer's sets, as the agent's status has it (lib/wire/control.h): its
 * revocation list, its key list, a statement of freshness, and the places that they come from:
 * elements of "beside". */

#include "nhictl/output.h"

#include <stdint.h>

/* Lines of `nhictl status`: silent where there is none and nothing is in the way. */
void beside_print(const Output *o, const json_t *issuer, int64_t now_sec);

/* "the revocation list", of an element of "beside". */
const char *beside_name(const json_t *place);
/* Has it an end that has passed? Of "revocations" or "keys". */
bool list_is_over(const json_t *list, int64_t now_sec);
/* Is it fetched? */
bool beside_has(const json_t *issuer, const char *object);
