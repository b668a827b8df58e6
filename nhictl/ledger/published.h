/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What stands in the target now, of one host, or of the revocation list. */

#include "nhi-agentd/set/keylist.h"
#include "nhictl/ledger/mint.h"

typedef struct Published {
        bool exists;
        bool ours;   /* signed by our key, for this host and issuer */
        bool former; /* by another key of the ledger's key list: to be signed anew */
        char former_kid[JWK_KID_SIZE + 1]; /* that key; "" otherwise */
        bool retired;        /* by one that this list retired: the same, and its word is a thief's
                                perhaps: no version to be outbid, no revision to be known */
        bool says_something; /* an account, a grant, an entry */
        char hash[LEDGER_HASH_SIZE];    /* of the set's bytes; "": they were not read */
        char content[LEDGER_HASH_SIZE]; /* content_of_payload(); of the list its entries */
        int64_t ver, iat_sec, exp_sec;
        char revision[LEDGER_HASH_SIZE]; /* the payload's `ledger`; "" where it is none of these */
} Published;

/* What a set says of itself, as far as any host would take it: else 0, whoever signed it, and both
 * times where one is none. All of it can be reckoned with. */
void published_set_numbers(Published *p, int64_t ver, int64_t iat_sec, int64_t exp_sec);
/* others: the ledger's key list, or NULL. 0 or -ENOMEM. */
int published_parse(const char *jws, size_t size, const char *issuer, const SigningKey *key,
                    const KeyList *others, const char *host, Published *ret);
/* The same of the list. */
int published_list_parse(const char *jws, size_t size, const char *issuer, const SigningKey *key,
                         const KeyList *others, Published *ret);
/* The same of the key list: ours where hosts that know the roots of the ledger's would take it.
 * Whether it has to be succeeded is asked by publish_keys_succeed(). */
int published_keys_parse(const char *bytes, size_t size, const KeyList *ledgers, int64_t now_sec,
                         Published *ret);
/* The same hash of what a set that is ours says, but for the grants that have ended since. */
int published_live_content(const char *jws, size_t size, const SigningKey *key, int64_t now_sec,
                           char ret[static LEDGER_HASH_SIZE]);
/* As long as it was made to live, seconds. */
int64_t published_lifetime(const Published *p);
/* Over a quarter of its lifetime. */
bool published_is_due(const Published *p, int64_t now_sec);
