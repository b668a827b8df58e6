/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl account add|list|disable */

#include "lib/base/name.h"
#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/ledger/state.h"
#include "nhictl/revoke.h"

typedef struct AccountOptions {
        CentralOptions central;
        const char *owner, *kind, *home, *shell, *gecos, *reason;
        int64_t uid;
} AccountOptions;

static int64_t uid_of(const json_t *doc)
{
        return json_integer_value(json_object_get(doc, "uid"));
}

/* The account that has the uid, or NULL. */
static const char *uid_holder(const Ledger *l, int64_t uid)
{
        const char *name;
        json_t *doc;

        json_object_foreach(l->docs[DOC_ACCOUNT], name, doc) {
                if (uid_of(doc) == uid)
                        return name;
        }
        return NULL;
}

/* A uid is never given twice: hosts remember them. So first what is above all that were given,
 * and gaps only when the range is used up. 0: none is left. */
static int64_t uid_pick(const Ledger *l)
{
        int64_t highest = l->settings.uid_min - 1;
        const char *name;
        json_t *doc;

        json_object_foreach(l->docs[DOC_ACCOUNT], name, doc) {
                int64_t uid = uid_of(doc);

                if (uid > highest && uid <= l->settings.uid_max)
                        highest = uid;
        }
        if (highest < l->settings.uid_max)
                return highest + 1;
        for (int64_t uid = l->settings.uid_min; uid <= l->settings.uid_max; uid++) {
                if (!uid_holder(l, uid))
                        return uid;
        }
        return 0;
}

static int choose_uid(const Ledger *l, const json_t *old, const AccountOptions *o, const char *name,
                      int64_t *ret)
{
        const char *holder = o->uid ? uid_holder(l, o->uid) : NULL;

        if (old && o->uid && o->uid != uid_of(old))
                return fail(VERB_USAGE,
                            "%s has uid %lld, and an account's uid never changes: files keep it",
                            name, (long long)uid_of(old));
        if (o->uid && !id_is_assignable((uint64_t)o->uid))
                return fail(VERB_USAGE, "uid %lld is outside %u..%u", (long long)o->uid, ID_MIN,
                            ID_MAX);
        if (holder && !streq(holder, name))
                return fail(VERB_USAGE, "uid %lld belongs to %s", (long long)o->uid, holder);
        *ret = old ? uid_of(old) : o->uid ? o->uid : uid_pick(l);
        if (*ret == 0)
                return fail(VERB_FAILED,
                            "no uid is left in %lld..%lld: raise uid_max in "
                            "%s/ledger.json",
                            (long long)l->settings.uid_min, (long long)l->settings.uid_max,
                            l->path);
        return VERB_OK;
}

static json_t *account_new(const char *name, int64_t uid, int64_t now_sec)
{
        return json_pack("{s:s, s:s, s:I, s:I, s:s, s:s+, s:s, s:o}", "name", name, "kind",
                         "workload", "uid", (json_int_t)uid, "gid", (json_int_t)uid, "gecos", "",
                         "home", "/var/lib/", name, "shell", "/bin/bash", "created",
                         central_mark(now_sec, NULL));
}

/* What the options say, over what there is. */
static int apply_options(json_t *doc, const AccountOptions *o)
{
        const struct {
                const char *member, *value;
        } given[] = {
                { "owner", o->owner }, { "kind", o->kind },   { "home", o->home },
                { "shell", o->shell }, { "gecos", o->gecos },
        };

        for (size_t i = 0; i < ELEMENTSOF(given); i++) {
                if (given[i].value &&
                    json_object_set_new(doc, given[i].member, json_string(given[i].value)) < 0)
                        return fail(VERB_USAGE, "--%s is no UTF-8", given[i].member);
        }
        (void)json_object_del(doc, "disabled");
        return VERB_OK;
}

static int check_owner(const Ledger *l, const json_t *doc)
{
        const char *owner = document_text(doc, "owner");
        const json_t *found = ledger_get(l, DOC_OWNER, owner);

        if (*owner == '\0')
                return fail(VERB_USAGE, "an account needs an owner: --owner O");
        if (!found)
                return fail(VERB_USAGE, "there is no owner %s: nhictl owner add %s", owner, owner);
        if (document_is_disabled(found))
                return fail(VERB_USAGE, "the owner %s is disabled", owner);
        return VERB_OK;
}

static int put_account(const Call *call, Ledger *l, const char *name, json_t *doc)
{
        const AccountOptions *o = call->options;
        const json_t *old = ledger_get(l, DOC_ACCOUNT, name);
        char error[LEDGER_ERROR_MAX];
        int r;

        r = apply_options(doc, o);
        if (r == VERB_OK)
                r = check_owner(l, doc);
        if (r == VERB_OK && mint_check_account(l, doc, call->now_sec, error) < 0)
                r = fail(VERB_USAGE, "hosts would not take this account: %s", error);
        if (r != VERB_OK) {
                json_decref(doc);
                return r;
        }
        if (old && json_equal(old, doc)) {
                json_decref(doc);
                return central_done(call, &o->central, l, false);
        }
        r = central_change(l,
                           !old                        ? HISTORY_ADDED
                           : document_is_disabled(old) ? HISTORY_ENABLED
                                                       : HISTORY_CHANGED,
                           DOC_ACCOUNT, name, doc, NULL);
        return r == VERB_OK ? central_done(call, &o->central, l, true) : r;
}

