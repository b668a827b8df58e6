/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The text that is published beside the snapshot for the modules: the gates. */

#include "nhi-agentd/publish.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <stdio.h>

/* Patterns of a gate as the gates file has them: globs, and %GROUP. */
static int gate_patterns(const GateRule *g, char ***ret)
{
        const size_t n = g->accounts.n + g->groups.n;
        char **list = calloc(n + 1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const bool is_group = i >= g->accounts.n;
                const char *name =
                        is_group ? g->groups.items[i - g->accounts.n] : g->accounts.items[i];

                if (asprintf(&list[i], "%s%s", is_group ? "%" : "", name) < 0) {
                        list[i] = NULL;
                        *ret = list;
                        return -ENOMEM;
                }
        }
        *ret = list;
        return 0;
}

static int put_gate(GatesText *t, const GateRule *g)
{
        char **patterns = NULL;
        int r = gate_patterns(g, &patterns);

        if (r == 0)
                r = gates_text_gate(t, g->name, g->mode, g->services.items, g->services.n,
                                    (const char *const *)patterns, g->accounts.n + g->groups.n);
        for (size_t i = 0; patterns && patterns[i]; i++)
                free(patterns[i]);
        free(patterns);
        return r;
}

int publish_gates_text(const Config *config, const IdMap *idmap, char **ret, size_t *ret_size)
{
        GatesText t = {};
        int r = gates_text_begin(&t);

        for (size_t i = 0; r == 0 && i < config->n_gates; i++)
                r = put_gate(&t, &config->gates[i]);
        for (size_t i = 0; r == 0 && i < idmap_n_users(idmap); i++) {
                const IdMapUser u = idmap_user_at(idmap, i);

                r = gates_text_account(&t, u.name, u.uid);
        }
        if (r == 0)
                r = gates_text_end(&t);
        if (r == 0) {
                *ret = TAKE_PTR(t.text);
                *ret_size = t.size;
        }
        gates_text_done(&t);
        return r;
}
