/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/core/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reason_zero_is_no_grant(void **state)
{
        assert_int_equal(0, REASON_NO_GRANT);
        assert_string_equal(reason_token((Reason)0), "no-grant");
}

static void reason_tokens_are_distinct_and_lead_back(void **state)
{
        for (int i = 0; i < REASON_N; i++) {
                assert_int_equal(reason_from_token(reason_token((Reason)i)), i);
                assert_true(strspn(reason_token((Reason)i), "abcdefghijklmnopqrstuvwxyz-") ==
                            strlen(reason_token((Reason)i)));
        }
}

static void reason_says_why_and_what_to_do_for_every_denial(void **state)
{
        for (int i = 0; i < REASON_N; i++) {
                assert_true(strlen(reason_sentence((Reason)i)) > 10);
                if (i != REASON_GRANTED)
                        assert_true(strlen(reason_advice((Reason)i)) > 5);
        }
}

static void reason_unknown_values_read_as_bad_request(void **state)
{
        assert_string_equal(reason_token(REASON_N), "bad-request");
        assert_string_equal(reason_token((Reason)-1), "bad-request");
        assert_string_equal(reason_sentence((Reason)99), reason_sentence(REASON_BAD_REQUEST));
        assert_string_equal(reason_advice((Reason)99), reason_advice(REASON_BAD_REQUEST));
}

static void reason_unknown_tokens_have_no_value(void **state)
{
        assert_int_equal(reason_from_token("no such reason"), -1);
        assert_int_equal(reason_from_token(""), -1);
        assert_int_equal(reason_from_token(NULL), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(reason_zero_is_no_grant),
                cmocka_unit_test(reason_tokens_are_distinct_and_lead_back),
                cmocka_unit_test(reason_says_why_and_what_to_do_for_every_denial),
                cmocka_unit_test(reason_unknown_values_read_as_bad_request),
                cmocka_unit_test(reason_unknown_tokens_have_no_value),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
