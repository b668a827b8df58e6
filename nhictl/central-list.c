/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/central.h"

#include <stdio.h>

static int list_json(const Ledger *l, DocKind kind, const char *const *names, size_t n)
{
        json_t *list = json_array();
        char member[16];

        (void)snprintf(member, sizeof(member), "%ss", ledger_kind_name(kind));
        for (size_t i = 0; list && i < n; i++) {
                if (json_array_append(list, ledger_get(l, kind, names[i])) < 0) {
                        json_decref(list);
                        return -ENOMEM;
                }
        }
        return output_document(json_pack("{s:o}", member, list));
}

static int list_table(const Call *call, const Ledger *l, DocKind kind, const char *const *names,
                      size_t n, const char *const *headings,
                      int (*row)(Table *t, const json_t *doc))
{
        _cleanup_(table_freep) Table *t = NULL;
        int r = table_new(&call->out, headings, &t);

        for (size_t i = 0; r == 0 && i < n; i++) {
                const json_t *doc = ledger_get(l, kind, names[i]);

                r = row(t, doc);
                if (r == 0 && json_object_get(doc, "disabled"))
                        table_shade(t, -1, SHADE_DIM);
        }
        return r == 0 ? table_print(t) : r;
}

static size_t keep(const Ledger *l, DocKind kind, const HostSelection *selection,
                   const char **names, size_t n)
{
        size_t n_kept = 0;

        for (size_t i = 0; i < n; i++)
                if (host_is_selected(selection, names[i], ledger_get(l, kind, names[i])))
                        names[n_kept++] = names[i];
        return n_kept;
}

static int list(const Call *call, const CentralOptions *o, DocKind kind,
                const HostSelection *selection, const char *const *headings,
                int (*row)(Table *t, const json_t *doc))
{
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_free_ const char **names = NULL;
        size_t n = 0;
        int r;

        r = central_open(call, o, false, &l);
        if (r != VERB_OK)
                return r;
        names = ledger_names(l, kind, &n);
        if (!names)
                return fail(VERB_FAILED, "out of memory");
        if (selection)
                n = keep(l, kind, selection, names, n);
        if (call->out.json)
                r = list_json(l, kind, names, n);
        else
                r = list_table(call, l, kind, names, n, headings, row);
        return r == 0 ? VERB_OK : fail(VERB_FAILED, "%s", strerror(-r));
}

int central_list(const Call *call, const CentralOptions *o, DocKind kind,
                 const char *const *headings, int (*row)(Table *t, const json_t *doc))
{
        return list(call, o, kind, NULL, headings, row);
}

int central_list_hosts(const Call *call, const CentralOptions *o, const HostSelection *selection,
                       const char *const *headings, int (*row)(Table *t, const json_t *doc))
{
        return list(call, o, DOC_HOST, selection, headings, row);
}
