/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl ledger: what was granted */

#include "nhictl/ledger/check.h"
#include "nhictl/ledger/history-check.h"
#include "nhictl/store/store.h"

#include "lib/base/path.h"
#include "lib/jose/json.h"
#include "nhictl/central.h"
#include "nhictl/fleet/report.h"
#include "nhictl/ledger-history.h"
#include "nhictl/ledger/state.h"
#include "nhictl/reply.h"
#include "nhictl/texts.h"
#include "nhictl/when.h"

#include <stdio.h>

typedef struct LedgerOptions {
        CentralOptions central;
        int64_t expiring_sec;
        bool history, unused;
        const char *sets, *head;
} LedgerOptions;

/* Live grants; with --history all; with --expiring those that end soon. */
static bool is_shown(const Ledger *l, const LedgerOptions *o, const json_t *doc, int64_t now_sec)
{
        int64_t exp_sec = 0;

        if (!o->history && !grant_state_is_live(ledger_grant_state(l, doc, now_sec)))
                return false;
        if (o->expiring_sec == 0)
                return true;
        return document_time(doc, "exp", &exp_sec) == 0 && exp_sec <= now_sec + o->expiring_sec;
}

/* A copy with the state of now, and what nothing bounds. */
static json_t *with_state(const Ledger *l, const json_t *doc, int64_t now_sec)
{
        json_t *copy = json_copy((json_t *)doc);
        const char *state = grant_state_name(ledger_grant_state(l, doc, now_sec));
        const bool is_unbounded = terms_unbounded(json_object_get(doc, "authorization_details"));

        if (copy && (json_object_set_new(copy, "state", json_string(state)) < 0 ||
                     (is_unbounded && json_object_set_new(copy, "unbounded", json_true()) < 0))) {
                json_decref(copy);
                return NULL;
        }
        return copy;
}

/* What no host can prevent is said wherever such a grant is shown. */
static void say_unbounded(const char *jti)
{
        say("%s is unbounded: root without commands; what its holder plants outlives it", jti);
}

static int add_row(Table *t, const Ledger *l, const json_t *doc, int64_t now_sec)
{
        char hosts[TEXTS_LINE_MAX], labels[TEXTS_LINE_MAX];
        GrantState state = ledger_grant_state(l, doc, now_sec);
        int r;

        (void)texts_line(hosts, json_object_get(doc, "hosts"));
        (void)texts_line(labels, json_object_get(doc, "labels"));
        r = table_row(
                t, (const char *const[]){ document_text(doc, "jti"), document_text(doc, "account"),
                                          document_text(doc, "owner"), *hosts ? hosts : labels,
                                          document_text(doc, "exp"), grant_state_name(state),
                                          document_text(doc, "reason") });
        if (r == 0 && !grant_state_is_live(state))
                table_shade(t, -1, SHADE_DIM);
        return r;
}

static int print_list(const Call *call, const Ledger *l, const Seen *seen)
{
        static const char *const headings[] = { "ID",    "ACCOUNT", "OWNER",  "HOSTS",
                                                "UNTIL", "STATE",   "REASON", NULL };
        const LedgerOptions *o = call->options;
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_names(l, DOC_GRANT, &n);
        _cleanup_(table_freep) Table *t = NULL;
        json_t *list = json_array();
        int r = names && list ? table_new(&call->out, headings, &t) : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++) {
                const json_t *doc = ledger_get(l, DOC_GRANT, names[i]);

                if (!is_shown(l, o, doc, call->now_sec) || (seen && seen_use(seen, names[i]) > 0))
                        continue;
                if (!call->out.json)
                        r = add_row(t, l, doc, call->now_sec);
                else if (json_array_append_new(list, with_state(l, doc, call->now_sec)) < 0)
                        r = -ENOMEM;
        }
        if (r == 0 && call->out.json)
                return output_document(json_pack("{s:o}", "grants", list));
        json_decref(list);
        return r == 0 ? table_print(t) : r;
}

