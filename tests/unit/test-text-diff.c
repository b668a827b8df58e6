/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/text-diff: what an administrator reads before anything is changed. */

#include "nhictl/pam/text-diff.h"

#include "lib/base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void expect(const char *before, const char *after, const char *text)
{
        _cleanup_free_ char *printed = NULL;
        TextDiff d = { .n = 0 };
        size_t size = 0;
        FILE *f = open_memstream(&printed, &size);

        assert_non_null(f);
        assert_int_equal(text_diff(before, after, &d), 0);
        text_diff_print(&d, "a", "b", f);
        assert_int_equal(fclose(f), 0);
        assert_string_equal(printed, text);
        text_diff_done(&d);
}

static void equal_texts_print_nothing(void **state)
{
        expect("", "", "");
        expect("x\ny\n", "x\ny\n", "");
}

static void the_lines_are_those_of_diff_u(void **state)
{
        expect("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nnew\n5\n6\n7\n8\n",
               "--- a\n+++ b\n@@ -2,6 +2,7 @@\n 2\n 3\n 4\n+new\n 5\n 6\n 7\n");
        expect("old\n", "new\n", "--- a\n+++ b\n@@ -1,1 +1,1 @@\n-old\n+new\n");
        expect("", "new\n", "--- a\n+++ b\n@@ -0,0 +1,1 @@\n+new\n");
        expect("old\n", "", "--- a\n+++ b\n@@ -1,1 +0,0 @@\n-old\n");
        expect("a\nb\n", "a\n", "--- a\n+++ b\n@@ -1,2 +1,1 @@\n a\n-b\n");
}

static void changes_far_apart_are_hunks_of_their_own(void **state)
{
        expect("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n1\n2\n3\n4\n5\n6\n7\n8\ny\n",
               "--- a\n+++ b\n@@ -1,3 +1,4 @@\n+x\n 1\n 2\n 3\n@@ -6,3 +7,4 @@\n 6\n 7\n 8\n+y\n");
        expect("1\n2\n3\n4\n5\n6\n", "x\n1\n2\n3\n4\n5\n6\ny\n",
               "--- a\n+++ b\n@@ -1,6 +1,8 @@\n+x\n 1\n 2\n 3\n 4\n 5\n 6\n+y\n");
}

static void control_characters_are_escaped_and_tabs_are_not(void **state)
{
        expect("", "a\tb\033[0m\n", "--- a\n+++ b\n@@ -0,0 +1,1 @@\n+a\tb\\x1b[0m\n");
}

static void a_moved_line_is_removed_and_added(void **state)
{
        TextDiff d = { .n = 0 };

        assert_int_equal(text_diff("gate\nunix\ndeny\n", "unix\ngate\ndeny\n", &d), 0);
        assert_int_equal(d.n_changed, 2);
        assert_int_equal(d.n, 4);
        text_diff_done(&d);
}

/* N and N+1: beyond the limit all of it is taken out and put in anew. */
static size_t changed_of(size_t n_lines)
{
        _cleanup_free_ char *before = NULL, *after = NULL;
        TextDiff d = { .n = 0 };
        size_t size, n_changed;
        FILE *a = open_memstream(&before, &size), *b = open_memstream(&after, &size);

        assert_true(a && b);
        for (size_t i = 0; i < n_lines; i++) {
                bool differs = i == 0 || i == n_lines - 1;

                fprintf(a, "%zu\n", i);
                fprintf(b, "%zu%s\n", i, differs ? "x" : "");
        }
        assert_int_equal(fclose(a) | fclose(b), 0);
        assert_int_equal(text_diff(before, after, &d), 0);
        n_changed = d.n_changed;
        text_diff_done(&d);
        return n_changed;
}

static void beyond_the_limit_everything_differs(void **state)
{
        assert_int_equal(changed_of(TEXT_DIFF_LINES_MAX), 4);
        assert_int_equal(changed_of(TEXT_DIFF_LINES_MAX + 1), 2 * (TEXT_DIFF_LINES_MAX + 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(equal_texts_print_nothing),
                cmocka_unit_test(the_lines_are_those_of_diff_u),
                cmocka_unit_test(changes_far_apart_are_hunks_of_their_own),
                cmocka_unit_test(control_characters_are_escaped_and_tabs_are_not),
                cmocka_unit_test(a_moved_line_is_removed_and_added),
                cmocka_unit_test(beyond_the_limit_everything_differs),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
