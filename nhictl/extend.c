/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl extend */

#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/ledger/state.h"
#include "nhictl/when.h"
#include "nhictl/who.h"

typedef struct ExtendOptions {
        CentralOptions central;
        int64_t for_sec;
        const char *reason;
} ExtendOptions;

/* Hosts remember ended grants: an ended or revoked one cannot be woken. */
static int check_state(const Ledger *l, const char *jti, const json_t *doc, int64_t now_sec)
{
        GrantState state;

        if (!doc)
                return fail(VERB_USAGE, "there is no grant %s in %s", jti, l->path);
        state = ledger_grant_state(l, doc, now_sec);
        if (!grant_state_is_live(state))
                return fail(VERB_FAILED, "%s is %s: make a new grant", jti,
                            grant_state_name(state));
        return VERB_OK;
}

static int add_history(json_t *doc, const ExtendOptions *o, int64_t now_sec, int64_t exp_sec)
{
        json_t *history = json_object_get(doc, "history"), *entry;
        char who[WHO_SIZE];

        if (!json_is_array(history)) {
                history = json_array();
                if (json_object_set_new(doc, "history", history) < 0)
                        return -ENOMEM;
        }
        entry = json_pack("{s:s, s:o, s:s, s:O, s:o, s:s*}", "what", "extended", "at",
                          document_time_new(now_sec), "by", who_am_i(who), "from",
                          json_object_get(doc, "exp"), "to", document_time_new(exp_sec), "reason",
                          o->reason);
        if (json_array_append_new(history, entry) < 0)
                return -ENOMEM;
        return json_object_set_new(doc, "exp", document_time_new(exp_sec)) < 0 ? -ENOMEM : 0;
}

static int extend_grant(Ledger *l, const char *jti, const json_t *old, const ExtendOptions *o,
                        int64_t now_sec)
{
        json_t *doc = json_deep_copy(old);
        char error[LEDGER_ERROR_MAX];

        if (!doc || add_history(doc, o, now_sec, now_sec + o->for_sec) < 0) {
                json_decref(doc);
                return fail(VERB_FAILED, "out of memory");
        }
        if (mint_check_grant(l, doc, now_sec, error) < 0) {
                json_decref(doc);
                return fail(VERB_USAGE, "hosts would not take this: %s", error);
        }
        return central_change(l, HISTORY_EXTENDED, DOC_GRANT, jti, doc, o->reason);
}

static VerbStatus run(Call *call)
{
        const ExtendOptions *o = call->options;
        const char *jti = call->operands.items[0];
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int64_t exp_sec = 0, nbf_sec = 0;
        char limit[WHEN_DURATION_SIZE];
        const json_t *doc;
        int r;

        if (o->for_sec == 0)
                return fail(VERB_USAGE, "extend wants --for T: how long from now");
        r = central_open(call, &o->central, true, &l);
        if (r != VERB_OK)
                return r;
        doc = ledger_get(l, DOC_GRANT, jti);
        r = check_state(l, jti, doc, call->now_sec);
        if (r != VERB_OK)
                return r;
        (void)document_time(doc, "exp", &exp_sec);
        (void)document_time(doc, "nbf", &nbf_sec);
        if (call->now_sec + o->for_sec <= exp_sec) /* never shorter: that is revoke's work */
                return central_done(call, &o->central, l, false);
        if (call->now_sec + o->for_sec - nbf_sec > l->settings.lifetime_max_sec)
                return fail(VERB_USAGE,
                            "the grant would last longer than this ledger's lifetime_max, %s, "
                            "from its beginning: make a new grant",
                            when_format_duration(limit, l->settings.lifetime_max_sec));
        r = extend_grant(l, jti, doc, o, call->now_sec);
        return r == VERB_OK ? central_done(call, &o->central, l, true) : r;
}

static const Option options[] = {
        { "for", 0, OPTION_DURATION, offsetof(ExtendOptions, for_sec), "T",
          "how long from now (required)" },
        { "reason", 0, OPTION_STRING, offsetof(ExtendOptions, reason), "R", "why" },
        CENTRAL_OPTIONS(ExtendOptions, central),
        OPTION_END,
};

const Verb verb_extend = {
        .name = "extend",
        .synopsis = "ID --for T [--reason R]",
        .help = "let a grant end T from now; its sessions go on\n"
                "It never shortens a grant, and the whole lifetime stays within the ledger's "
                "limit.",
        .options = options,
        .options_size = sizeof(ExtendOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = run,
};
