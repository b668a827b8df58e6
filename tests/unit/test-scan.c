/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/set/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static ScanResult scanned(const char *text, size_t size)
{
        size_t used = 0;

        return scan_value(&(Scan){ 0 }, text, size, &used);
}

/* Found by tests/fuzz/fuzz-set.c: the bit of depth 64 is none of a 64-bit word's. */
static void arrays_within_each_other_are_counted_up_to_the_limit_and_no_further(void **state)
{
        char text[SCAN_DEPTH_MAX + 1];

        memset(text, '[', sizeof(text));
        assert_int_equal(scanned(text, SCAN_DEPTH_MAX), SCAN_MORE);
        assert_int_equal(scanned(text, SCAN_DEPTH_MAX + 1), SCAN_E_DEPTH);
        memset(text, '{', sizeof(text));
        assert_int_equal(scanned(text, SCAN_DEPTH_MAX + 1), SCAN_E_DEPTH);
}

static void a_bracket_closes_its_own_kind_only(void **state)
{
        assert_int_equal(scanned("[{}]", 4), SCAN_END);
        assert_int_equal(scanned("[{]}", 4), SCAN_E_BRACKET);
        assert_int_equal(scanned("{\"]\":[\"\\\"}\"]}", 13), SCAN_END);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(
                        arrays_within_each_other_are_counted_up_to_the_limit_and_no_further),
                cmocka_unit_test(a_bracket_closes_its_own_kind_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
