/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Promises L6 and L7 of nhictl/ledger/history.h, and how a history begins, goes on and is merged.
 * L4 and L5: test-ledger-crash.c. */

#include "nhictl/ledger/history-check.h"
#include "tests/unit/history-fixture.h"

#include <stdio.h>

static void each_change_has_its_line_and_follows_the_one_before(void **state)
{
        Ledger *l = history_open(*state);
        json_t *lines;

        history_grant(l, "g-1");
        history_revoke(l, "g-1", "leaked");
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "olga@here"), 0);
        ledger_free(l);

        lines = history_lines(*state);
        assert_line(lines, 0, "adopted", "ledger.json", NULL);
        assert_line(lines, 1, "granted", "grants/g-1.json", "CHG-42");
        assert_line(lines, 2, "revoked", "grants/g-1.json", "leaked");
        assert_int_equal(json_array_size(lines), 3);
        assert_string_equal(line_text(lines, 2, "who"), "test@here");
        assert_string_equal(line_text(lines, 2, "time"), "2026-11-21T22:00:00Z");
        assert_string_equal(line_text(lines, 2, "account"), "svc-deploy");
        assert_string_equal(line_text(lines, 2, "before"), line_text(lines, 1, "after"));
        assert_string_equal(line_link(lines, 2, "prev"), line_text(lines, 1, "hash"));
        assert_string_equal(line_link(lines, 2, "last"), line_text(lines, 1, "hash"));
        json_decref(lines);
        assert_no_problem(*state);
}

/* An old ledger has documents and revisions, and no history. */
static void an_old_ledger_begins_with_what_stands_there(void **state)
{
        const Fixture *f = *state;
        Ledger *l = fixture_open(f, true);
        json_t *lines;

        fixture_fill(l);
        ledger_free(l);
        fixture_write(f, ".gitattributes", "revisions merge=union\n");
        assert_no_problem(*state); /* there is nothing to compare yet */

        l = history_open(f);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
        ledger_free(l);
        lines = history_lines(f);
        assert_int_equal(json_array_size(lines), 5); /* ledger.json and four documents */
        for (size_t i = 0; i < 5; i++)
                assert_string_equal(line_text(lines, i, "action"), "adopted");
        json_decref(lines);
        assert_file_has(f, ".gitattributes", "history merge=union");
        assert_no_problem(f);
}

/* The way of a fleet: ledger.json from a page, and nothing else. */
static void a_ledger_whose_settings_were_written_by_hand_is_fit_for_git_too(void **state)
{
        const Fixture *f = *state;
        char path[400];
        Ledger *l;

        for (size_t i = 0; i < 2; i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", f->ledger,
                               i == 0 ? ".gitattributes" : ".gitignore");
                assert_int_equal(unlink(path), 0);
        }
        l = history_open(f);
        fixture_fill(l);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
        ledger_free(l);
        assert_file_has(f, ".gitattributes", "history merge=union");
        assert_file_has(f, ".gitattributes", "revisions merge=union");
        assert_file_has(f, ".gitignore", ".reports");
        fixture_write(f, ".gitignore", "mine\n");
        assert_int_equal(ledger_write_git_files(f->ledger), 0);
        assert_file_has(f, ".gitignore", "mine");
        assert_no_problem(f);
}

static void what_is_edited_by_hand_is_named_and_adopted(void **state)
{
        const Fixture *f = *state;
        Ledger *l = history_fill(f);
        json_t *lines;
        size_t n;

        ledger_free(l);
        fixture_write(f, "owners/payments.json", "{\"name\": \"payments\", \"contact\": \"eve\"}");
        fixture_write(f, "owners/new.json", "{\"name\": \"new\"}");
        history_remove_file(f, "grants/g-1.json");
        assert_problem(f, "owners/payments.json: is not what line 3");
        assert_problem(f, "owners/new.json: stands in no line");
        assert_problem(f, "grants/g-1.json: was removed, and line 7");
        assert_problem(f, "nhictl ledger adopt");

        l = history_open(f);
        assert_int_equal(ledger_settle(l, "cleaned up", &n), 0);
        assert_int_equal(n, 3);
        assert_int_equal(ledger_settle(l, "again", &n), 0);
        assert_int_equal(n, 0);
        ledger_free(l);
        lines = history_lines(f);
        assert_line(lines, json_array_size(lines) - 1, "edited", NULL, "cleaned up");
        json_decref(lines);
        assert_no_problem(f);
}

