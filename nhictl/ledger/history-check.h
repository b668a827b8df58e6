/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nhictl/ledger/ledger.h"

/* What the history is held against, from where the ledger's administrator may not write. */
typedef struct HistoryWitness {
        const char *sets_dir; /* HOST.jws; NULL: none */
        const char *head;     /* the hash of a line, noted earlier; NULL: none */
} HistoryWitness;

/* L7: append to problems, each with its file and line, what is wrong with the history of an open
 * ledger: lines that are none, doubled, moved, changed, missing, or joined by none; revisions whose
 * line is missing; documents that are not what their last line left; a witness that names a line
 * that is not there. Signatures of sets are not verified: who could forge one can cause an alarm
 * and hide nothing that another set shows. 0 and, where the history is there, its number of lines
 * and last head ("" for none); or a negative errno (of sets_dir). */
int history_check(const Ledger *l, const HistoryWitness *witness, json_t *problems,
                  size_t *ret_n_lines, char ret_head[static HISTORY_HASH]);

/* For the files of this room. */
typedef struct HistoryCheck {
        const Ledger *l;
        History *h;
        json_t *problems;
        json_t *others; /* object: revisions that are no lines of history */
} HistoryCheck;

int history_check_sets(HistoryCheck *c, const char *sets_dir);
