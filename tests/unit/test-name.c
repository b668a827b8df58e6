/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char *filled(char *buf, char c, size_t n)
{
        memset(buf, c, n);
        buf[n] = '\0';
        return buf;
}

static void strict_names_are_what_useradd_takes(void **state)
{
        static const char *const good[] = { "a", "_", "svc-deploy", "_x9", "a_b-c9" };
        static const char *const bad[] = { "",      "9a",       "-a",  "0x0", "1000",        "A",
                                           "aB",    "a.b",      "a b", "a\n", "svc:x",       "a/b",
                                           "root$", "\xc3\xa4", "a@b", "a,b", "svc-deploy\n" };
        char buf[64];

        assert_false(name_is_strict(NULL));
        for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
                assert_true(name_is_strict(good[i]));
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                assert_false(name_is_strict(bad[i]));
        assert_true(name_is_strict(filled(buf, 'a', NAME_MAX_SIZE)));
        assert_false(name_is_strict(filled(buf, 'a', NAME_MAX_SIZE + 1)));
}

static void names_of_ungated_people_are_sane(void **state)
{
        static const char *const good[] = {
                "john.doe", "CORP\\x", "a@b", "\xc3\xa4", "a b", "0x0"
        };
        static const char *const bad[] = { "", "a/b", "a:b", "a\n", "\x7f", "a\tb", "\x1b[2J" };
        char buf[300];

        assert_false(name_is_sane(NULL));
        for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
                assert_true(name_is_sane(good[i]));
        for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
                assert_false(name_is_sane(bad[i]));
        assert_true(name_is_sane(filled(buf, 'x', LABEL_SIZE_MAX)));
        assert_false(name_is_sane(filled(buf, 'x', LABEL_SIZE_MAX + 1)));
}

static void labels_may_hold_what_names_may_not_but_no_control_character(void **state)
{
        char buf[300];

        assert_true(label_is_sane("DOM/a:b"));
        assert_false(label_is_sane(NULL));
        assert_false(label_is_sane(""));
        assert_false(label_is_sane("a\x01"));
        assert_true(label_is_sane(filled(buf, 'x', LABEL_SIZE_MAX)));
        assert_false(label_is_sane(filled(buf, 'x', LABEL_SIZE_MAX + 1)));
}

static void jti_has_1_to_64_plain_characters(void **state)
{
        char buf[80];

        assert_true(jti_is_valid("g-01JD9Z"));
        assert_true(jti_is_valid("9.a_b-C"));
        assert_false(jti_is_valid(NULL));
        assert_false(jti_is_valid(""));
        assert_false(jti_is_valid(".a"));
        assert_false(jti_is_valid("-a"));
        assert_false(jti_is_valid("a/b"));
        assert_false(jti_is_valid("a b"));
        assert_false(jti_is_valid("../x"));
        assert_true(jti_is_valid(filled(buf, 'g', 64)));
        assert_false(jti_is_valid(filled(buf, 'g', 65)));
}

static void ids_of_ours_lie_in_one_range_V30(void **state)
{
        assert_true(id_is_assignable(65536));
        assert_true(id_is_assignable(99999));
        assert_false(id_is_assignable(65535));
        assert_false(id_is_assignable(100000));
        assert_false(id_is_assignable(0));
        assert_false(id_is_assignable(65534));
        assert_false(id_is_assignable(61184));
        assert_false(id_is_assignable(524288));
        assert_false(id_is_assignable(4294967295));
        assert_false(id_is_assignable(4294967296ull + 65536));
}

static void globs_match_whole_strings(void **state)
{
        static const struct {
                const char *pattern, *text;
                bool matches;
        } rows[] = {
                { "svc-*", "svc-deploy", true },
                { "svc-*", "svc-", true },
                { "svc-*", "xsvc-a", false },
                { "svc-?", "svc-a", true },
                { "svc-?", "svc-", false },
                { "svc-?", "svc-ab", false },
                { "*", "", true },
                { "", "", true },
                { "", "a", false },
                { "a", "", false },
                { "*a*b", "xxaxxbxb", true },
                { "*a*b", "xxaxxbxc", false },
                { "**", "a", true },
                { "a**b", "ab", true },
                { "[abc]x", "bx", true },
                { "[abc]x", "dx", false },
                { "[a-c]", "b", true },
                { "[a-c]", "d", false },
                { "[!a-c]", "d", true },
                { "[!a-c]", "a", false },
                { "[^a]", "b", true },
                { "[]a]", "]", true },
                { "[!]a]", "]", false },
                { "[a-]", "-", true },
                { "[", "[", true },
                { "[a", "[a", true },
                { "\\*", "*", true },
                { "\\*", "a", false },
                { "CORP\\\\x", "CORP\\x", true },
                { "a\\", "a\\", true },
                { "*[0-9]", "web12", true },
                { "*[0-9]", "web", false },
                { ".*", ".a", true },
                { "*", "a/b", true },
                { "SVC", "svc", false },
                { "\xff*", "\xff\xfe", true },
        };

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
                if (glob_match(rows[i].pattern, rows[i].text) != rows[i].matches)
                        fail_msg("%s against %s", rows[i].pattern, rows[i].text);
        assert_false(glob_match(NULL, "a"));
        assert_false(glob_match("*", NULL));
}