static void two_edits_of_one_document_are_two_lines(void **state)
{
        const Fixture *f = *state;
        Ledger *l;

        ledger_free(history_fill(f));
        for (int i = 0; i < 2; i++) {
                fixture_write(f, "owners/payments.json",
                              i == 0 ? "{\"name\": \"payments\", \"contact\": \"a\"}"
                                     : "{\"name\": \"payments\", \"contact\": \"b\"}");
                l = history_open(f);
                assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
                ledger_free(l);
                assert_no_problem(f);
        }
}

/* L7, U01, U02: an edit of the history's lines, and what check then says. The history has: 1
 * adopted ledger.json, 2 host, 3 owner, 4 account, 5 g-1, 6 g-2 granted, 7 g-1 revoked. */
static const struct {
        const char *script; /* sed(1) */
        const char *said[2];
} attacks[] = {
        { "5s/CHG-42/CHG-43/", { "history:6: follows a line", "history:5: no line follows it" } },
        { "5s/test@here/eve@here/", { "history:6: follows a line", "history:5: no line follows" } },
        { "5d", { "history:5: follows a line", NULL } },
        { "1d", { "history:1: follows a line", NULL } },
        { "2,3d", { "history:2: follows a line", NULL } },
        { "5s/,\"prev.*/}/",
          { "history:5: is no line of a history: prev:", "history:6: follows" } },
        { "5s/\"time\"/\"tim\"/", { "history:5: is no line of a history: time:", NULL } },
        { "5s/\"who\":\"[^\"]*\"/\"who\":1/", { "history:5: is no line of a history: who", NULL } },
        { "5s/\"after\":\"./\"after\":\"X/", { "history:5: is no line", NULL } },
        { "5s/{/[/", { "history:5: is no line of a history: line 1", NULL } },
        { "5s/.*//", { "history:5: is no line of a history", NULL } },
        { "5{h;d};6{G}", { "history:5: follows line 6, which stands behind it", NULL } },
        { "5p", { "history:6: the same as line 5", NULL } },
        { "7d", { "revisions:2: names line", "is not what line 5 of history left" } },
        { "6,7d", { "revisions:2: names line", "grants/g-2.json: stands in no line" } },
        { "$s/leaked/leaker/", { "revisions:2: names line", NULL } },
        { "1,$d", { "revisions:1: names line", NULL } },
        { "7s/.\\{9\\}$/\\x00/", { "history:7: is no line of a history", NULL } },
};

static void every_kind_of_tampering_is_named(void **state)
{
        const Fixture *f = *state;

        ledger_free(history_fill(f));
        assert_no_problem(f);
        for (size_t i = 0; i < ELEMENTSOF(attacks); i++) {
                history_save(f);
                history_sed(f, attacks[i].script);
                for (size_t j = 0; j < 2 && attacks[i].said[j]; j++)
                        assert_problem(f, attacks[i].said[j]);
                history_restore(f);
                assert_no_problem(f);
        }
}

/* Every single byte matters: U01 */
static void no_byte_of_a_line_can_be_changed(void **state)
{
        const Fixture *f = *state;
        size_t size, n_harmless = 0;
        char *text;

        ledger_free(history_fill(f));
        text = history_text(f, &size);
        for (size_t i = 0; i < size; i += 7) {
                char *copy = strndup(text, size);
                json_t *problems;

                copy[i] = (char)(copy[i] ^ 1);
                fixture_write(f, HISTORY_FILE, copy);
                problems = history_problems(f, NULL);
                n_harmless += json_array_size(problems) == 0;
                json_decref(problems);
                free(copy);
        }
        assert_int_equal(n_harmless, 0);
        free(text);
}

/* A line that nobody followed, put in beside the others. */
static void a_line_that_was_put_in_shows(void **state)
{
        const Fixture *f = *state;
        Ledger *l = history_fill(f);
        char line[400];

        (void)snprintf(line, sizeof(line),
                       "{\"time\":\"2026-11-21T21:00:00Z\",\"who\":\"eve\",\"action\":\"granted\","
                       "\"prev\":[\"%s\"]}\n",
                       l->history->lines[2].hash);
        ledger_free(l);
        history_append(f, line);
        assert_problem(f, "history: 2 lines are followed by none (7, 8)");
}

static void a_noted_head_must_be_there(void **state)
{
        const Fixture *f = *state;
        Ledger *l = history_fill(f);
        HistoryWitness w = { .head = NULL };
        char head[HISTORY_HASH];
        json_t *problems;

        assert_int_equal(ledger_revision(l, head), 0);
        ledger_free(l);
        w.head = head;
        problems = history_problems(f, &w);
        assert_int_equal(json_array_size(problems), 0);
        json_decref(problems);
        history_sed(f, "7d");
        problems = history_problems(f, &w);
        assert_problem_in(problems, "history: has no line");
        json_decref(problems);
}

