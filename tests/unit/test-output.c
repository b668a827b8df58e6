/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/output.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char text[8192];
static int saved = -EBADF, captured = -EBADF;
static FILE *stream;

static void capture(FILE *f)
{
        stream = f;
        (void)fflush(f);
        saved = dup(fileno(f));
        captured = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        assert_true(captured >= 0);
        assert_true(dup2(captured, fileno(f)) >= 0);
}

static const char *captured_text(void)
{
        ssize_t n;

        (void)fflush(stream);
        (void)dup2(saved, fileno(stream));
        (void)close(saved);
        n = pread(captured, text, sizeof(text) - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        (void)close(captured);
        return text;
}

static void documents_bear_their_schema(void **state)
{
        capture(stdout);
        assert_int_equal(output_document(json_pack("{s:s}", "b", "x")), 0);
        assert_string_equal(captured_text(), "{\n  \"b\": \"x\",\n  \"schema\": 1\n}\n");
        assert_int_equal(output_document(NULL), -ENOMEM);
}

static void changed_is_a_word_or_a_member(void **state)
{
        const Output plain = { 0 }, json = { .json = true };

        capture(stdout);
        assert_int_equal(output_changed(&plain, true), 0);
        assert_int_equal(output_changed(&plain, false), 0);
        assert_int_equal(output_changed(&json, true), 0);
        assert_string_equal(captured_text(),
                            "changed\nunchanged\n{\n  \"changed\": true,\n  \"schema\": 1\n}\n");
}

/* In parentheses: cmocka has a macro of this name. */
static void talk_carries_no_control_character(void **state)
{
        capture(stderr);
        assert_int_equal((fail)(5, "%s", "a\033[31mb\rc\x7f \"d\" \\"), 5);
        assert_string_equal(captured_text(), "nhictl: a\\x1b[31mb\\x0dc\\x7f \"d\" \\\n");
}

#define HOSTILE                                                                                    \
        "a\xc2\x9b" /* CSI */ "2J\xc2\x9d" /* OSC */ "\xe2\x80\xae" /* U+202E */ "\x9b\xc3\xa4"
#define HOSTILE_SHOWN "a\\xc2\\x9b2J\\xc2\\x9d\\xe2\\x80\\xae\\x9b\xc3\xa4"

static void talk_and_what_is_shown_move_no_cursor_O13(void **state)
{
        const Output colored = { .color = true };

        capture(stderr);
        say("%s\nsecond", HOSTILE);
        assert_string_equal(captured_text(), "nhictl: " HOSTILE_SHOWN "\nsecond\n");
        capture(stdout);
        show("%s \"d\" \\", HOSTILE);
        show("%s\n", "one\nline\n");
        show_shaded(&colored, SHADE_BAD, "\033[2J");
        assert_string_equal(captured_text(), HOSTILE_SHOWN " \"d\" \\one\\x0aline\\x0a\n"
                                                           "\033[1;31m\\x1b[2J\033[0m");
}

/* A socket of packets shows each write by itself. */
static void talk_is_written_at_once(void **state)
{
        int pair[2], stderr_saved = dup(STDERR_FILENO);
        char packet[64];
        ssize_t n;

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        assert_true(dup2(pair[0], STDERR_FILENO) >= 0);
        say("one %s", "line");
        (void)dup2(stderr_saved, STDERR_FILENO);
        (void)close(stderr_saved);
        n = recv(pair[1], packet, sizeof(packet) - 1, MSG_DONTWAIT);
        packet[n > 0 ? n : 0] = '\0';
        assert_string_equal(packet, "nhictl: one line\n");
        (void)close(pair[0]);
        (void)close(pair[1]);
}

static void colour_is_chosen_by_option_then_no_color(void **state)
{
        Output o;

        output_init(&o, false, "always");
        assert_true(o.color);
        output_init(&o, true, "always"); /* JSON is never coloured */
        assert_false(o.color);
        output_init(&o, false, "never");
        assert_false(o.color);
        assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
        output_init(&o, false, "always");
        assert_true(o.color);
        output_init(&o, false, "auto");
        assert_false(o.color);
        assert_int_equal(unsetenv("NO_COLOR"), 0);
}

static void print_table(const Output *o, const char *cell, bool with_row)
{
        static const char *const headings[] = { "NAME", "WHY", NULL };
        Table *t = NULL;

        assert_int_equal(table_new(o, headings, &t), 0);
        if (with_row) {
                assert_int_equal(table_row(t, (const char *const[]){ cell, NULL }), 0);
                table_shade(t, 0, SHADE_BAD);
        }
        assert_int_equal(table_print(t), 0);
        table_free(t);
}

static void tables_show_whole_texts_and_dashes_for_nothing(void **state)
{
        const Output plain = { 0 };
        char cell[300];

        memset(cell, 'a', sizeof(cell) - 1);
        cell[sizeof(cell) - 1] = '\0';
        capture(stdout);
        print_table(&plain, cell, true);
        assert_non_null(strstr(captured_text(), cell));
        assert_non_null(strstr(text, " -\n"));
        assert_int_equal(strncmp(text, "NAME", 4), 0);
}

static void an_empty_table_prints_nothing(void **state)
{
        const Output plain = { 0 };

        capture(stdout);
        print_table(&plain, NULL, false);
        assert_string_equal(captured_text(), "");
}

static void cells_carry_no_escape_of_their_own(void **state)
{
        const Output plain = { 0 }, colored = { .color = true };

        capture(stdout);
        print_table(&plain, "x\033[2Jy", true);
        assert_null(strchr(captured_text(), '\033'));
        capture(stdout);
        print_table(&plain, HOSTILE, true);
        assert_null(strstr(captured_text(), "\xe2\x80\xae"));
        assert_null(strstr(text, "\xc2\x9b"));
        capture(stdout);
        print_table(&colored, "x", true);
        assert_non_null(strchr(captured_text(), '\033'));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(documents_bear_their_schema),
                cmocka_unit_test(changed_is_a_word_or_a_member),
                cmocka_unit_test(talk_carries_no_control_character),
                cmocka_unit_test(talk_and_what_is_shown_move_no_cursor_O13),
                cmocka_unit_test(talk_is_written_at_once),
                cmocka_unit_test(colour_is_chosen_by_option_then_no_color),
                cmocka_unit_test(tables_show_whole_texts_and_dashes_for_nothing),
                cmocka_unit_test(an_empty_table_prints_nothing),
                cmocka_unit_test(cells_carry_no_escape_of_their_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
