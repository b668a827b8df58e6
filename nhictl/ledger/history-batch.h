/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lines that are written to history together, with one sync. For the files of this room. */

#include "nhictl/ledger/ledger.h"

/* A sentence for ledger_notes_take(); one that cannot be stored is only talk lost. */
void ledger_note(Ledger *l, const char *format, ...) _printf_(2, 3);

/* Remember and note, once, that history cannot be read or written. */
void ledger_history_failed(Ledger *l, int r);

/* What a document with this hash ("": none) is to the lines that recorded it last, and whether
 * there is nothing to be recorded. */
HistoryAction history_judge(const History *h, const HistoryLinks *tips, const char *hash,
                            bool *ret_is_settled);
/* At most HISTORY_LAST_MAX of those lines; *ret_is_all: that is all of them. */
void history_tips(const History *h, const char *file, HistoryLinks *ret, bool *ret_is_all);

typedef struct HistoryBatch {
        Ledger *l;
        char *text;
        size_t size, n;
} HistoryBatch;

/* Add a line behind all heads; who and at_sec are the ledger's author's. e's texts are none of
 * history's own, which move. links: its last (borrowed),
 * NULL for none. 0 or -ENOMEM. */
int history_batch_add(HistoryBatch *b, const HistoryEntry *e, const HistoryLinks *links);
/* A line that a crash cut short is closed and marked, so that it cannot swallow the next. */
int history_batch_mend(HistoryBatch *b);
/* Write what was added, durably, and forget it. After an error the history in memory is ahead of
 * the file: history_error is set, and nothing is written any more. */
int history_batch_write(HistoryBatch *b);
void history_batch_done(HistoryBatch *b);
