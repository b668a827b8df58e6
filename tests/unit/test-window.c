/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/core/window.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 2025-11-24 is a Monday. */
#define MONDAY                INT64_C(1763942400)
#define AT(day, hour, minute) (MONDAY + (day)*86400 + (hour)*3600 + (minute)*60)

static Window parsed(const char *text)
{
        Window w = { 0 };

        assert_int_equal(window_parse(text, &w), 0);
        return w;
}

static void window_parses_the_grammar(void **state)
{
        static const struct {
                const char *text;
                uint8_t days;
                uint16_t begin, end;
        } cases[] = {
                { "Sat,Sun 01:00..05:00 UTC", 0x60, 60, 300 },
                { "00:00..24:00 UTC", 0x7f, 0, 1440 },
                { "Mon..Fri 08:30..17:00 UTC", 0x1f, 510, 1020 },
                { "Sat..Mon 22:00..02:00 UTC", 0x61, 1320, 1560 },
                { "Mon,Wed..Fri,Sun 00:01..00:02 UTC", 0x5d, 1, 2 },
                { "Tue 12:00..12:00 UTC", 0x02, 720, 2160 },
                { "23:59..00:00 UTC", 0x7f, 1439, 1440 },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                Window w = parsed(cases[i].text);

                assert_int_equal(w.days, cases[i].days);
                assert_int_equal(w.begin, cases[i].begin);
                assert_int_equal(w.end, cases[i].end);
        }
}

static void window_refuses_what_is_outside_the_grammar(void **state)
{
        static const char *const bad[] = {
                "",
                " ",
                "UTC",
                "Sat",
                "Sat 01:00",
                "Sat 01:00..05:00",
                "Sat 01:00..05:00 CET",
                "Sat 01:00..05:00 UTC ",
                " Sat 01:00..05:00 UTC",
                "Sat  01:00..05:00 UTC",
                "sat 01:00..05:00 UTC",
                "Sat, Sun 01:00..05:00 UTC",
                "Sat,,Sun 01:00..05:00 UTC",
                "Sat, 01:00..05:00 UTC",
                "Sat.. 01:00..05:00 UTC",
                "Saturday 01:00..05:00 UTC",
                "1:00..05:00 UTC",
                "01:60..05:00 UTC",
                "24:01..25:00 UTC",
                "24:00..05:00 UTC",
                "01:00..24:01 UTC",
                "01:00-05:00 UTC",
                "-1:00..05:00 UTC",
                "01:00..05:00 UTC\n",
                "01:00..05:0",
        };
        Window w = { .days = 9, .begin = 9, .end = 9 };

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                if (window_parse(bad[i], &w) != -EINVAL)
                        fail_msg("parsed: '%s'", bad[i]);
                assert_int_equal(w.days, 9); /* untouched */
        }
        assert_int_equal(window_parse(NULL, &w), -EINVAL);
}

static void window_opens_at_its_begin_and_closes_at_its_end(void **state)
{
        Window w = parsed("Sat,Sun 01:00..05:00 UTC");
        int64_t end = 7;

        assert_false(window_is_open(&w, AT(5, 1, 0) - 1, &end));
        assert_int_equal(end, 7);
        assert_true(window_is_open(&w, AT(5, 1, 0), &end));
        assert_int_equal(end, AT(5, 5, 0));
        assert_true(window_is_open(&w, AT(6, 5, 0) - 1, &end));
        assert_int_equal(end, AT(6, 5, 0));
        assert_false(window_is_open(&w, AT(6, 5, 0), &end));
        assert_false(window_is_open(&w, AT(0, 2, 0), &end));
}

static void window_over_midnight_belongs_to_the_day_it_begins_on(void **state)
{
        Window w = parsed("Sun 22:00..02:00 UTC");
        int64_t end = 0;

        assert_true(window_is_open(&w, AT(6, 23, 0), &end));
        assert_int_equal(end, AT(7, 2, 0));
        assert_true(window_is_open(&w, AT(7, 1, 59), &end)); /* Monday */
        assert_int_equal(end, AT(7, 2, 0));
        assert_false(window_is_open(&w, AT(6, 1, 0), &end)); /* Sunday itself */
        assert_false(window_is_open(&w, AT(7, 22, 0), &end));
}

static void window_of_a_whole_day_and_more_hands_over_at_its_begin(void **state)
{
        Window w = parsed("12:00..12:00 UTC");
        int64_t end = 0;

        assert_true(window_is_open(&w, AT(2, 11, 59), &end));
        assert_int_equal(end, AT(2, 12, 0));
        assert_true(window_is_open(&w, AT(2, 12, 0), &end));
        assert_int_equal(end, AT(3, 12, 0));
}

static void window_zeroed_is_never_open(void **state)
{
        const Window w = { 0 };
        int64_t end = 0;

        for (int hour = 0; hour < 7 * 24; hour++)
                assert_false(window_is_open(&w, AT(0, hour, 0), &end));
}

static void window_counts_days_from_the_epoch_to_year_9999(void **state)
{
        Window w = parsed("Thu 00:00..24:00 UTC"), friday = parsed("Fri 00:00..24:00 UTC");
        int64_t end = 0;

        assert_true(window_is_open(&w, 0, &end)); /* 1970-01-01 was a Thursday */
        assert_int_equal(end, 86400);
        assert_false(window_is_open(&w, -1, &end));
        assert_true(window_is_open(&friday, INT64_C(253402300799), &end)); /* T09 */
        assert_false(window_is_open(&friday, INT64_MAX, &end));
        assert_false(window_is_open(&friday, INT64_MIN, &end));
        /* 2038-01-19T03:14:08Z, a Tuesday */
        w = parsed("Tue 03:14..03:15 UTC");
        assert_true(window_is_open(&w, INT64_C(2147483648), &end));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(window_parses_the_grammar),
                cmocka_unit_test(window_refuses_what_is_outside_the_grammar),
                cmocka_unit_test(window_opens_at_its_begin_and_closes_at_its_end),
                cmocka_unit_test(window_over_midnight_belongs_to_the_day_it_begins_on),
                cmocka_unit_test(window_of_a_whole_day_and_more_hands_over_at_its_begin),
                cmocka_unit_test(window_zeroed_is_never_open),
                cmocka_unit_test(window_counts_days_from_the_epoch_to_year_9999),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
