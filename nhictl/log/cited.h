/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The grant set that a record cites, verified again: the bytes against the hash, the signature
 * against the issuer's keys, and the record against the grant that it names: who, why and until
 * when, and of a decision that allows what for, too, and when. One that cites none is WRONG. */

#include "nhictl/log/config.h"

#include <stdbool.h>

typedef enum CitedState {
        CITED_NONE = 0, /* the record cites no set, and need not */
        CITED_GOOD,
        CITED_WRONG, /* not what the record says it is */
        CITED_AWAY,  /* the set is not there, or no key that could tell */
} CitedState;

typedef struct Cited {
        CitedState state;
        char text[512];             /* of WRONG and AWAY: what, in words; not plain */
        char issuer[256];           /* of GOOD: the set's iss */
        char kid[JWK_KID_SIZE + 1]; /* the key that signed */
        bool has_grant;             /* the record names one, and it is in the set */
} Cited;

/* dir: the log's. 0 and *ret, or -ENOMEM. */
int cited_verify(const char *dir, const json_t *record, const LogKeys *keys, Cited *ret);
