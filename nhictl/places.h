/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The places that an issuer's sets come from, as the agent's status has them: elements of "sources"
 * in an element of "issuers" (lib/wire/control.h). And the file that says so to other programs. */

#include "nhictl/output.h"

#include <stdint.h>

/* Lines of `nhictl status`, one for each. An issuer of an agent that does not say has none. */
void places_print(const Output *o, const json_t *issuer, int64_t up_sec);

/* The line of the metrics file, where one is wanted; reply is the agent's. */
void metrics_print(const Output *o, const json_t *reply, int64_t now_sec);

/* "answered 3h ago; since then: timeout; asked again in 40s" */
#define PLACE_WORDS_SIZE 640
char *place_words(const json_t *place, char *ret, size_t size);

/* For how long it has not answered; at least, where it has not since the agent came up. */
int64_t place_silent_sec(const json_t *place, int64_t up_sec);
/* Is that more than half of the time for which the issuer's set is good? false where there is none.
 */
bool place_is_silent(const json_t *place, const json_t *issuer, int64_t up_sec);