static void a_line_cut_short_is_marked_and_the_history_goes_on(void **state) /* U05 */
{
        const Fixture *f = *state;
        json_t *lines;
        Ledger *l;

        ledger_free(history_fill(f));
        history_append(f, "{\"time\":\"2026-11-21T22:00:00Z\",\"who\":\"o");
        assert_problem(f, "history:8: was cut short");
        l = history_open(f);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
        ledger_free(l);
        assert_no_problem(f);
        lines = history_lines(f);
        assert_line(lines, 7, "torn", NULL, NULL);
        json_decref(lines);
        history_append(f, "{");
        l = history_open(f);
        history_grant(l, "g-3");
        ledger_free(l);
        assert_no_problem(f);
}

/* A crash, or an editor, that took nothing but the last newline. */
static void a_last_line_without_its_newline_is_a_line(void **state)
{
        const Fixture *f = *state;
        Ledger *l;

        ledger_free(history_fill(f));
        run_in(f->ledger, "truncate -s -1 history");
        assert_no_problem(f);
        l = history_open(f);
        history_grant(l, "g-3");
        assert_int_equal(history_heads(l->history, NULL, 0), 1);
        ledger_free(l);
        assert_no_problem(f);
}

/* L6, U09 */
static void whatever_is_put_in_is_one_bounded_line(void **state)
{
        const Fixture *f = *state;
        static const char *const hostile[] = {
                "a\nb\n{\"time\":\"x\"}\n",
                "\",\"action\":\"granted\",\"x\":\"",
                "\\",
                "\\\"",
                "\x1b[2J\x1b[31mred",
                "\xff\xfe\xc3(",
                "\xe2\x80\xae drawkcab",
                "\x01\x7f\xc2\x9b",
                "\xed\xa0\x80",
                "\xf0\x9f\x98\x80",
        };
        _cleanup_free_ char *large = malloc(65537);
        Ledger *l = history_fill(f);
        json_t *lines;
        size_t n;

        memset(large, '\n', 65536);
        large[65536] = '\0';
        for (size_t i = 0; i <= ELEMENTSOF(hostile); i++) {
                const char *text = i < ELEMENTSOF(hostile) ? hostile[i] : large;

                assert_int_equal(ledger_author(l, FIXTURE_NOW, text), 0);
                history_mark(l, "g-2", (int)i, text);
                assert_int_equal(ledger_record_publication(l, text, NULL, 0), 0);
        }
        ledger_free(l);
        assert_no_problem(f);
        lines = history_lines(f);
        n = json_array_size(lines);
        assert_int_equal(n, 7 + 2 * (ELEMENTSOF(hostile) + 1));
        assert_string_equal(line_text(lines, 7, "reason"), hostile[0]);
        assert_string_equal(line_text(lines, 9, "reason"), hostile[1]);
        assert_string_equal(line_text(lines, 9, "who"), hostile[1]);
        assert_string_equal(line_text(lines, 7 + 2 * 9, "to"), "");
        assert_string_equal(line_text(lines, 8 + 2 * 9, "to"), hostile[9]);
        json_decref(lines);
        assert_lines_are_bounded_and_printable(f);
}

/* More branches and more versions of a document than one line can name. */
static void many_branches_are_joined(void **state)
{
        const Fixture *f = *state;
        Ledger *l = history_fill(f);
        HistoryEntry e = { .action = HISTORY_CHANGED,
                           .who = "b@there",
                           .at_sec = FIXTURE_NOW,
                           .file = "owners/payments.json" };
        HistoryLinks links = { .n_prev = 1, .n_last = 1 };
        char after[HISTORY_HASH];

        links.prev[0] = l->history->lines[6].hash;
        links.last[0] = history_tip(l->history, e.file);
        e.before = l->history->lines[links.last[0]].after;
        e.after = after;
        for (int i = 0; i < 100; i++) {
                _cleanup_free_ char *line = NULL, *text = NULL;

                (void)snprintf(after, sizeof(after), "%064d", i);
                line = history_format(&e, l->history, &links);
                assert_true(asprintf(&text, "%s\n", line) > 0);
                history_append(f, text);
        }
        ledger_free(l);
        assert_problem(f, "history: 100 lines are followed by none");
        assert_problem(f, "owners/payments.json: is not what line");
        l = history_open(f);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
        assert_int_equal(history_heads(l->history, NULL, 0), 1);
        ledger_free(l);
        assert_no_problem(f);
        assert_lines_are_bounded_and_printable(f);
}

