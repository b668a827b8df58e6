/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Statements of freshness beside the log: until when a set that a record cites was good. */

#include "nhictl/log/config.h"

#include <jansson.h>

/* What is cited, and where it stands. */
typedef struct CitedPlace {
        const char *dir, *hash;
        const char *typ;
        const LogKeys *keys;
} CitedPlace;

/* The end, in seconds, of the set of these members as it was at that time: its own, or that of a
 * statement from before, signed by a key of its issuer, that the log keeps. */
int64_t cited_set_end(const CitedPlace *at, const json_t *members, int64_t time_sec);
/* The payload of a JWS, borrowed base64url; NULL: it is none. */
json_t *cited_statement_read(const char *text, size_t size);
