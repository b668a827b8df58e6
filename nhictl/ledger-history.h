/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nhictl/ledger/ledger.h"
#include "nhictl/verb.h"

typedef struct HistoryFilter {
        const char *what; /* a document's name or file, or the account of a grant; NULL: all */
        int64_t since_sec;
} HistoryFilter;

/* The lines that the filter lets through, in the order of the file: objects as they stand there,
 * with `line`, their number, and `hash`. An owned array; or a negative errno. */
int ledger_history_lines(const Ledger *l, const HistoryFilter *filter, json_t **ret);
/* Such an array as a table. */
int ledger_history_print(const Call *call, const json_t *list);
