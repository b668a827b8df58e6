/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/history-check.h"

#include "lib/jose/jose.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/history-batch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#define SET_SUFFIX ".jws"
#define ADOPT      "nhictl ledger adopt --reason R records it as it is"

typedef struct HistoryCheck {
        const Ledger *l;
        History *h;
        json_t *problems;
        json_t *old; /* object: revisions that are no lines of history */
} HistoryCheck;

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
        return size > skip + 5 && memcmp(line + skip, "head ", 5) == 0;
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
                                (void)json_object_set_new(c->old, hash, json_true());
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

/* The payload of a compact JWS, unverified. */
static json_t *set_payload(const char *jws, size_t size)
{
        const char *first = memchr(jws, '.', size), *second;
        _cleanup_free_ uint8_t *text = NULL;
        size_t text_size = 0;

        second = first ? memchr(first + 1, '.', size - (size_t)(first + 1 - jws)) : NULL;
        if (!second)
                return NULL;
        text = malloc((size_t)(second - first) + 1);
        if (!text || base64url_decode_public(first + 1, (size_t)(second - first - 1), text,
                                             (size_t)(second - first), &text_size) < 0)
                return NULL;
        return json_loadb((const char *)text, text_size, JSON_REJECT_DUPLICATES, NULL);
}

/* unknown: object, line -> {file, n} */
static void check_set(HistoryCheck *c, int dir_fd, const char *file, json_t *unknown)
{
        _cleanup_free_ char *jws = NULL;
        const char *revision;
        json_t *payload, *seen;
        size_t size;

        if (document_read(dir_fd, file, SET_SIZE_MAX, &jws, &size) < 0)
                return;
        payload = set_payload(jws, size);
        revision = document_text(payload, "ledger");
        if (payload && streq(document_text(payload, "iss"), c->l->settings.issuer) &&
            !history_find(c->h, revision) && !json_object_get(c->old, revision)) {
                seen = json_object_get(unknown, revision);
                if (seen)
                        (void)json_object_set_new(
                                seen, "n",
                                json_integer(json_integer_value(json_object_get(seen, "n")) + 1));
                else
                        (void)json_object_set_new(unknown, revision,
                                                  json_pack("{s:s, s:i}", "file", file, "n", 1));
        }
        json_decref(payload);
}

static void say_unknown(HistoryCheck *c, const char *sets_dir, const json_t *unknown)
{
        const char *revision;
        const json_t *seen;

        json_object_foreach((json_t *)(uintptr_t)unknown, revision, seen)
                (void)json_array_append_new(
                        c->problems,
                        json_sprintf("%s/%s: was published from line %.16s..., which " HISTORY_FILE
                                     " has not (%d sets): lines were cut off or changed, or this "
                                     "is an older copy of the ledger",
                                     sets_dir, document_text(seen, "file"), revision,
                                     (int)json_integer_value(json_object_get(seen, "n"))));
}

static int check_sets(HistoryCheck *c, const char *sets_dir)
{
        json_t *unknown = json_object();
        const struct dirent *entry;
        DIR *dir = opendir(sets_dir);

        if (!dir || !unknown) {
                json_decref(unknown);
                return dir ? (closedir(dir), -ENOMEM) : -errno;
        }
        while ((entry = readdir(dir))) {
                size_t size = strlen(entry->d_name), suffix = strlen(SET_SUFFIX);

                if (entry->d_name[0] != '.' && size > suffix &&
                    streq(entry->d_name + size - suffix, SET_SUFFIX))
                        check_set(c, dirfd(dir), entry->d_name, unknown);
        }
        (void)closedir(dir);
        say_unknown(c, sets_dir, unknown);
        json_decref(unknown);
        return 0;
}

/* An old ledger's history begins with its next change; until then there is nothing to compare. */
int history_check(const Ledger *l, const char *sets_dir, json_t *problems)
{
        HistoryCheck c = { .l = l, .problems = problems, .old = json_object() };
        int r = c.old ? history_load(l->dir_fd, &c.h) : -ENOMEM;

        if (r < 0 && r != -ENOMEM) {
                add(&c, HISTORY_FILE, "%s: nothing can be granted until it can be read",
                    strerror(-r));
                json_decref(c.old);
                return 0;
        }
        if (r == 0) {
                check_lines(&c);
                check_revisions(&c);
        }
        if (r == 0 && c.h->is_there)
                check_documents(&c);
        if (r == 0 && sets_dir)
                r = check_sets(&c, sets_dir);
        history_free(c.h);
        json_decref(c.old);
        return r;
}
