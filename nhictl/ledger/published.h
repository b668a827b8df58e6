/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands in the target now. */

#include "nhictl/ledger/mint.h"

typedef struct Published {
        bool exists;
        bool ours;                   /* signed by our key, for this host and issuer */
        char hash[LEDGER_HASH_SIZE]; /* of the file's bytes */
        json_t *payload;             /* where ours */
        int64_t ver, iat_sec, exp_sec;
        const char *revision; /* the payload's `ledger`; "" where not ours */
} Published;

/* Read PATH (HOST.jws). 0, also where there is no such file; or a negative errno. */
int published_read(const char *path, const Ledger *l, const SigningKey *key, const char *host,
                   Published *ret);
void published_done(Published *p);
/* Would a set with this payload say the same but for its times? */
bool published_equals(const Published *p, const json_t *payload);
/* Over a quarter of its lifetime. */
bool published_is_due(const Published *p, int64_t now_sec);