static VerbStatus run_add(Call *call)
{
        const AccountOptions *o = call->options;
        const char *name = call->operands.items[0];
        _cleanup_(ledger_freep) Ledger *l = NULL;
        const json_t *old;
        int64_t uid = 0;
        json_t *doc;
        int r;

        if (central_check_name(DOC_ACCOUNT, name) != VERB_OK)
                return VERB_USAGE;
        r = central_open(call, &o->central, true, &l);
        if (r != VERB_OK)
                return r;
        old = ledger_get(l, DOC_ACCOUNT, name);
        if (!old && ledger_has_file(l, DOC_ACCOUNT, name))
                return fail(VERB_FAILED, "the document of %s cannot be read: mend it first", name);
        r = choose_uid(l, old, o, name, &uid);
        if (r != VERB_OK)
                return r;
        doc = old ? json_deep_copy(old) : account_new(name, uid, call->now_sec);
        return doc ? put_account(call, l, name, doc) : fail(VERB_FAILED, "out of memory");
}

static VerbStatus run_disable(Call *call)
{
        const AccountOptions *o = call->options;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        bool changed = false;
        int r, revoked;

        r = central_open(call, &o->central, true, &l);
        if (r == VERB_OK)
                r = central_mark_document(l, HISTORY_DISABLED, DOC_ACCOUNT, call->operands.items[0],
                                          call->now_sec, o->reason, &changed);
        if (r != VERB_OK)
                return r;
        /* For good: enabling the account again must not bring them back. */
        revoked = revoke_matching(l, "account", call->operands.items[0], call->now_sec,
                                  "account disabled", &changed);
        r = central_done(call, &o->central, l, changed);
        return r == VERB_OK ? revoked : r;
}

static int row(Table *t, const json_t *doc)
{
        char uid[24];

        (void)snprintf(uid, sizeof(uid), "%lld", (long long)uid_of(doc));
        return table_row(t, (const char *const[]){
                                    document_text(doc, "name"),
                                    document_text(doc, "kind"),
                                    uid,
                                    document_text(doc, "owner"),
                                    document_is_disabled(doc) ? "disabled" : "enabled",
                                    document_text(doc, "home"),
                                    document_text(doc, "shell"),
                            });
}

static VerbStatus run_list(Call *call)
{
        static const char *const headings[] = { "NAME",  "KIND", "UID",   "OWNER",
                                                "STATE", "HOME", "SHELL", NULL };
        const AccountOptions *o = call->options;

        return central_list(call, &o->central, DOC_ACCOUNT, headings, row);
}

static const Option add_options[] = {
        { "owner", 0, OPTION_STRING, offsetof(AccountOptions, owner), "O",
          "who answers for it (required for a new one)" },
        { "kind", 0, OPTION_STRING, offsetof(AccountOptions, kind), "KIND",
          "workload (default), human or agent" },
        { "uid", 0, OPTION_NUMBER, offsetof(AccountOptions, uid), "N",
          "its uid and gid (default: the next free one of the ledger's range)" },
        { "home", 0, OPTION_STRING, offsetof(AccountOptions, home), "D",
          "home directory (default /var/lib/NAME)" },
        { "shell", 0, OPTION_STRING, offsetof(AccountOptions, shell), "S",
          "login shell (default /bin/bash)" },
        { "gecos", 0, OPTION_STRING, offsetof(AccountOptions, gecos), "TEXT", "what it is for" },
        CENTRAL_OPTIONS(AccountOptions, central),
        OPTION_END,
};
static const Option disable_options[] = {
        { "reason", 0, OPTION_STRING, offsetof(AccountOptions, reason), "R", "why" },
        CENTRAL_OPTIONS(AccountOptions, central),
        OPTION_END,
};
static const Option list_options[] = { LEDGER_OPTION(AccountOptions, central), OPTION_END };

const Verb verb_account_add = {
        .name = "account add",
        .synopsis = "NAME --owner O [--kind KIND] [--uid N] [--home D] [--shell S]",
        .help = "add an account that exists only while it is granted, or change one\n"
                "Local and directory accounts are granted by name and need no entry here.",
        .options = add_options,
        .options_size = sizeof(AccountOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = run_add,
};
const Verb verb_account_list = {
        .name = "account list",
        .synopsis = "",
        .help = "list the ledger's accounts",
        .options = list_options,
        .options_size = sizeof(AccountOptions),
        .run = run_list,
};
const Verb verb_account_disable = {
        .name = "account disable",
        .synopsis = "NAME [--reason R]",
        .help = "disable an account and revoke all of its grants",
        .options = disable_options,
        .options_size = sizeof(AccountOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = run_disable,
};