/* One member a line; what is not a string as JSON. */
static int print_members(const Call *call, json_t *shown)
{
        static const char *const headings[] = { "MEMBER", "VALUE", NULL };
        _cleanup_(table_freep) Table *t = NULL;
        const char *member;
        json_t *value;
        int r;

        r = table_new(&call->out, headings, &t);
        json_object_foreach(shown, member, value) {
                _cleanup_free_ char *text =
                        json_write(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

                if (r == 0)
                        r = table_row(
                                t, (const char *const[]){ member, json_is_string(value)
                                                                          ? json_string_value(value)
                                                                          : text });
        }
        return r == 0 ? table_print(t) : r;
}

/* The document, and with --history the lines about it. */
static int print_document(const Call *call, const Ledger *l, const json_t *doc)
{
        const LedgerOptions *o = call->options;
        const HistoryFilter filter = { .what = document_text(doc, "jti") };
        json_t *shown = with_state(l, doc, call->now_sec), *lines = NULL;
        int r = shown ? 0 : -ENOMEM;

        if (r == 0 && o->history)
                r = ledger_history_lines(l, &filter, &lines);
        if (r == 0 && call->out.json)
                return output_document(json_pack("{s:o, s:o*}", "grant", shown, "history", lines));
        if (r == 0 && json_is_true(json_object_get(shown, "unbounded")))
                say_unbounded(document_text(doc, "jti"));
        if (r == 0)
                r = print_members(call, shown);
        if (r == 0 && lines && (puts("") == EOF || fflush(stdout) == EOF))
                r = -EIO;
        if (r == 0 && lines)
                r = ledger_history_print(call, lines);
        json_decref(shown);
        json_decref(lines);
        return r;
}

static VerbStatus run(Call *call)
{
        const LedgerOptions *o = call->options;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        _cleanup_(seen_freep) Seen *seen = NULL;
        const json_t *doc = NULL;
        char error[LEDGER_ERROR_MAX];
        int r;

        r = central_open(call, &o->central, false, &l);
        if (r != VERB_OK)
                return r;
        if (call->operands.n > 0) {
                doc = ledger_get(l, DOC_GRANT, call->operands.items[0]);
                if (!doc)
                        return fail(VERB_PROBLEM, "there is no grant %s in %s",
                                    call->operands.items[0], l->path);
        }
        if (o->unused && seen_open(l, &seen, error) < 0)
                return fail(VERB_FAILED, "%s", error);
        r = doc ? print_document(call, l, doc) : print_list(call, l, seen);
        return r == 0 ? VERB_OK : fail(VERB_FAILED, "%s", strerror(-r));
}

/* The sets that it publishes, where they are at hand: a checkout elsewhere has none. */
static const char *sets_of(const Ledger *l, const LedgerOptions *o)
{
        const char *dir = store_directory(l->settings.publish);

        if (o->sets || !dir)
                return o->sets;
        return access(dir, R_OK | X_OK) == 0 ? dir : NULL;
}

typedef struct CheckResult {
        json_t *problems;
        size_t n_lines;
        char head[HISTORY_HASH];
} CheckResult;

static int check_all(const Call *call, const Ledger *l, CheckResult *ret)
{
        const LedgerOptions *o = call->options;
        const HistoryWitness witness = { sets_of(l, o), o->head };
        int r;

        if (ledger_check(l, call->now_sec, &ret->problems) < 0)
                return fail(VERB_FAILED, "out of memory");
        r = history_check(l, &witness, ret->problems, &ret->n_lines, ret->head);
        if (r == 0)
                return VERB_OK;
        json_decref(ret->problems);
        return fail(VERB_FAILED, "%s: %s", o->sets ? o->sets : l->path, strerror(-r));
}

static VerbStatus run_check(Call *call)
{
        const LedgerOptions *o = call->options;
        const char *path = o->central.ledger ? o->central.ledger : PATH_LEDGER_DIR;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        char error[LEDGER_ERROR_MAX];
        CheckResult result = { 0 };
        const json_t *text;
        VerbStatus status;
        size_t i;

        if (ledger_open(path, false, &l, error) < 0)
                return fail(VERB_FAILED, "%s", error);
        if (check_all(call, l, &result) != VERB_OK)
                return VERB_FAILED;
        status = json_array_size(result.problems) > 0 ? VERB_PROBLEM : VERB_OK;
        if (call->out.json)
                return output_document(json_pack("{s:o, s:I, s:s}", "problems", result.problems,
                                                 "lines", (json_int_t)result.n_lines, "head",
                                                 result.head)) < 0
                               ? VERB_FAILED
                               : status;
        json_array_foreach(result.problems, i, text)
                show("%s\n", json_string_value(text));
        json_decref(result.problems);
        if (result.n_lines > 0)
                say("the history has %zu lines; its head is %s", result.n_lines, result.head);
        return status;
}

static const Option options[] = {
        { "expiring", 0, OPTION_DURATION, offsetof(LedgerOptions, expiring_sec), "T",
          "only those that end within T" },
        { "history", 0, OPTION_FLAG, offsetof(LedgerOptions, history), NULL,
          "ended and revoked ones too; of one grant also who changed it" },
        { "unused", 0, OPTION_FLAG, offsetof(LedgerOptions, unused), NULL,
          "only those whose use no host has reported, as far as nhictl fleet has seen" },
        LEDGER_OPTION(LedgerOptions, central),
        OPTION_END,
};
static const Option check_options[] = {
        { "sets", 0, OPTION_STRING, offsetof(LedgerOptions, sets), "DIR",
          "compare the history with the sets in DIR (default: with what is published)" },
        { "head", 0, OPTION_STRING, offsetof(LedgerOptions, head), "HASH",
          "the history must have this line, which check named as its head before" },
        LEDGER_OPTION(LedgerOptions, central),
        OPTION_END,
};

const Verb verb_ledger = {
        .name = "ledger",
        .synopsis = "[ID] [--expiring T] [--history] [--unused]",
        .help = "list the ledger's grants, or show one",
        .options = options,
        .options_size = sizeof(LedgerOptions),
        .operands_max = 1,
        .run = run,
};
const Verb verb_ledger_check = {
        .name = "ledger check",
        .synopsis = "[--sets DIR] [--head HASH]",
        .help = "look for what hosts would refuse, nobody meant or nobody recorded\n"
                "The history must be whole, and account for every document. Exit status 1 if "
                "there is any problem.",
        .options = check_options,
        .options_size = sizeof(LedgerOptions),
        .run = run_check,
};
