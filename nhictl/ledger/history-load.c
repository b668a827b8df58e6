/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reading a history: every line that is one is taken, whatever is wrong with others, so that a
 * broken history stops nobody (L4). */

#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/kind.h"

#include <stdio.h>

#define HISTORY_SIZE_MAX (1024u * 1024 * 1024)

/* What can be judged only when all lines are known. */
typedef struct Load {
        History *h;
        json_t *missing; /* object: hash -> number of the first line that follows it */
        json_t *broken;  /* object: hash -> {number, why} of what is no line */
        json_t *torn;    /* object: hashes that lines say are torn */
} Load;

static _printf_(3, 4) void complain(Load *l, size_t number, const char *format, ...)
{
        va_list ap;
        json_t *what;

        va_start(ap, format);
        what = json_vsprintf(format, ap);
        va_end(ap);
        (void)json_array_append_new(l->h->problems,
                                    json_sprintf(HISTORY_FILE ":%zu: %s", number,
                                                 what ? json_string_value(what) : "?"));
        json_decref(what);
}

static bool is_hash(const char *text)
{
        return strlen(text) == HISTORY_HASH - 1 &&
               strspn(text, "0123456789abcdef") == HISTORY_HASH - 1;
}

/* A hash, or "" where there is none. */
static int read_hash(const json_t *doc, const char *member, char ret[static HISTORY_HASH])
{
        const json_t *value = json_object_get(doc, member);
        const char *text = json_string_value(value);

        ret[0] = '\0';
        if (!value)
                return 0;
        if (!text || !is_hash(text))
                return -EBADMSG;
        memcpy(ret, text, HISTORY_HASH);
        return 0;
}

static bool is_list_of_hashes(const json_t *list, size_t max)
{
        const json_t *item;
        size_t i;

        if (!json_is_array(list) || json_array_size(list) > max)
                return false;
        json_array_foreach(list, i, item) {
                if (!json_is_string(item) || !is_hash(json_string_value(item)))
                        return false;
        }
        return true;
}

/* Of what names of documents are made: what is written of it is read again as it was. */
static bool is_file(const json_t *value)
{
        const char *text = json_string_value(value);
        size_t size = text ? strlen(text) : 0;

        return size > 0 && size < LEDGER_FILE_MAX &&
               strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") ==
                       size;
}

/* What keeps an object from being a line, or NULL. */
static const char *judge(const json_t *doc, HistoryLine *line)
{
        const json_t *last = json_object_get(doc, "last"), *file = json_object_get(doc, "file");
        int64_t sec;

        if (document_time(doc, "time", &sec) < 0)
                return "time: must be an RFC 3339 time";
        if (*document_text(doc, "who") == '\0' || *document_text(doc, "action") == '\0')
                return "who, action: must be texts";
        if (file && !is_file(file))
                return "file: is no document's name";
        if (!is_list_of_hashes(json_object_get(doc, "prev"), HISTORY_PREV_MAX))
                return "prev: must be a list of hashes";
        if (last && !is_list_of_hashes(last, HISTORY_LAST_MAX))
                return "last: must be a list of hashes";
        if (read_hash(doc, "before", line->before) < 0 || read_hash(doc, "after", line->after) < 0)
                return "before, after: must be hashes";
        return NULL;
}

static void miss(Load *l, const char *hash, size_t number)
{
        if (!json_object_get(l->missing, hash))
                (void)json_object_set_new(l->missing, hash, json_integer((json_int_t)number));
}

static void resolve_prev(Load *l, const json_t *doc, size_t number, HistoryLinks *links)
{
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(doc, "prev"), i, item) {
                links->prev[links->n_prev++] = json_string_value(item);
                if (!history_find(l->h, json_string_value(item)))
                        miss(l, json_string_value(item), number);
        }
}

/* The lines that recorded the same document before. */
static void resolve_last(Load *l, const json_t *doc, const HistoryLine *line, HistoryLinks *links)
{
        bool fits = false, complete = true;
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(doc, "last"), i, item) {
                const HistoryLine *found = history_find(l->h, json_string_value(item));

                if (!found) {
                        miss(l, json_string_value(item), line->number);
                        complete = false;
                        continue;
                }
                if (!streq_ptr(found->file, line->file)) {
                        complain(l, line->number, "last: line %zu is about another document",
                                 found->number);
                        continue;
                }
                fits |= streq(found->after, line->before);
                links->last[links->n_last++] = (size_t)(found - l->h->lines);
        }
        if (links->n_last > 0 && complete && !fits)
                complain(l, line->number, "before: not the document that line %zu says there was",
                         l->h->lines[links->last[0]].number);
}