/* L4 */
static void a_broken_history_keeps_nobody_from_changing_the_ledger(void **state)
{
        const Fixture *f = *state;
        Ledger *l;

        ledger_free(history_fill(f));
        history_sed(f, "2s/.*/garbage/;4d;6s/CHG/chg/");
        l = history_open(f);
        assert_true(json_array_size(l->history->problems) >= 3);
        history_grant(l, "g-3");
        history_revoke(l, "g-3", "r");
        assert_int_equal(ledger_commit(l, FIXTURE_NOW, "me"), 0);
        ledger_free(l);
        assert_problem(f, "history:2: is no line of a history"); /* and it is never forgotten */
        assert_problem(f, "history:4: follows a line");
}

#define GIT                                                                                        \
        "git -c user.name=t -c user.email=t@t -c commit.gpgsign=false -c init.defaultBranch=m -C "

/* Two administrators, two clones, one document changed by both; merged by git as .gitattributes
 * says. */
static void branches_are_merged_by_git(void **state)
{
        const Fixture *f = *state;
        Fixture other = *f;
        Ledger *l;

        if (system("git --version >/dev/null 2>&1") != 0)
                skip();
        ledger_free(history_fill(f));
        run_in(f->ledger, GIT ". init -q && " GIT ". add -A . && " GIT ". commit -qm base");
        (void)snprintf(other.ledger, sizeof(other.ledger), "%s/other", f->root);
        run_in(f->root, "git clone -q ledger other");

        l = history_open(f);
        history_grant(l, "g-here");
        history_mark(l, "g-2", 1, "here");
        assert_int_equal(ledger_commit(l, FIXTURE_NOW + 1, "a@here"), 0);
        ledger_free(l);
        run_in(f->ledger, GIT ". add -A . && " GIT ". commit -qm here");
        l = history_open(&other);
        history_grant(l, "g-there");
        history_mark(l, "g-2", 2, "there");
        assert_int_equal(ledger_commit(l, FIXTURE_NOW + 2, "b@there"), 0);
        ledger_free(l);
        run_in(other.ledger, GIT ". add -A . && " GIT ". commit -qm there");

        /* The document that both changed is somebody's to decide; history is nobody's. */
        run_in(f->ledger,
               "! " GIT ". pull -q --no-rebase ../other m >/dev/null 2>&1 && "
               "test \"$(" GIT ". diff --name-only --diff-filter=U)\" = grants/g-2.json && " GIT
               ". checkout -q --theirs grants/g-2.json && " GIT ". add -A . && " GIT
               ". commit -qm merged");
        assert_problem(f, "history: 2 lines are followed by none");
        l = history_open(f);
        assert_int_equal(json_array_size(l->history->problems), 0);
        assert_int_equal(ledger_settle(l, "merged", NULL), 0);
        assert_int_equal(ledger_commit(l, FIXTURE_NOW + 3, "a@here"), 0);
        ledger_free(l);
        assert_no_problem(f);
        assert_file_has(f, HISTORY_FILE, "\"action\":\"joined\",\"file\":\"grants/g-2.json\"");
}

#define HISTORY_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                HISTORY_TEST(each_change_has_its_line_and_follows_the_one_before),
                HISTORY_TEST(an_old_ledger_begins_with_what_stands_there),
                HISTORY_TEST(a_ledger_whose_settings_were_written_by_hand_is_fit_for_git_too),
                HISTORY_TEST(what_is_edited_by_hand_is_named_and_adopted),
                HISTORY_TEST(two_edits_of_one_document_are_two_lines),
                HISTORY_TEST(every_kind_of_tampering_is_named),
                HISTORY_TEST(no_byte_of_a_line_can_be_changed),
                HISTORY_TEST(a_line_that_was_put_in_shows),
                HISTORY_TEST(a_noted_head_must_be_there),
                HISTORY_TEST(a_line_cut_short_is_marked_and_the_history_goes_on),
                HISTORY_TEST(a_last_line_without_its_newline_is_a_line),
                HISTORY_TEST(whatever_is_put_in_is_one_bounded_line),
                HISTORY_TEST(many_branches_are_joined),
                HISTORY_TEST(a_broken_history_keeps_nobody_from_changing_the_ledger),
                HISTORY_TEST(branches_are_merged_by_git),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
