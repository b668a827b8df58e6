/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The issuer's revocation list beside the sets of its hosts (publish.h). */

#include "nhictl/ledger/mint-list.h"
#include "nhictl/ledger/plan.h"

/* Does it name anything? The first list is published only then. */
bool publish_list_says_something(const Publication *p);
/* The hash of what it is to say. 0 or -ENOMEM. */
int publish_list_content(const Publication *p, char ret[static LEDGER_HASH_SIZE]);
/* Sign it and read it back (B3). 0 and *ret; -EBADMSG and a note; as publication_signed(); -ENOMEM.
 * ret->jws is freed by the caller in any case. */
int publish_list_make(Publication *p, const Target *t, int64_t ver, StoreSet *ret);
