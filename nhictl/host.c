/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl host add|list|remove */

#include "lib/base/path.h"
#include "nhictl/central.h"
#include "nhictl/host-key.h"
#include "nhictl/texts.h"

#include <fcntl.h>

typedef struct HostOptions {
        CentralOptions central;
        ArgList labels;
        const char *from, *key;
} HostOptions;

#define HOSTS_FILE_MAX (16u * 1024 * 1024)

static json_t *host_new(const char *name, int64_t now_sec)
{
        return json_pack("{s:s, s:[], s:o}", "name", name, "labels", "created",
                         central_mark(now_sec, NULL));
}

/* Add or change one host: labels are replaced where some are given, and its key where one is. */
static int put_host(Ledger *l, const char *name, json_t *labels, json_t *key, int64_t now_sec,
                    bool *changed)
{
        const json_t *old = ledger_get(l, DOC_HOST, name);
        json_t *doc = old ? json_deep_copy(old) : host_new(name, now_sec);

        if (!doc || (json_array_size(labels) > 0 && json_object_set(doc, "labels", labels) < 0) ||
            (key && json_object_set(doc, "key", key) < 0)) {
                json_decref(doc);
                return fail(VERB_FAILED, "out of memory");
        }
        if (old && json_equal(old, doc)) {
                json_decref(doc);
                return VERB_OK;
        }
        *changed = true;
        return central_change(l, old ? HISTORY_CHANGED : HISTORY_ADDED, DOC_HOST, name, doc, NULL);
}

/* The whole input is judged before the first document is written. */
static int check_hosts(const json_t *hosts)
{
        const char *name;
        const json_t *label;
        json_t *labels;
        size_t i;

        json_object_foreach((json_t *)hosts, name, labels) {
                if (central_check_name(DOC_HOST, name) != VERB_OK)
                        return VERB_USAGE;
                json_array_foreach(labels, i, label) {
                        if (!ledger_name_is_valid(DOC_OWNER, json_string_value(label)))
                                return fail(VERB_USAGE,
                                            "\"%s\" is no label: letters, digits, '.', '_', '-'",
                                            json_string_value(label));
                }
        }
        return VERB_OK;
}

/* "NAME [LABEL...]" a line, # begins a comment: into hosts, name -> labels. */
static int read_line(json_t *hosts, char *line, json_t *common)
{
        char *save = NULL, *word;
        const char *name;
        json_t *labels;

        line[strcspn(line, "#\r")] = '\0';
        name = strtok_r(line, " \t", &save);
        if (!name)
                return 0;
        labels = json_copy(common);
        while (labels && (word = strtok_r(NULL, " \t", &save))) {
                if (json_array_append_new(labels, json_string(word)) < 0) {
                        json_decref(labels);
                        return -ENOMEM;
                }
        }
        return json_object_set_new(hosts, name, labels) < 0 ? -ENOMEM : 0;
}

static int read_file(const char *path, json_t *hosts, json_t *common)
{
        _cleanup_free_ char *text = NULL;
        char *save = NULL;
        size_t size;
        int r;

        r = document_read(AT_FDCWD, path, HOSTS_FILE_MAX, &text, &size);
        for (char *line = r == 0 ? strtok_r(text, "\n", &save) : NULL; line && r == 0;
             line = strtok_r(NULL, "\n", &save))
                r = read_line(hosts, line, common);
        return r == 0 ? VERB_OK : fail(VERB_FAILED, "%s: %s", path, strerror(-r));
}

static int collect_hosts(const Call *call, const HostOptions *o, json_t *hosts)
{
        json_t *common = texts_new(&o->labels);
        int r = VERB_OK;

        for (size_t i = 0; common && i < call->operands.n; i++)
                (void)json_object_set_new(hosts, call->operands.items[i], json_copy(common));
        if (common && o->from)
                r = read_file(o->from, hosts, common);
        json_decref(common);
        if (!common)
                return fail(VERB_FAILED, "out of memory");
        if (r == VERB_OK && json_object_size(hosts) == 0)
                return fail(VERB_USAGE, "which host? nhictl host add NAME...");
        return r == VERB_OK ? check_hosts(hosts) : r;
}

