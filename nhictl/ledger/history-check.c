/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/history-check.h"

#include "nhictl/ledger/history-batch.h"

#include <stdarg.h>
#include <stdio.h>

#define HEADS_TOLD 8
#define ADOPT      "nhictl ledger adopt --reason R records it as it is"

static _printf_(3, 4) void add(HistoryCheck *c, const char *file, const char *format, ...)
{
        va_list ap;
        json_t *what;

        va_start(ap, format);
        what = json_vsprintf(format, ap);
        va_end(ap);
        (void)json_array_append_new(
                c->problems, json_sprintf("%s/%s: %s", c->l->path, file, json_string_value(what)));
        json_decref(what);
}

static void check_lines(HistoryCheck *c)
{
        const json_t *text;
        size_t i;

        json_array_foreach(c->h->problems, i, text)
                (void)json_array_append_new(
                        c->problems, json_sprintf("%s/%s", c->l->path, json_string_value(text)));
}

/* "HASH TIME head WHO"; false for a revision of another kind, and for what is none. */
static bool is_head_revision(const char *line, size_t size, char ret[static HISTORY_HASH])
{
        const size_t skip = HISTORY_HASH + strlen("2026-11-22T08:15:04Z ");

        if (size < HISTORY_HASH || line[HISTORY_HASH - 1] != ' ')
                return false;
        memcpy(ret, line, HISTORY_HASH - 1);
        ret[HISTORY_HASH - 1] = '\0';
        return size > skip + strlen(LEDGER_REVISION_HEAD) &&
               strncmp(line + skip, LEDGER_REVISION_HEAD, strlen(LEDGER_REVISION_HEAD)) == 0;
}

/* Each revision that was a head is a line. */
static void check_revisions(HistoryCheck *c)
{
        size_t n_missing = 0, first = 0, number = 1;
        char hash[HISTORY_HASH], missing[HISTORY_HASH] = "", file[64];

        for (const char *line = c->l->revisions; line && *line; number++) {
                size_t size = strcspn(line, "\n");

                hash[0] = '\0';
                if (!is_head_revision(line, size, hash)) {
                        if (*hash)
                                (void)json_object_set_new(c->others, hash, json_true());
                } else if (!history_find(c->h, hash) && n_missing++ == 0) {
                        first = number;
                        memcpy(missing, hash, sizeof(missing));
                }
                line += size + (line[size] == '\n');
        }
        if (n_missing == 0)
                return;
        (void)snprintf(file, sizeof(file), "revisions:%zu", first);
        add(c, file,
            "names line %.16s... of " HISTORY_FILE ", which is not there (%zu of its kind): lines "
            "were cut off, changed or taken out; git or a backup has them",
            missing, n_missing);
}

static void judge_document(HistoryCheck *c, const char *file, const char *hash)
{
        bool is_settled, is_all;
        const HistoryLine *line;
        HistoryLinks tips;
        HistoryAction a;

        history_tips(c->h, file, &tips, &is_all);
        a = history_judge(c->h, &tips, hash, &is_settled);
        if (is_settled || a == HISTORY_JOINED)
                return;
        if (tips.n_last == 0) {
                add(c, file, "stands in no line of " HISTORY_FILE ": " ADOPT);
                return;
        }
        line = &c->h->lines[tips.last[0]];
        if (a == HISTORY_REVERTED)
                add(c, file,
                    "what line %zu of " HISTORY_FILE " says was done to it is not there: a crash "
                    "came between, or it was taken back; " ADOPT,
                    line->number);
        else if (*hash == '\0')
                add(c, file, "was removed, and line %zu of " HISTORY_FILE " left it there; " ADOPT,
                    line->number);
        else
                add(c, file,
                    "is not what line %zu of " HISTORY_FILE " left: it was edited by hand or by a "
                    "merge; " ADOPT ", git or a backup has what it was",
                    line->number);
}

static void check_documents(HistoryCheck *c)
{
        const json_t *value;
        const char *file;

        json_object_foreach(c->l->hashes, file, value)
                judge_document(c, file, json_string_value(value));
        json_object_foreach(c->h->tips, file, value) {
                if (!json_object_get(c->l->hashes, file))
                        judge_document(c, file, "");
        }
}

/* Lines that no other follows, without a line missing. */
static void check_heads(HistoryCheck *c)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0, n = 0;
        FILE *f;

        if (c->h->n_heads < 2 || json_array_size(c->h->problems) > 0)
                return;
        f = open_memstream(&text, &size);
        for (size_t i = 0; f && i < c->h->n_lines && n < HEADS_TOLD; i++) {
                if (!c->h->lines[i].followed)
                        (void)fprintf(f, "%s%zu", n++ > 0 ? ", " : "", c->h->lines[i].number);
        }
        if (f && fclose(f) == 0)
                add(c, HISTORY_FILE,
                    "%zu lines are followed by none (%s%s): branches were merged, or a line was "
                    "put in; nhictl ledger adopt joins them",
                    c->h->n_heads, text, c->h->n_heads > HEADS_TOLD ? "..." : "");
}

static void check_head(HistoryCheck *c, const char *head)
{
        if (head && !history_find(c->h, head))
                add(c, HISTORY_FILE,
                    "has no line %.64s: lines were cut off or changed, or this is an older copy "
                    "of the ledger",
                    head);
}

/* An old ledger's history begins with its next change; until then there are no lines to compare
 * documents with. */
static int check_all(HistoryCheck *c, const HistoryWitness *witness)
{
        check_lines(c);
        check_heads(c);
        check_head(c, witness->head);
        check_revisions(c);
        if (c->h->is_there)
                check_documents(c);
        return witness->sets_dir ? history_check_sets(c, witness->sets_dir) : 0;
}

int history_check(const Ledger *l, const HistoryWitness *witness, json_t *problems,
                  size_t *ret_n_lines, char ret_head[static HISTORY_HASH])
{
        HistoryCheck c = { .l = l, .problems = problems, .others = json_object() };
        int r = c.others ? history_load(l->dir_fd, &c.h) : -ENOMEM;
        const char *head = "";

        *ret_n_lines = 0;
        ret_head[0] = '\0';
        if (r == 0) {
                r = check_all(&c, witness);
                *ret_n_lines = c.h->n_lines;
                (void)history_heads(c.h, &head, 1);
                (void)snprintf(ret_head, HISTORY_HASH, "%s", head);
        } else if (r != -ENOMEM) {
                add(&c, HISTORY_FILE, "%s: nothing can be granted until it can be read",
                    strerror(-r));
                r = 0;
        }
        history_free(c.h);
        json_decref(c.others);
        return r;
}
