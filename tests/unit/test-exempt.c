/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/name.h"
#include "lib/gate/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void a_line_exempts_its_account_for_its_class(void **state)
{
        static const char text[] =
                "# who is never gated\n\nroot login\n\troot \t cron \nops-* ss?\n"
                "break-glass *";

        assert_true(exempt_match(text, "root", "login", NULL));
        assert_true(exempt_match(text, "root", "cron", NULL));
        assert_true(exempt_match(text, "ops-anna", "ssh", NULL));
        assert_true(exempt_match(text, "break-glass", "pam:any", NULL));
        assert_false(exempt_match(text, "root", "ssh", NULL));
        assert_false(exempt_match(text, "root", "su", NULL));
        assert_false(exempt_match(text, "roo", "login", NULL));
        assert_false(exempt_match(text, "#", "who", NULL));
        assert_false(exempt_match("", "root", "login", NULL));
}

static void a_line_that_does_not_parse_exempts_nobody_and_the_others_hold(void **state)
{
        unsigned bad = 77;

        assert_true(exempt_match("root\nroot login\n* * *\n", "root", "login", &bad));
        assert_int_equal(bad, 1);
        assert_false(exempt_match("root login\n*\n* * *\n", "john", "login", &bad));
        assert_int_equal(bad, 2);
        assert_false(exempt_match("root login # console\n", "root", "login", &bad));
        assert_int_equal(bad, 1);
        assert_true(exempt_match("root login\n", "root", "login", &bad));
        assert_int_equal(bad, 0);
}

static void a_carriage_return_is_reported_and_not_matched(void **state)
{
        unsigned bad = 0;

        assert_false(exempt_match("root login\r\n", "root", "login\r", &bad));
        assert_int_equal(bad, 1);
}

static void fields_hold_label_size_max_bytes_and_not_one_more(void **state)
{
        char text[LABEL_SIZE_MAX + 16], name[LABEL_SIZE_MAX + 2];
        unsigned bad = 0;

        for (size_t n = LABEL_SIZE_MAX; n <= LABEL_SIZE_MAX + 1; n++) {
                memset(name, 'x', n);
                name[n] = '\0';
                snprintf(text, sizeof(text), "%s ssh\n", name);
                assert_int_equal(exempt_match(text, name, "ssh", &bad), n == LABEL_SIZE_MAX);
                assert_int_equal(bad, n == LABEL_SIZE_MAX ? 0 : 1);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_line_exempts_its_account_for_its_class),
                cmocka_unit_test(a_line_that_does_not_parse_exempts_nobody_and_the_others_hold),
                cmocka_unit_test(a_carriage_return_is_reported_and_not_matched),
                cmocka_unit_test(fields_hold_label_size_max_bytes_and_not_one_more),
        };

        return cmocka_run_group_tests_name("exempt", tests, NULL, NULL);
}
