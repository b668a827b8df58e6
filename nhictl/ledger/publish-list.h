/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The issuer's revocation list beside the sets of its hosts (publish.h). */

#include "nhictl/ledger/mint-list.h"
#include "nhictl/ledger/publish.h"

#define PUBLISH_LIST_NAME "revocations"

/* What stands in the target now. */
typedef struct PublishedList {
        char *path;
        bool exists;
        json_t *payload; /* NULL: it is not ours */
        char hash[LEDGER_HASH_SIZE];
} PublishedList;

/* 0, also where there is none; or a negative errno. */
int published_list_read(const Ledger *l, const SigningKey *key, const char *dir,
                        PublishedList *ret);
void published_list_done(PublishedList *p);
/* "" where it is not ours or names none. */
const char *published_list_revision(const PublishedList *p);

/* Write the list where it says something new, is over a quarter of its lifetime, or mode asks for
 * it; the first one only where there is something to say. 0 and *ret_written; a negative errno, and
 * *ret_error where the hosts would refuse it. */
int publish_list(const Ledger *l, const SigningKey *key, const PublishRequest *request,
                 const PublishedList *before, const char *revision, gid_t gid, bool *ret_written,
                 SetError *ret_error);