static int take_line(Load *l, const json_t *doc, HistoryLine *line)
{
        const char *file = json_string_value(json_object_get(doc, "file"));
        const HistoryLine *twin = history_find(l->h, line->hash);
        HistoryLinks links = { 0 };

        if (twin) {
                complain(l, line->number,
                         "the same as line %zu: a merge doubled it; take one of them out",
                         twin->number);
                return 0;
        }
        line->file = (char *)(uintptr_t)file;
        line->is_publication = !file && streq(document_text(doc, "action"),
                                              history_action_name(HISTORY_PUBLISHED));
        resolve_prev(l, doc, line->number, &links);
        resolve_last(l, doc, line, &links);
        if (*document_text(doc, "torn"))
                (void)json_object_set_new(l->torn, document_text(doc, "torn"), json_true());
        return history_add(l->h, line, &links);
}

static void note_broken(Load *l, const char *hash, size_t number, const char *why)
{
        (void)json_object_set_new(
                l->broken, hash, json_pack("{s:I, s:s}", "number", (json_int_t)number, "why", why));
}

static int load_line(Load *l, const char *text, size_t size, size_t number, bool is_whole)
{
        HistoryLine line = { .number = number, .size = size };
        char error[DOCUMENT_ERROR_MAX] = "";
        const char *why = NULL;
        json_t *doc = NULL;
        int r = 0;

        line.offset = (size_t)(text - l->h->text);
        content_hash(text, size, line.hash);
        if (size >= HISTORY_LINE_MAX)
                why = "it is too long";
        else if (document_parse(text, size, &doc, error) < 0)
                why = error;
        else
                why = judge(doc, &line);
        if (!why)
                r = take_line(l, doc, &line);
        else if (is_whole)
                note_broken(l, line.hash, number, why);
        else
                memcpy(l->h->torn, line.hash, sizeof(l->h->torn));
        json_decref(doc);
        return r;
}

static int load_lines(Load *l, size_t size)
{
        const char *at = l->h->text, *end = at + size;
        int r = 0;

        for (size_t number = 1; r == 0 && at < end; number++) {
                const char *feed = memchr(at, '\n', (size_t)(end - at));
                const char *stop = feed ? feed : end;

                l->h->n_numbers = number;
                r = load_line(l, at, (size_t)(stop - at), number, feed != NULL);
                at = feed ? feed + 1 : end;
        }
        l->h->is_open = size > 0 && l->h->text[size - 1] != '\n';
        return r;
}

/* L7: a line before these was changed, moved or taken out. */
static void judge_missing(Load *l)
{
        const json_t *number;
        const char *hash;

        json_object_foreach(l->missing, hash, number) {
                const HistoryLine *found = history_find(l->h, hash);

                if (found)
                        complain(l, (size_t)json_integer_value(number),
                                 "follows line %zu, which stands behind it: lines were moved",
                                 found->number);
                else
                        complain(l, (size_t)json_integer_value(number),
                                 "follows a line %.16s... that is not there: it was changed or "
                                 "taken out",
                                 hash);
        }
}

/* Where lines are missing, one that nothing follows may be what became of one. */
static void judge_suspects(Load *l)
{
        bool is_missing = false;
        const json_t *number;
        const char *hash;

        json_object_foreach(l->missing, hash, number)
                is_missing |= !history_find(l->h, hash);
        for (size_t i = 0; is_missing && i + 1 < l->h->n_lines; i++) {
                if (!l->h->lines[i].followed)
                        complain(l, l->h->lines[i].number,
                                 "no line follows it: it may be the one that was changed");
        }
}

static void judge_broken(Load *l)
{
        const json_t *what;
        const char *hash;

        json_object_foreach(l->broken, hash, what) {
                if (!json_object_get(l->torn, hash))
                        complain(l, (size_t)json_integer_value(json_object_get(what, "number")),
                                 "is no line of a history: %s", document_text(what, "why"));
        }
        if (*l->h->torn)
                complain(l, l->h->n_numbers,
                         "was cut short, by a crash or by somebody: the next change marks it");
}

static int history_new(History **ret)
{
        History *h = calloc(1, sizeof(*h));

        if (!h)
                return -ENOMEM;
        h->index = json_object();
        h->tips = json_object();
        h->problems = json_array();
        if (!h->index || !h->tips || !h->problems) {
                history_free(h);
                return -ENOMEM;
        }
        *ret = h;
        return 0;
}

int history_parse(char *text, size_t size, History **ret)
{
        _cleanup_(history_freep) History *h = NULL;
        Load l;
        int r = history_new(&h);

        if (r < 0) {
                free(text);
                return r;
        }
        h->text = text;
        h->is_there = true;
        l = (Load){ h, json_object(), json_object(), json_object() };
        r = l.missing && l.broken && l.torn ? load_lines(&l, size) : -ENOMEM;
        if (r == 0) {
                judge_broken(&l);
                judge_missing(&l);
                judge_suspects(&l);
                *ret = TAKE_PTR(h);
        }
        json_decref(l.missing);
        json_decref(l.broken);
        json_decref(l.torn);
        return r;
}

int history_load(int dir_fd, History **ret)
{
        char *text = NULL;
        size_t size;
        int r = document_read(dir_fd, HISTORY_FILE, HISTORY_SIZE_MAX, &text, &size);

        if (r == -ENOENT)
                return history_new(ret);
        return r < 0 ? r : history_parse(text, size, ret);
}
