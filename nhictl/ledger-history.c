/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl ledger history|adopt: who changed what, when and why */

#include "nhictl/ledger-history.h"

#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/who.h"

#include <stdio.h>

#define WHAT_SIZE 512

typedef struct HistoryOptions {
        CentralOptions central;
        const char *reason;
        int64_t since_sec;
} HistoryOptions;

/* "g-1" of "grants/g-1.json". */
static bool is_stem_of(const char *what, const char *file)
{
        const char *slash = strchr(file, '/'), *name = slash ? slash + 1 : file;
        size_t size = strlen(what);

        return strncmp(name, what, size) == 0 && streq(name + size, ".json");
}

static bool is_about(const json_t *line, const char *what)
{
        const char *file = document_text(line, "file");

        return streq(file, what) || is_stem_of(what, file) ||
               streq(document_text(line, "account"), what);
}

static bool lets_through(const HistoryFilter *f, const json_t *line)
{
        int64_t sec = 0;

        if (f->what && !is_about(line, f->what))
                return false;
        return f->since_sec == 0 || (document_time(line, "time", &sec) == 0 && sec >= f->since_sec);
}

static int add_line(json_t *list, const HistoryFilter *f, const char *text, const HistoryLine *l)
{
        json_t *line = json_loadb(text, l->size, 0, NULL);

        if (!line)
                return -ENOMEM;
        if (!lets_through(f, line)) {
                json_decref(line);
                return 0;
        }
        if (json_object_set_new(line, "line", json_integer((json_int_t)l->number)) < 0 ||
            json_object_set_new(line, "hash", json_string(l->hash)) < 0) {
                json_decref(line);
                return -ENOMEM;
        }
        return json_array_append_new(list, line);
}

int ledger_history_lines(const Ledger *l, const HistoryFilter *filter, json_t **ret)
{
        _cleanup_(history_freep) History *h = NULL;
        json_t *list;
        int r;

        r = history_load(l->dir_fd, &h);
        if (r < 0)
                return r;
        list = json_array();
        for (size_t i = 0; list && r == 0 && i < h->n_lines; i++)
                r = add_line(list, filter, h->text + h->lines[i].offset, &h->lines[i]);
        if (!list || r < 0) {
                json_decref(list);
                return -ENOMEM;
        }
        *ret = list;
        return 0;
}

/* "grants/g-1 (svc-deploy)", "3 sets in /var/lib/nhi-source" */
static const char *what_of(const json_t *line, char ret[static WHAT_SIZE])
{
        const char *file = document_text(line, "file"), *account = document_text(line, "account");
        long long n = json_integer_value(json_object_get(line, "n_hosts"));
        const char *dot = strrchr(file, '.');

        ret[0] = '\0';
        if (*file)
                (void)snprintf(ret, WHAT_SIZE, "%.*s%s%s%s", dot ? (int)(dot - file) : 300, file,
                               *account ? " (" : "", account, *account ? ")" : "");
        else if (*document_text(line, "to"))
                (void)snprintf(ret, WHAT_SIZE, "%lld %s in %s", n, n == 1 ? "set" : "sets",
                               document_text(line, "to"));
        return ret;
}

int ledger_history_print(const Call *call, const json_t *list)
{
        static const char *const headings[] = { "TIME", "WHO", "ACTION", "WHAT", "REASON", NULL };
        _cleanup_(table_freep) Table *t = NULL;
        char what[WHAT_SIZE];
        const json_t *line;
        size_t i;
        int r = table_new(&call->out, headings, &t);

        json_array_foreach(list, i, line) {
                if (r == 0)
                        r = table_row(t, (const char *const[]){
                                                 document_text(line, "time"),
                                                 document_text(line, "who"),
                                                 document_text(line, "action"),
                                                 what_of(line, what),
                                                 document_text(line, "reason"),
                                         });
        }
        return r == 0 ? table_print(t) : r;
}

static VerbStatus run(Call *call)
{
        const HistoryOptions *o = call->options;
        const HistoryFilter filter = {
                .what = call->operands.n > 0 ? call->operands.items[0] : NULL,
                .since_sec = o->since_sec,
        };
        _cleanup_(ledger_freep) Ledger *l = NULL;
        json_t *list = NULL;
        int r;

        r = central_open(call, &o->central, false, &l);
        if (r != VERB_OK)
                return r;
        r = ledger_history_lines(l, &filter, &list);
        if (r < 0)
                return fail(VERB_FAILED, "%s/" HISTORY_FILE ": %s", l->path, strerror(-r));
        if (call->out.json)
                return output_document(json_pack("{s:o}", "history", list)) < 0 ? VERB_FAILED
                                                                                : VERB_OK;
        r = ledger_history_print(call, list);
        json_decref(list);
        return r == 0 ? VERB_OK : fail(VERB_FAILED, "%s", strerror(-r));
}

static VerbStatus run_adopt(Call *call)
{
        const HistoryOptions *o = call->options;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        char who[WHO_SIZE];
        size_t n = 0;
        int r;

        r = central_open(call, &o->central, true, &l);
        if (r != VERB_OK)
                return r;
        r = ledger_settle(l, o->reason, &n);
        central_say_notes(l);
        if (r < 0)
                return VERB_FAILED;
        r = ledger_commit(l, call->now_sec, who_am_i(who));
        if (r < 0)
                return fail(VERB_FAILED, "%s/revisions: %s", l->path, strerror(-r));
        return output_changed(&call->out, n > 0) < 0 ? VERB_FAILED : VERB_OK;
}

static const Option options[] = {
        { "since", 0, OPTION_SINCE, offsetof(HistoryOptions, since_sec), "T",
          "only what was done since then: a time, or a duration back from now" },
        LEDGER_OPTION(HistoryOptions, central),
        OPTION_END,
};
static const Option adopt_options[] = {
        { "reason", 0, OPTION_STRING, offsetof(HistoryOptions, reason), "R", "why" },
        LEDGER_OPTION(HistoryOptions, central),
        OPTION_END,
};

const Verb verb_ledger_history = {
        .name = "ledger history",
        .synopsis = "[NAME] [--since T]",
        .help = "who changed what in the ledger, when and why\n"
                "NAME is a grant's id, an account, owner or host.",
        .options = options,
        .options_size = sizeof(HistoryOptions),
        .operands_max = 1,
        .run = run,
};
const Verb verb_ledger_adopt = {
        .name = "ledger adopt",
        .synopsis = "[--reason R]",
        .help = "record in the ledger's history what was edited by hand or merged\n"
                "Every changing verb does so first, with no reason.",
        .options = adopt_options,
        .options_size = sizeof(HistoryOptions),
        .run = run_adopt,
};