static int add_hosts(const Call *call, const HostOptions *o, json_t *hosts, json_t *key)
{
        _cleanup_(ledger_freep) Ledger *l = NULL;
        bool changed = false;
        const char *name;
        json_t *labels;
        int r;

        r = central_open(call, &o->central, true, &l);
        if (r != VERB_OK)
                return r;
        json_object_foreach(hosts, name, labels) {
                r = put_host(l, name, labels, key, call->now_sec, &changed);
                if (r != VERB_OK)
                        return r;
        }
        return central_done(call, &o->central, l, changed);
}

static VerbStatus run_add(Call *call)
{
        const HostOptions *o = call->options;
        json_t *hosts = json_object(), *key = NULL;
        int r;

        if (!hosts)
                return fail(VERB_FAILED, "out of memory");
        r = collect_hosts(call, o, hosts);
        if (r == VERB_OK && o->key && json_object_size(hosts) != 1)
                r = fail(VERB_USAGE, "--host-key is one host's: name just that one");
        if (r == VERB_OK && o->key)
                r = host_key_file(o->key, &key);
        if (r == VERB_OK)
                r = add_hosts(call, o, hosts, key);
        json_decref(hosts);
        json_decref(key);
        return r;
}

static VerbStatus run_remove(Call *call)
{
        const HostOptions *o = call->options;
        _cleanup_(ledger_freep) Ledger *l = NULL;
        bool changed = false;
        int r;

        r = central_open(call, &o->central, true, &l);
        for (size_t i = 0; r == VERB_OK && i < call->operands.n; i++) {
                const char *name = call->operands.items[i];

                if (!ledger_get(l, DOC_HOST, name))
                        continue;
                r = central_change(l, HISTORY_REMOVED, DOC_HOST, name, NULL, NULL);
                changed = true;
        }
        return r == VERB_OK ? central_done(call, &o->central, l, changed) : r;
}

static int row(Table *t, const json_t *doc)
{
        char labels[TEXTS_LINE_MAX];

        return table_row(t, (const char *const[]){
                                    document_text(doc, "name"),
                                    texts_line(labels, json_object_get(doc, "labels")),
                                    document_text(json_object_get(doc, "created"), "at"),
                            });
}

static VerbStatus run_list(Call *call)
{
        static const char *const headings[] = { "NAME", "LABELS", "SINCE", NULL };
        const HostOptions *o = call->options;

        const HostSelection selection = { call->operands.items, call->operands.n, o->labels.items,
                                          o->labels.n };

        return central_list_hosts(call, &o->central, &selection, headings, row);
}

static const Option add_options[] = {
        { "label", 0, OPTION_LIST, offsetof(HostOptions, labels), "L",
          "a label that grants can name" },
        { "from", 0, OPTION_STRING, offsetof(HostOptions, from), "FILE",
          "read more hosts: NAME [LABEL...] a line" },
        { "host-key", 0, OPTION_STRING, offsetof(HostOptions, key), "FILE",
          "its public key, as nhictl host key prints it there; -: standard input" },
        CENTRAL_OPTIONS(HostOptions, central),
        OPTION_END,
};
static const Option change_options[] = { CENTRAL_OPTIONS(HostOptions, central), OPTION_END };
static const Option list_options[] = {
        { "label", 0, OPTION_LIST, offsetof(HostOptions, labels), "L", "hosts with this label" },
        LEDGER_OPTION(HostOptions, central),
        OPTION_END,
};

const Verb verb_host_add = {
        .name = "host add",
        .synopsis = "NAME... [--label L]... [--from FILE] [--host-key FILE]",
        .help = "add hosts to the ledger, or change their labels\n"
                "NAME is the host.name of the host's agentd.conf.",
        .options = add_options,
        .options_size = sizeof(HostOptions),
        .operands_max = OPERANDS_ANY,
        .run = run_add,
};
const Verb verb_host_list = {
        .name = "host list",
        .synopsis = "[GLOB]... [--label L]...",
        .help = "list the ledger's hosts, or those of a name or label",
        .options = list_options,
        .options_size = sizeof(HostOptions),
        .operands_max = OPERANDS_ANY,
        .run = run_list,
};
const Verb verb_host_remove = {
        .name = "host remove",
        .synopsis = "NAME...",
        .help = "take hosts out of the ledger; their published sets are emptied",
        .options = change_options,
        .options_size = sizeof(HostOptions),
        .operands_min = 1,
        .operands_max = OPERANDS_ANY,
        .run = run_remove,
};
