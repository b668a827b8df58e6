/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ledgers with a history, and what their check says. */

#include "nhictl/ledger/history-check.h"
#include "tests/unit/ledger-fixture.h"

static inline Ledger *history_open(const Fixture *f)
{
        Ledger *l = fixture_open(f, true);

        assert_int_equal(ledger_author(l, FIXTURE_NOW, "test@here"), 0);
        return l;
}

static inline json_t *history_grant_document(const char *jti)
{
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:[], s:[]}", "jti", jti, "account",
                         "svc-deploy", "owner", "payments", "reason", "CHG-42", "nbf",
                         "2026-11-21T21:59:00Z", "exp", "2026-11-21T22:30:00Z", "hosts", "web1",
                         "labels", "authorization_details");
}

static inline void history_grant(Ledger *l, const char *jti)
{
        assert_int_equal(ledger_change(l, HISTORY_GRANTED, DOC_GRANT, jti,
                                       history_grant_document(jti), "CHG-42"),
                         0);
}

/* Change a grant so that each call makes another document of it. */
static inline void history_mark(Ledger *l, const char *jti, int number, const char *reason)
{
        json_t *doc = history_grant_document(jti);

        assert_int_equal(json_object_set_new(doc, "mark", json_integer(number)), 0);
        assert_int_equal(ledger_change(l, HISTORY_EXTENDED, DOC_GRANT, jti, doc, reason), 0);
}

static inline void history_revoke(Ledger *l, const char *jti, const char *reason)
{
        json_t *doc = history_grant_document(jti);

        assert_int_equal(json_object_set_new(doc, "revoked", json_object()), 0);
        assert_int_equal(ledger_change(l, HISTORY_REVOKED, DOC_GRANT, jti, doc, reason), 0);
}

/* Seven lines: ledger.json, host, owner, account, g-1, g-2, and g-1 revoked; two revisions. */
static inline Ledger *history_fill(const Fixture *f)
{
        Ledger *l = history_open(f);

        assert_int_equal(ledger_change(l, HISTORY_ADDED, DOC_HOST, "web1",
                                       json_pack("{s:s, s:[]}", "name", "web1", "labels"), NULL),
                         0);
        assert_int_equal(ledger_change(l, HISTORY_ADDED, DOC_OWNER, "payments",
                                       json_pack("{s:s}", "name", "payments"), NULL),
                         0);
        assert_int_equal(
                ledger_change(l, HISTORY_ADDED, DOC_ACCOUNT, "svc-deploy",
                              json_pack("{s:s, s:s}", "name", "svc-deploy", "owner", "payments"),
                              NULL),
                0);
        history_grant(l, "g-1");
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test@here"), 0);
        history_grant(l, "g-2");
        history_revoke(l, "g-1", "leaked");
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "test@here"), 0);
        return l;
}

static inline json_t *history_problems(const Fixture *f, const HistoryWitness *w)
{
        const HistoryWitness none = { 0 };
        Ledger *l = fixture_open(f, false);
        json_t *problems = json_array();
        char head[HISTORY_HASH];
        size_t n;

        assert_int_equal(history_check(l, w ? w : &none, problems, &n, head), 0);
        ledger_free(l);
        return problems;
}

static inline void assert_no_problem(const Fixture *f)
{
        json_t *problems = history_problems(f, NULL);

        if (json_array_size(problems) > 0)
                fail_msg("%s", json_string_value(json_array_get(problems, 0)));
        json_decref(problems);
}

static inline void assert_problem_in(const json_t *problems, const char *said)
{
        const json_t *text;
        size_t i;

        json_array_foreach(problems, i, text) {
                if (strstr(json_string_value(text), said))
                        return;
        }
        json_array_foreach(problems, i, text)
                print_error("%s\n", json_string_value(text));
        fail_msg("not said: %s", said);
}

static inline void assert_problem(const Fixture *f, const char *said)
{
        json_t *problems = history_problems(f, NULL);

        assert_problem_in(problems, said);
        json_decref(problems);
}

static inline void run_in(const char *dir, const char *command)
{
        char *whole = NULL;

        assert_true(asprintf(&whole, "cd '%s' && %s", dir, command) > 0);
        if (system(whole) != 0)
                fail_msg("%s", whole);
        free(whole);
}

static inline void history_sed(const Fixture *f, const char *script)
{
        char command[256];

        (void)snprintf(command, sizeof(command), "sed -i '%s' history", script);
        run_in(f->ledger, command);
}

static inline void history_save(const Fixture *f)
{
        run_in(f->ledger, "cp history ../history.saved");
}

static inline void history_restore(const Fixture *f)
{
        run_in(f->ledger, "cp ../history.saved history");
}

static inline void history_remove_file(const Fixture *f, const char *name)
{
        char path[600];

        (void)snprintf(path, sizeof(path), "%s/%s", f->ledger, name);
        assert_int_equal(remove(path), 0);
}

static inline void history_append(const Fixture *f, const char *text)
{
        char path[600];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/" HISTORY_FILE, f->ledger);
        file = fopen(path, "ae");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

static inline char *history_text(const Fixture *f, size_t *ret_size)
{
        Ledger *l = fixture_open(f, false);
        char *text = NULL;

        assert_int_equal(document_read(l->dir_fd, HISTORY_FILE, 1u << 30, &text, ret_size), 0);
        ledger_free(l);
        return text;
}

static inline void assert_file_has(const Fixture *f, const char *name, const char *text)
{
        Ledger *l = fixture_open(f, false);
        char *have = NULL;
        size_t size;

        assert_int_equal(document_read(l->dir_fd, name, 1u << 30, &have, &size), 0);
        if (!strstr(have, text))
                fail_msg("%s has no %s:\n%s", name, text, have);
        free(have);
        ledger_free(l);
}

/* Every line as an object, with its hash. */
static inline json_t *history_lines(const Fixture *f)
{
        Ledger *l = fixture_open(f, false);
        json_t *list = json_array(), *line;
        History *h = NULL;

        assert_int_equal(history_load(l->dir_fd, &h), 0);
        for (size_t i = 0; i < h->n_lines; i++) {
                line = json_loadb(h->text + h->lines[i].offset, h->lines[i].size, 0, NULL);
                assert_non_null(line);
                assert_int_equal(json_object_set_new(line, "hash", json_string(h->lines[i].hash)),
                                 0);
                assert_int_equal(json_array_append_new(list, line), 0);
        }
        history_free(h);
        ledger_free(l);
        return list;
}

static inline const char *line_text(const json_t *lines, size_t i, const char *member)
{
        return document_text(json_array_get(lines, i), member);
}

static inline const char *line_link(const json_t *lines, size_t i, const char *member)
{
        const json_t *list = json_object_get(json_array_get(lines, i), member);

        assert_int_equal(json_array_size(list), 1);
        return json_string_value(json_array_get(list, 0));
}

static inline void assert_line(const json_t *lines, size_t i, const char *action, const char *file,
                               const char *reason)
{
        assert_string_equal(line_text(lines, i, "action"), action);
        if (file)
                assert_string_equal(line_text(lines, i, "file"), file);
        if (reason)
                assert_string_equal(line_text(lines, i, "reason"), reason);
}

static inline void assert_lines_are_bounded_and_printable(const Fixture *f)
{
        size_t size, start = 0;
        char *text = history_text(f, &size);

        for (size_t i = 0; i < size; i++) {
                if (text[i] == '\n') {
                        assert_true(i + 1 - start <= HISTORY_LINE_MAX);
                        start = i + 1;
                } else {
                        assert_true((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
                }
        }
        assert_int_equal(start, size);
        free(text);
}