/* With exponential backtracking this would not end within the life of the machine. */
static void globs_take_no_exponential_time(void **state)
{
        char text[4001];

        assert_false(glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", filled(text, 'a', 4000)));
}

static void escaped_text_breaks_no_log_line_O13(void **state)
{
        char buf[32];

        assert_string_equal(text_escape(buf, sizeof(buf), "a\nb\"c\\\x7f"),
                            "a\\x0ab\\x22c\\x5c\\x7f");
        assert_string_equal(text_escape(buf, sizeof(buf), "\xc3\xa4 b"), "\xc3\xa4 b");
        assert_string_equal(text_escape(buf, sizeof(buf), NULL), "");
        assert_string_equal(text_escape(buf, 4, "abc"), "abc");
        assert_string_equal(text_escape(buf, 3, "abc"), "ab");
        /* An escape that does not fit whole is left out. */
        assert_string_equal(text_escape(buf, 5, "\n"), "\\x0a");
        assert_string_equal(text_escape(buf, 4, "\n"), "");
        assert_string_equal(text_escape(buf, 1, "a"), "");
        /* Nor is a character. */
        assert_string_equal(text_escape(buf, 4, "ab\xc3\xa4"), "ab");
        assert_string_equal(text_escape(buf, 5, "ab\xc3\xa4"), "ab\xc3\xa4");
}

/* C1 controls move cursors and set titles, U+202E turns a line round; what is no UTF-8 may be
 * either, to a terminal that reads bytes. */
static void nothing_that_hides_or_moves_is_shown_O13(void **state)
{
        static const struct {
                const char *text, *shown;
        } rows[] = {
                { "a\xc2\x9b"
                  "2J",
                  "a\\xc2\\x9b2J" },
                { "\xc2\x80\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9f\xc2\xa0" },
                { "\xe2\x80\xae", "\\xe2\\x80\\xae" },
                { "\xe2\x80\xa7\xe2\x80\xaf", "\xe2\x80\xa7\xe2\x80\xaf" },
                { "\xe2\x81\xa6\xe2\x81\xa9", "\\xe2\\x81\\xa6\\xe2\\x81\\xa9" },
                { "\xe2\x81\xa5\xe2\x81\xaa", "\xe2\x81\xa5\xe2\x81\xaa" },
                { "\x9b\xff", "\\x9b\\xff" },
                { "\xc3", "\\xc3" },
                { "\xe2\x80", "\\xe2\\x80" },
                { "\xc0\x9b", "\\xc0\\x9b" },
                { "\xe0\x82\x9b", "\\xe0\\x82\\x9b" },
                { "\xf0\x80\x82\x9b", "\\xf0\\x80\\x82\\x9b" },
                { "\xed\xa0\x80", "\\xed\\xa0\\x80" },
                { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },
                { "\xf0\x9f\x94\x91\xed\x9f\xbf", "\xf0\x9f\x94\x91\xed\x9f\xbf" },
        };
        char buf[64];

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                assert_string_equal(text_escape(buf, sizeof(buf), rows[i].text), rows[i].shown);
                assert_string_equal(text_visible(buf, sizeof(buf), rows[i].text), rows[i].shown);
        }
        assert_string_equal(text_visible(buf, sizeof(buf), "\"it's\" \\\n"), "\"it's\" \\\\x0a");
        assert_string_equal(text_visible(buf, sizeof(buf), NULL), "");
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(strict_names_are_what_useradd_takes),
                cmocka_unit_test(names_of_ungated_people_are_sane),
                cmocka_unit_test(labels_may_hold_what_names_may_not_but_no_control_character),
                cmocka_unit_test(jti_has_1_to_64_plain_characters),
                cmocka_unit_test(ids_of_ours_lie_in_one_range_V30),
                cmocka_unit_test(globs_match_whole_strings),
                cmocka_unit_test(globs_take_no_exponential_time),
                cmocka_unit_test(escaped_text_breaks_no_log_line_O13),
                cmocka_unit_test(nothing_that_hides_or_moves_is_shown_O13),
        };

        return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
