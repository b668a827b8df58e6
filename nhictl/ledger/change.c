/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* L4: the line first, then the document. */

#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/history-batch.h"
#include "nhictl/ledger/kind.h"

#include <stdio.h>

int ledger_author(Ledger *l, int64_t now_sec, const char *who)
{
        char *copy = strdup(who); /* which may be the author there is */

        if (!copy)
                return -ENOMEM;
        free(l->who);
        l->who = copy;
        l->now_sec = now_sec;
        return 0;
}

static int write_line(Ledger *l, const HistoryEntry *e, const HistoryLinks *links)
{
        HistoryBatch b = { .l = l };
        int r = history_batch_add(&b, e, links);

        if (r == 0)
                r = history_batch_write(&b);
        if (r < 0)
                ledger_history_failed(l, r);
        history_batch_done(&b);
        return r;
}

/* The ledger is settled: of each document one line at most is the last. */
static int record(Ledger *l, HistoryAction action, DocKind kind, const char *name,
                  const json_t *doc, const char *reason)
{
        char file[LEDGER_FILE_MAX], after[LEDGER_HASH_SIZE] = "";
        const json_t *of = doc ? doc : ledger_get(l, kind, name);
        HistoryEntry e = { .action = action,
                           .file = ledger_file(kind, name, file),
                           .reason = reason,
                           .after = after };
        size_t tip = history_tip(l->history, file);
        HistoryLinks links = { .last = { tip }, .n_last = tip != HISTORY_NONE };
        _cleanup_free_ char *text = doc ? document_format(doc) : NULL;

        if (doc && !text)
                return -ENOMEM;
        if (doc)
                content_hash(text, strlen(text), after);
        e.before = json_string_value(json_object_get(l->hashes, file));
        if (kind == DOC_GRANT) {
                e.account = document_text(of, "account");
                e.until = document_text(of, "exp");
        }
        return write_line(l, &e, &links);
}

int ledger_change(Ledger *l, HistoryAction action, DocKind kind, const char *name, json_t *doc,
                  const char *reason)
{
        int r = l->writable && ledger_name_is_valid(kind, name) ? 0 : -EINVAL, recorded;

        if (r == 0) {
                recorded = ledger_settle(l, NULL, NULL);
                if (recorded == 0)
                        recorded = record(l, action, kind, name, doc, reason);
                if (recorded < 0 && !history_action_is_harmless(action))
                        r = recorded;
        }
        if (r < 0) {
                json_decref(doc);
                return r;
        }
        r = doc ? ledger_put(l, kind, name, doc) : ledger_remove(l, kind, name);
        l->is_settled = r == 0 && recorded == 0;
        l->n_settled = 0;
        return r;
}

int ledger_record_publication(Ledger *l, const char *to, const char *const *hosts, size_t n_hosts)
{
        const HistoryEntry e = {
                .action = HISTORY_PUBLISHED, .to = to, .hosts = hosts, .n_hosts = n_hosts
        };
        int r = ledger_settle(l, NULL, NULL);

        return r == 0 ? write_line(l, &e, NULL) : r;
}
