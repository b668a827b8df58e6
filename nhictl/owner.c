/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl owner add|list|disable */

#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/ledger/state.h"
#include "nhictl/revoke.h"

typedef struct OwnerOptions {
        CentralOptions central;
        const char *contact, *reason;
} OwnerOptions;

static json_t *owner_document(const json_t *old, const char *name, const OwnerOptions *o,
                              int64_t now_sec)
{
        json_t *doc =
                old ? json_deep_copy(old)
                    : json_pack("{s:s, s:o}", "name", name, "created", central_mark(now_sec, NULL));

        if (doc && o->contact && json_object_set_new(doc, "contact", json_string(o->contact)) < 0) {
                json_decref(doc);
                return NULL;
        }
        if (doc) /* add of a disabled owner takes it back; its grants stay revoked */
                (void)json_object_del(doc, "disabled");
        return doc;
}

static VerbStatus run_add(Call *call)
{
        const OwnerOptions *o = call->options;
        const char *name = call->operands.items[0];
        _cleanup_(ledger_freep) Ledger *l = NULL;
        const json_t *old;
        json_t *doc;
        int r;

        if (central_check_name(DOC_OWNER, name) != VERB_OK)
                return VERB_USAGE;
        r = central_open(call, &o->central, true, &l);
        if (r != VERB_OK)
                return r;
        old = ledger_get(l, DOC_OWNER, name);
        doc = owner_document(old, name, o, call->now_sec);
        if (!doc)
                return fail(VERB_FAILED, "out of memory (or the contact is no UTF-8)");
        if (old && json_equal(old, doc)) {
                json_decref(doc);
                return central_done(call, &o->central, l, false);
        }
        r = central_change(l,
                           !old                        ? HISTORY_ADDED
                           : document_is_disabled(old) ? HISTORY_ENABLED
                                                       : HISTORY_CHANGED,
                           DOC_OWNER, name, doc, NULL);
        return r == VERB_OK ? central_done(call, &o->central, l, true) : r;
}

/* The owner first: from then on none of its grants is minted, whatever happens to us here. */
static VerbStatus run_disable(Call *call)
{
        const OwnerOptions *o = call->options;
        const char *name = call->operands.items[0];
        _cleanup_(ledger_freep) Ledger *l = NULL;
        bool changed = false;
        int r, revoked;

        r = central_open(call, &o->central, true, &l);
        if (r == VERB_OK)
                r = central_mark_document(l, HISTORY_DISABLED, DOC_OWNER, name, call->now_sec,
                                          o->reason, &changed);
        if (r != VERB_OK)
                return r;
        revoked = revoke_matching(l, "owner", name, call->now_sec, "owner disabled", &changed);
        r = central_done(call, &o->central, l, changed);
        return r == VERB_OK ? revoked : r;
}

static int row(Table *t, const json_t *doc)
{
        return table_row(t, (const char *const[]){
                                    document_text(doc, "name"),
                                    document_text(doc, "contact"),
                                    json_object_get(doc, "disabled") ? "disabled" : "enabled",
                            });
}

static VerbStatus run_list(Call *call)
{
        static const char *const headings[] = { "NAME", "CONTACT", "STATE", NULL };
        const OwnerOptions *o = call->options;

        return central_list(call, &o->central, DOC_OWNER, headings, row);
}

static const Option add_options[] = {
        { "contact", 0, OPTION_STRING, offsetof(OwnerOptions, contact), "C", "how to reach them" },
        CENTRAL_OPTIONS(OwnerOptions, central),
        OPTION_END,
};
static const Option disable_options[] = {
        { "reason", 0, OPTION_STRING, offsetof(OwnerOptions, reason), "R", "why" },
        CENTRAL_OPTIONS(OwnerOptions, central),
        OPTION_END,
};
static const Option list_options[] = { LEDGER_OPTION(OwnerOptions, central), OPTION_END };

const Verb verb_owner_add = {
        .name = "owner add",
        .synopsis = "NAME [--contact C]",
        .help = "add an owner: the team that answers for accounts and grants",
        .options = add_options,
        .options_size = sizeof(OwnerOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = run_add,
};
const Verb verb_owner_list = {
        .name = "owner list",
        .synopsis = "",
        .help = "list the ledger's owners",
        .options = list_options,
        .options_size = sizeof(OwnerOptions),
        .run = run_list,
};
const Verb verb_owner_disable = {
        .name = "owner disable",
        .synopsis = "NAME [--reason R]",
        .help = "disable an owner and revoke all of its grants",
        .options = disable_options,
        .options_size = sizeof(OwnerOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = run_disable,
};
