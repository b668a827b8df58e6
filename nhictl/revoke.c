/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl revoke */

#include "nhictl/revoke.h"

#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/fleet/report.h"
#include "nhictl/ledger/state.h"

typedef struct RevokeOptions {
        CentralOptions central;
        const char *account, *owner, *reason;
        int64_t wait_sec;
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

/* What could not be written keeps nothing else from being revoked. */
static int say_failed(size_t n)
{
        if (n == 0)
                return VERB_OK;
        return fail(VERB_FAILED, "%zu grant%s not revoked: mend that, then the same once more", n,
                    n == 1 ? " is" : "s are");
}

int revoke_matching(Ledger *l, const char *member, const char *value, int64_t now_sec,
                    const char *reason, bool *ret_changed)
{
        size_t n = 0, n_failed = 0;
        _cleanup_free_ const char **names = ledger_names(l, DOC_GRANT, &n);

        if (!names)
                return fail(VERB_FAILED, "out of memory");
        for (size_t i = 0; i < n; i++) {
                if (streq(document_text(ledger_get(l, DOC_GRANT, names[i]), member), value) &&
                    revoke_grant(l, names[i], now_sec, reason, ret_changed) != VERB_OK)
                        n_failed++;
        }
        return say_failed(n_failed);
}

/* All ids are known before the first grant is touched. */
static int check_ids(const Ledger *l, const ArgList *ids)
{
        for (size_t i = 0; i < ids->n; i++) {
                if (!ledger_has_file(l, DOC_GRANT, ids->items[i]))
                        return fail(VERB_USAGE, "there is no grant %s in %s: nothing was revoked",
                                    ids->items[i], l->path);
        }
        return VERB_OK;
}

/* L3: one that cannot be read keeps no other from being revoked, and itself is published no more.
 */
static int revoke_ids(Ledger *l, const ArgList *ids, int64_t now_sec, const char *reason,
                      bool *changed)
{
        size_t n_failed = 0, n_unread = 0;

        for (size_t i = 0; i < ids->n; i++) {
                const char *jti = ids->items[i];

                if (ledger_get(l, DOC_GRANT, jti)) {
                        n_failed += revoke_grant(l, jti, now_sec, reason, changed) != VERB_OK;
                        continue;
                }
                say("%s/grants/%s.json cannot be read: hosts lose the grant until it can, and it "
                    "is not revoked. Mend it, then: nhictl revoke %s",
                    l->path, jti, jti);
                n_unread++;
        }
        return say_failed(n_failed) == VERB_OK && n_unread == 0 ? VERB_OK : VERB_FAILED;
}

/* ---- until the hosts have heard of it ---- */

static bool is_meant(const Call *call, const json_t *doc)
{
        const RevokeOptions *o = call->options;

        if (o->account)
                return streq(document_text(doc, "account"), o->account);
        if (o->owner)
                return streq(document_text(doc, "owner"), o->owner);
        for (size_t i = 0; i < call->operands.n; i++)
                if (streq(document_text(doc, "jti"), call->operands.items[i]))
                        return true;
        return false;
}

/* What is over by itself is waited for on no host. */
static int add_targets(const Call *call, const Ledger *l, const json_t *versions, json_t *targets)
{
        const char *jti;
        json_t *doc;
        int64_t exp_sec;
        int r = 0;

        json_object_foreach(l->docs[DOC_GRANT], jti, doc) {
                if (r == 0 && json_object_get(doc, "revoked") && is_meant(call, doc) &&
                    document_time(doc, "exp", &exp_sec) == 0 && exp_sec > call->now_sec)
                        r = hosts_wait_add(l, doc, versions, targets);
        }
        return r;
}

static int wait_for_hosts(const Call *call, Ledger *l, const json_t *versions)
{
        const RevokeOptions *o = call->options;
        json_t *targets = json_object();
        int r;

        /* Waiting is no reason to keep other administrators out. */
        closep(&l->lock_fd);
        l->lock_fd = -EBADF;
        if (!targets || add_targets(call, l, versions, targets) < 0)
                r = fail(VERB_FAILED, "out of memory");
        else
                r = hosts_wait(l, targets, NULL, o->wait_sec);
        json_decref(targets);
        return r;
}

static int finish(const Call *call, Ledger *l, bool changed)
{
        const RevokeOptions *o = call->options;
        json_t *versions = NULL;
        int r = central_finish_versions(call, &o->central, l, &versions);

        if (r == VERB_OK && output_changed(&call->out, changed) < 0)
                r = VERB_FAILED;
        if (r == VERB_OK && o->wait_sec > 0)
                r = versions ? wait_for_hosts(call, l, versions)
                             : fail(VERB_FAILED, "nothing was published, so no host can have it: "
                                                 "nhictl publish");
        json_decref(versions);
        return r;
}

static VerbStatus run(Call *call)
{
        const RevokeOptions *o = call->options;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        bool changed = false;
        int n_ways = (call->operands.n > 0) + (o->account != NULL) + (o->owner != NULL), r, revoked;

        if (n_ways != 1)
                return fail(VERB_USAGE, "revoke wants ids, or --account A, or --owner O");
        if (!o->reason)
                return fail(VERB_USAGE, "revoke wants --reason R: it is kept as history");
        r = central_open(call, &o->central, true, &l);
        if (r == VERB_OK)
                r = check_ids(l, &call->operands);
        if (r != VERB_OK)
                return r;
        if (o->account)
                revoked = revoke_matching(l, "account", o->account, call->now_sec, o->reason,
                                          &changed);
        else if (o->owner)
                revoked = revoke_matching(l, "owner", o->owner, call->now_sec, o->reason, &changed);
        else
                revoked = revoke_ids(l, &call->operands, call->now_sec, o->reason, &changed);
        r = finish(call, l, changed);
        return r == VERB_OK ? revoked : r;
}

static const Option options[] = {
        { "account", 0, OPTION_STRING, offsetof(RevokeOptions, account), "A",
          "every grant of this account" },
        { "owner", 0, OPTION_STRING, offsetof(RevokeOptions, owner), "O",
          "every grant of this owner" },
        { "reason", 0, OPTION_STRING, offsetof(RevokeOptions, reason), "R", "why (required)" },
        { "wait", 0, OPTION_DURATION, offsetof(RevokeOptions, wait_sec), "T",
          "until the hosts have reported it, at most T" },
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
