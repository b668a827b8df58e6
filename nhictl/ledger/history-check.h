/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nhictl/ledger/ledger.h"

/* L7: append to problems, each with its file and line, what is wrong with the history of an open
 * ledger: lines that are none, doubled, moved, changed, missing; revisions whose line is missing;
 * documents that are not what their last line left. With sets_dir (NULL: none), a directory of
 * HOST.jws, also sets of this issuer that name a line that is not there: they are evidence that it
 * was, kept where the ledger's administrator may not write. Their signatures are not verified: who
 * could forge one can cause an alarm and hide nothing that another set shows. 0 or a negative errno
 * (of sets_dir). */
int history_check(const Ledger *l, const char *sets_dir, json_t *problems);
