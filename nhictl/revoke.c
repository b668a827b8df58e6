/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl revoke */

#include "nhictl/revoke.h"

#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/ledger/state.h"

typedef struct RevokeOptions {
        CentralOptions central;
        const char *account, *owner, *reason;
} RevokeOptions;

int revoke_grant(Ledger *l, const char *jti, int64_t now_sec, const char *reason, bool *ret_changed)
{
        const json_t *doc = ledger_get(l, DOC_GRANT, jti);
        GrantState state;

        if (!doc)
                return fail(VERB_USAGE, "there is no grant %s in %s", jti, l->path);
        state = ledger_grant_state(l, doc, now_sec);
        if (state == GRANT_STATE_REVOKED || state == GRANT_STATE_ENDED)
                return VERB_OK;
        return central_mark_document(l, HISTORY_REVOKED, DOC_GRANT, jti, now_sec, reason,
                                     ret_changed);
}

int revoke_matching(Ledger *l, const char *member, const char *value, int64_t now_sec,
                    const char *reason, bool *ret_changed)
{
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_names(l, DOC_GRANT, &n);
        int r = VERB_OK;

        if (!names)
                return fail(VERB_FAILED, "out of memory");
        for (size_t i = 0; r == VERB_OK && i < n; i++) {
                if (streq(document_text(ledger_get(l, DOC_GRANT, names[i]), member), value))
                        r = revoke_grant(l, names[i], now_sec, reason, ret_changed);
        }
        return r;
}

/* All ids are known before the first grant is touched. */
static int revoke_ids(Ledger *l, const ArgList *ids, int64_t now_sec, const char *reason,
                      bool *changed)
{
        int r = VERB_OK;

        for (size_t i = 0; i < ids->n; i++) {
                if (!ledger_get(l, DOC_GRANT, ids->items[i]))
                        return fail(VERB_USAGE, "there is no grant %s in %s: nothing was revoked",
                                    ids->items[i], l->path);
        }
        for (size_t i = 0; r == VERB_OK && i < ids->n; i++)
                r = revoke_grant(l, ids->items[i], now_sec, reason, changed);
        return r;
}

static VerbStatus run(Call *call)
{
        const RevokeOptions *o = call->options;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        bool changed = false;
        int n_ways = (call->operands.n > 0) + (o->account != NULL) + (o->owner != NULL), r;

        if (n_ways != 1)
                return fail(VERB_USAGE, "revoke wants ids, or --account A, or --owner O");
        if (!o->reason)
                return fail(VERB_USAGE, "revoke wants --reason R: it is kept as history");
        r = central_open(call, &o->central, true, &l);
        if (r != VERB_OK)
                return r;
        if (o->account)
                r = revoke_matching(l, "account", o->account, call->now_sec, o->reason, &changed);
        else if (o->owner)
                r = revoke_matching(l, "owner", o->owner, call->now_sec, o->reason, &changed);
        else
                r = revoke_ids(l, &call->operands, call->now_sec, o->reason, &changed);
        return r == VERB_OK ? central_done(call, &o->central, l, changed) : r;
}

static const Option options[] = {
        { "account", 0, OPTION_STRING, offsetof(RevokeOptions, account), "A",
          "every grant of this account" },
        { "owner", 0, OPTION_STRING, offsetof(RevokeOptions, owner), "O",
          "every grant of this owner" },
        { "reason", 0, OPTION_STRING, offsetof(RevokeOptions, reason), "R", "why (required)" },
        CENTRAL_OPTIONS(RevokeOptions, central),
        OPTION_END,
};

const Verb verb_revoke = {
        .name = "revoke",
        .synopsis = "ID...|--account A|--owner O --reason R",
        .help = "revoke grants: their sessions end as soon as the hosts hear of it",
        .options = options,
        .options_size = sizeof(RevokeOptions),
        .operands_max = OPERANDS_ANY,
        .run = run,
};
