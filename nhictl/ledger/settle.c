/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* L5: what history and documents disagree about becomes lines. A line stands before its document
 * (L4), so a crash in between leaves a line whose document is still the one before: "reverted". A
 * hand edit leaves a document that no line knows: "edited". A merge leaves several lines that
 * recorded one document last: "joined" where one of them is right, else "edited". */

#include "nhictl/ledger/history-batch.h"

#include <stdarg.h>
#include <stdio.h>

void ledger_note(Ledger *l, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)json_array_append_new(l->notes, json_vsprintf(format, ap));
        va_end(ap);
}

json_t *ledger_notes_take(Ledger *l)
{
        json_t *notes = l->notes;

        l->notes = json_array();
        return notes;
}

void history_tips(const History *h, const char *file, HistoryLinks *ret, bool *ret_is_all)
{
        size_t tip = history_tip(h, file);

        *ret = (HistoryLinks){ 0 };
        for (; tip != HISTORY_NONE && ret->n_last < HISTORY_LAST_MAX;
             tip = history_tip_next(h, tip))
                ret->last[ret->n_last++] = tip;
        *ret_is_all = tip == HISTORY_NONE;
}

HistoryAction history_judge(const History *h, const HistoryLinks *tips, const char *hash,
                            bool *ret_is_settled)
{
        const HistoryLine *first = tips->n_last > 0 ? &h->lines[tips->last[0]] : NULL;

        *ret_is_settled =
                tips->n_last == 0 ? *hash == '\0' : tips->n_last == 1 && streq(first->after, hash);
        if (!first)
                return h->n_lines == 0 ? HISTORY_ADOPTED : HISTORY_EDITED;
        for (size_t i = 0; i < tips->n_last; i++) {
                if (streq(h->lines[tips->last[i]].after, hash))
                        return HISTORY_JOINED;
        }
        return tips->n_last == 1 && streq(first->before, hash) ? HISTORY_REVERTED : HISTORY_EDITED;
}

static int settle_document(HistoryBatch *b, const char *file, const char *hash, const char *reason,
                           bool is_begin)
{
        const History *h = b->l->history;
        char before[HISTORY_HASH];
        bool is_settled, is_all;
        HistoryLinks tips;
        int r = 0;

        do {
                HistoryEntry e = { .file = file, .reason = reason, .after = hash };

                history_tips(h, file, &tips, &is_all);
                e.action = history_judge(h, &tips, hash, &is_settled);
                if (is_settled && is_all)
                        return 0;
                if (is_begin && tips.n_last == 0)
                        e.action = HISTORY_ADOPTED;
                if (tips.n_last > 0)
                        memcpy(before, h->lines[tips.last[0]].after, sizeof(before));
                if (tips.n_last > 0)
                        e.before = e.action == HISTORY_JOINED ? hash : before;
                r = history_batch_add(b, &e, &tips);
        } while (r == 0 && !is_all);
        return r;
}

static int settle_documents(HistoryBatch *b, const char *reason)
{
        const bool is_begin = b->l->history->n_lines == 0;
        const json_t *value;
        const char *file;
        int r = 0;

        json_object_foreach(b->l->hashes, file, value) {
                r = settle_document(b, file, json_string_value(value), reason, is_begin);
                if (r < 0)
                        return r;
        }
        json_object_foreach(b->l->history->tips, file, value) {
                if (!json_object_get(b->l->hashes, file))
                        r = settle_document(b, file, "", reason, is_begin);
                if (r < 0)
                        return r;
        }
        return r;
}

static int settle(Ledger *l, const char *reason, size_t *ret_n)
{
        const HistoryEntry joined = { .action = HISTORY_JOINED, .reason = reason };
        HistoryBatch b = { .l = l };
        int r = history_batch_mend(&b);

        if (r == 0)
                r = settle_documents(&b, reason);
        if (r == 0 && history_heads(l->history, NULL, 0) > 1)
                r = history_batch_add(&b, &joined, NULL);
        if (r == 0)
                r = history_batch_write(&b);
        history_batch_done(&b);
        *ret_n = b.n;
        return r;
}

void ledger_history_failed(Ledger *l, int r)
{
        l->history_error = r;
        l->is_settled = false;
        if (l->history_is_noted)
                return;
        l->history_is_noted = true;
        ledger_note(l,
                    "%s/" HISTORY_FILE ": %s: nothing is granted until that is mended; what takes "
                    "access away is done all the same",
                    l->path, strerror(-r));
}

int ledger_settle(Ledger *l, const char *reason, size_t *ret_n)
{
        size_t n = 0;
        int r = l->history_error;

        if (r == 0 && !l->is_settled)
                r = settle(l, reason, &n);
        l->is_settled = r == 0;
        l->n_settled += r == 0 ? n : 0;
        if (r < 0)
                ledger_history_failed(l, r);
        if (ret_n)
                *ret_n = n;
        return r;
}

void ledger_note_settled(Ledger *l)
{
        if (l->n_settled == 0)
                return;
        ledger_note(l,
                    "%s: what was edited by hand or merged is recorded in history and revisions, "
                    "and published from there (%zu new lines). Keep both files (in git: commit "
                    "and push them), or other copies of this ledger are refused as older ones",
                    l->path, l->n_settled);
        l->n_settled = 0;
}
