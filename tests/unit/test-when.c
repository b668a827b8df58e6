/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/when.h"

#include "lib/base/macro.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void durations_are_units_in_descending_order(void **state)
{
        static const struct {
                const char *text;
                int64_t sec;
        } good[] = {
                { "1s", 1 },      { "90s", 90 },     { "30m", 1800 },       { "8h", 28800 },
                { "7d", 604800 }, { "1h30m", 5400 }, { "1d1h1m1s", 90061 }, { "3650d", 315360000 },
        };
        static const char *const bad[] = {
                "",     "0s",   "0d0s", "5",  "s",  "-5m",   "5 m",     "5m ",
                "1m1h", "1h1h", "1.5h", "1w", "1H", "3651d", "3650d1s", "99999999999999999999s",
        };
        int64_t sec;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(when_parse_duration(good[i].text, &sec), 0);
                assert_int_equal(sec, good[i].sec);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                sec = 42;
                assert_int_equal(when_parse_duration(bad[i], &sec), -EINVAL);
                assert_int_equal(sec, 42);
        }
}

static void times_are_rfc_3339(void **state)
{
        static const struct {
                const char *text;
                int64_t sec;
        } good[] = {
                { "1970-01-01T00:00:01Z", 1 },
                { "2026-11-21T22:00:00Z", 1795298400 },
                { "2026-11-21T22:00:00z", 1795298400 },
                { "2026-11-21t22:00:00Z", 1795298400 },
                { "2026-11-21 23:00:00+01:00", 1795298400 },
                { "2026-11-21T17:30:00.999-04:30", 1795298400 },
                { "2024-02-29T00:00:00Z", 1709164800 },
                { "9999-12-31T23:59:59Z", 253402300799 },
        };
        static const char *const bad[] = {
                "",
                "2026-11-21",
                "2026-11-21T22:00:00",
                "2026-11-21T22:00Z",
                "2026-11-21T24:00:00Z",
                "2026-11-21T22:60:00Z",
                "2026-11-21T23:59:60Z",
                "2026-11-31T22:00:00Z",
                "2025-02-29T00:00:00Z",
                "2100-02-29T00:00:00Z",
                "2026-13-01T00:00:00Z",
                "2026-00-01T00:00:00Z",
                "0000-01-01T00:00:00Z",
                "2026-11-21T22:00:00-00:00",
                "2026-11-21T22:00:00+24:00",
                "2026-11-21T22:00:00.Z",
                "2026-11-21T22:00:00Zx",
                "2026-11-21T22:00:00+0100",
                "+026-11-21T22:00:00Z",
        };
        int64_t sec;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                assert_int_equal(when_parse_time(good[i].text, &sec), 0);
                assert_int_equal(sec, good[i].sec);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(when_parse_time(bad[i], &sec), -EINVAL);
}

static void points_count_from_now_in_their_direction(void **state)
{
        int64_t sec;

        assert_int_equal(when_parse_point("30m", 10000, 1, &sec), 0);
        assert_int_equal(sec, 11800);
        assert_int_equal(when_parse_point("30m", 10000, -1, &sec), 0);
        assert_int_equal(sec, 8200);
        assert_int_equal(when_parse_point("1970-01-01T00:00:05Z", 10000, -1, &sec), 0);
        assert_int_equal(sec, 5);
        assert_int_equal(when_parse_point("tomorrow", 10000, 1, &sec), -EINVAL);
}

static void what_is_formatted_parses_back(void **state)
{
        char time[WHEN_TIME_SIZE], duration[WHEN_DURATION_SIZE];
        int64_t sec;

        assert_string_equal(when_format_time(time, 1795298400), "2026-11-21T22:00:00Z");
        assert_int_equal(when_parse_time(time, &sec), 0);
        assert_int_equal(sec, 1795298400);
        assert_string_equal(when_format_time(time, 253402300799), "9999-12-31T23:59:59Z");
        assert_string_equal(when_format_time(time, 253402300800), "-");
        assert_string_equal(when_format_time(time, 0), "-");
        assert_string_equal(when_format_duration(duration, 5400), "1h30m");
        assert_string_equal(when_format_duration(duration, 86400 + 59), "1d");
        assert_string_equal(when_format_duration(duration, 3661), "1h1m");
        assert_string_equal(when_format_duration(duration, 45), "45s");
        assert_string_equal(when_format_duration(duration, 0), "0s");
        assert_string_equal(when_format_duration(duration, -5), "0s");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(durations_are_units_in_descending_order),
                cmocka_unit_test(times_are_rfc_3339),
                cmocka_unit_test(points_count_from_now_in_their_direction),
                cmocka_unit_test(what_is_formatted_parses_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
