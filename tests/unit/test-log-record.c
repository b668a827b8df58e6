/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* U09: whatever an attacker chooses stays one bounded, parseable record. */

#include "lib/base/macro.h"
#include "lib/log/chain.h"
#include "lib/log/record.h"

#include <jansson.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static LogBody body;
static char line[LOG_LINE_MAX];

/* The record as a JSON parser sees it: one line, parsed strictly, owned by the caller. */
static json_t *record(void)
{
        LogChain chain = {};
        size_t size = 0;
        LogLine read;
        json_t *o;

        log_body_done(&body);
        assert_int_equal(log_line_make(&chain, 1763799304123456, body.data, body.size, line,
                                       sizeof(line), &size),
                         0);
        assert_true(size <= LOG_LINE_MAX);
        assert_int_equal(line[size - 1], '\n');
        assert_null(memchr(line, '\n', size - 1));
        assert_int_equal(log_line_parse(line, size - 1, &read), 0);
        o = json_loadb(line, size - 1, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(o);
        return o;
}

static const char *text_of(const json_t *o, const char *name)
{
        return json_string_value(json_object_get(o, name));
}

static void record_of_one_event_is_what_the_manual_says(void **state)
{
        static const char *const actors[] = { "agent:a", "agent:b" };
        const char *expect = "{\"seq\":1,\"time\":\"2025-11-22T08:15:04.123456Z\",\"prev\":"
                             "\"0000000000000000000000000000000000000000000000000000000000000000\","
                             "\"event\":\"decision\",\"carried\":true,\"account\":\"svc-deploy\","
                             "\"uid\":70001,\"actor\":[\"agent:a\",\"agent:b\"],"
                             "\"why\":\"CHG-42 \\\"roll\\\" \\\\ \xc3\xa4\"}";
        json_t *o;

        log_body_init(&body, "decision");
        log_body_flag(&body, LOG_FIELD_CARRIED);
        log_body_text(&body, LOG_FIELD_ACCOUNT, "svc-deploy");
        log_body_number(&body, LOG_FIELD_UID, 70001);
        log_body_text(&body, LOG_FIELD_TARGET, NULL);
        log_body_text(&body, LOG_FIELD_COMMAND, "");
        log_body_texts(&body, LOG_FIELD_ACTOR, actors, 2);
        log_body_text(&body, LOG_FIELD_WHY, "CHG-42 \"roll\" \\ \xc3\xa4");
        o = record();
        assert_memory_equal(line, expect, strlen(expect));
        json_decref(o);
}

/* Each byte alone, and as the byte before an end. */
static void record_takes_every_byte_in_every_text(void **state)
{
        for (int byte = 1; byte < 256; byte++) {
                const char one[] = { (char)byte, '\0' };
                const char three[] = { 'a', (char)byte, 'b', '\0' };
                json_t *o;

                log_body_init(&body, "denial");
                for (LogField f = LOG_FIELD_ACCOUNT; f < LOG_FIELD_CUT; f++)
                        if (log_fields[f].type == LOG_TEXT)
                                log_body_text(&body, f, f % 2 ? one : three);
                o = record();
                for (LogField f = LOG_FIELD_ACCOUNT; f < LOG_FIELD_CUT; f++)
                        if (log_fields[f].type == LOG_TEXT && byte < 0x80)
                                assert_string_equal(text_of(o, log_fields[f].name),
                                                    f % 2 ? one : three);
                if (byte >= 0x80)
                        assert_string_equal(text_of(o, "account"), LOG_FIELD_ACCOUNT % 2
                                                                           ? "\xef\xbf\xbd"
                                                                           : "a\xef\xbf\xbd"
                                                                             "b");
                json_decref(o);
        }
}

static void record_shows_no_terminal_anything(void **state)
{
        json_t *o;

        log_body_init(&body, "denial");
        log_body_text(&body, LOG_FIELD_RHOST,
                      "\x1b[2J\r\n\x7f\xc2\x9b"
                      "31m\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6\xef\xbb\xbf");
        o = record();
        assert_non_null(strstr(line, "\"rhost\":\"\\u001b[2J\\u000d\\u000a\\u007f\\u009b31m"
                                     "\\u202e\\u2028\\u2066\\ufeff\""));
        assert_string_equal(text_of(o, "rhost"),
                            "\x1b[2J\r\n\x7f\xc2\x9b"
                            "31m\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6\xef\xbb\xbf");
        json_decref(o);
}

static void what_is_no_utf8_becomes_replacement_characters(void **state)
{
        static const struct {
                const char *bytes, *text;
        } cases[] = {
                { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* overlong */
                { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* surrogate */
                { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
                { "\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd" }, /* ends too early */
                { "\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
                { "\xf0\x80\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
                { "\xf0\x9f\x92\xa9", "\xf0\x9f\x92\xa9" },
                { "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
                { "\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *o;

                log_body_init(&body, "denial");
                log_body_text(&body, LOG_FIELD_TTY, cases[i].bytes);
                o = record();
                assert_string_equal(text_of(o, "tty"), cases[i].text);
                json_decref(o);
        }
}

/* As long as it may be, and one more; of a byte that needs six, and of characters of four. */
static void texts_are_cut_at_their_bound_between_characters_and_named(void **state)
{
        static const struct {
                const char *unit, *encoded;
        } units[] = { { "x", "x" },
                      { "\n", "\\u000a" },
                      { "\xf0\x9f\x92\xa9", "\xf0\x9f\x92\xa9" } };
        char text[8 * 1024];

        for (size_t u = 0; u < ELEMENTSOF(units); u++)
                for (unsigned over = 0; over < 2; over++) {
                        const size_t n =
                                log_fields[LOG_FIELD_COMMAND].max / strlen(units[u].encoded);
                        json_t *o;

                        text[0] = '\0';
                        for (size_t i = 0; i < n + over; i++)
                                memcpy(text + i * strlen(units[u].unit), units[u].unit,
                                       strlen(units[u].unit) + 1);
                        log_body_init(&body, "denial");
                        log_body_text(&body, LOG_FIELD_COMMAND, text);
                        log_body_text(&body, LOG_FIELD_MODE, "enforce");
                        o = record();
                        assert_int_equal(json_string_length(json_object_get(o, "command")),
                                         n * strlen(units[u].unit));
                        assert_int_equal(json_array_size(json_object_get(o, "cut")), over);
                        if (over)
                                assert_string_equal(json_string_value(json_array_get(
                                                            json_object_get(o, "cut"), 0)),
                                                    "command");
                        assert_string_equal(text_of(o, "mode"), "enforce");
                        json_decref(o);
                }
}

static void lists_are_cut_between_items(void **state)
{
        static char items[400][8];
        const char *views[400];
        json_t *o;

        for (size_t i = 0; i < ELEMENTSOF(views); i++) {
                (void)snprintf(items[i], sizeof(items[i]), "i%03zu", i);
                views[i] = items[i];
        }
        log_body_init(&body, "decision");
        log_body_texts(&body, LOG_FIELD_ACTOR, views, ELEMENTSOF(views));
        o = record();
        /* "i000", is seven bytes, the last has no comma. */
        assert_int_equal(json_array_size(json_object_get(o, "actor")),
                         (log_fields[LOG_FIELD_ACTOR].max + 1) / 7);
        assert_string_equal(json_string_value(json_array_get(json_object_get(o, "cut"), 0)),
                            "actor");
        json_decref(o);
}

/* 64 KiB in every field at once: 6 bytes each when encoded, so that everything is cut. */
static void a_record_with_every_field_overlong_is_whole_and_bounded(void **state)
{
        static char text[64 * 1024];
        const char *one = text;
        size_t n_texts = 0;
        json_t *o;

        for (unsigned kind = 0; kind < 3; kind++) {
                memset(text, kind == 0 ? 'x' : kind == 1 ? '\x1b' : '\xff', sizeof(text) - 1);
                log_body_init(&body, "session-start");
                n_texts = 0;
                for (LogField f = LOG_FIELD_AT; f < LOG_FIELD_CUT; f++) {
                        if (log_fields[f].type == LOG_TEXT)
                                log_body_text(&body, f, text);
                        else if (log_fields[f].type == LOG_TEXTS && f != LOG_FIELD_SETS)
                                log_body_texts(&body, f, &one, 1);
                        else if (log_fields[f].type == LOG_NUMBER)
                                log_body_number(&body, f,
                                                log_fields[f].max == 20 ? INT64_MIN : UINT32_MAX);
                        else if (log_fields[f].type == LOG_FLAG)
                                log_body_flag(&body, f);
                        n_texts += log_fields[f].type == LOG_TEXT;
                }
                o = record();
                assert_int_equal(json_array_size(json_object_get(o, "cut")), n_texts + 1);
                for (LogField f = LOG_FIELD_AT; f < LOG_FIELD_CUT; f++)
                        if (f != LOG_FIELD_SETS)
                                assert_non_null(json_object_get(o, log_fields[f].name));
                json_decref(o);
        }
}

static void fields_out_of_order_twice_or_of_another_type_are_left_out(void **state)
{
        json_t *o;

        log_body_init(&body, "decision");
        log_body_text(&body, LOG_FIELD_UID, "70001");
        log_body_number(&body, LOG_FIELD_UID, 1);
        log_body_number(&body, LOG_FIELD_UID, 2);
        log_body_text(&body, LOG_FIELD_ACCOUNT, "late");
        log_body_text(&body, LOG_FIELD_N, "none");
        o = record();
        assert_int_equal(json_integer_value(json_object_get(o, "uid")), 1);
        assert_null(json_object_get(o, "account"));
        assert_int_equal(json_object_size(o), 5);
        json_decref(o);
}

static void random_bytes_stay_one_record(void **state)
{
        static char text[2048];

        for (unsigned round = 0; round < 2000; round++) {
                const size_t n = randombytes_uniform(sizeof(text) - 1);
                const LogField f = LOG_FIELD_AT + randombytes_uniform(LOG_FIELD_CUT - LOG_FIELD_AT);

                randombytes_buf(text, n);
                text[n] = '\0';
                log_body_init(&body, "denial");
                log_body_text(&body, f, text);
                json_decref(record());
        }
}

static void times_are_rfc_3339_and_round_trip(void **state)
{
        static const struct {
                int64_t usec;
                const char *text;
        } cases[] = {
                { 0, "1970-01-01T00:00:00.000000Z" },
                { -1, "1969-12-31T23:59:59.999999Z" },
                { INT64_C(2147483648000001), "2038-01-19T03:14:08.000001Z" }, /* T09 */
                { INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z" },
                { INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z" },
                { INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z" },
        };
        char text[LOG_TIME_SIZE + 1];
        int64_t usec = 0;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                log_time_format(cases[i].usec, text);
                assert_string_equal(text, cases[i].text);
                assert_int_equal(log_time_parse(text, LOG_TIME_SIZE, &usec), 0);
                assert_int_equal(usec, cases[i].usec);
        }
        log_time_format(INT64_MAX, text);
        assert_string_equal(text, "9999-12-31T23:59:59.999999Z");
        log_time_format(INT64_MIN, text);
        assert_string_equal(text, "0000-01-01T00:00:00.000000Z");
        /* Every day of 800 years. */
        for (int64_t day = -146097; day < 146097; day++) {
                log_time_format(day * 86400 * 1000000, text);
                assert_int_equal(log_time_parse(text, LOG_TIME_SIZE, &usec), 0);
                assert_int_equal(usec, day * 86400 * 1000000);
        }
}

static void times_of_other_forms_are_refused(void **state)
{
        static const char *const wrong[] = {
                "2025-02-29T00:00:00.000000Z", "2025-13-01T00:00:00.000000Z",
                "2025-00-01T00:00:00.000000Z", "2025-01-00T00:00:00.000000Z",
                "2025-01-01T24:00:00.000000Z", "2025-01-01T00:60:00.000000Z",
                "2025-01-01T00:00:60.000000Z", "2025-01-01T00:00:00.000000z",
                "2025-01-01 00:00:00.000000Z", "2025-01-01T00:00:00.00000ZZ",
                "+025-01-01T00:00:00.000000Z", "2025-01-01T00:00:00.000000",
                "2025-1-01T000:00:00.000000Z", "1900-02-29T00:00:00.000000Z",
        };
        int64_t usec = 7;

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_int_equal(log_time_parse(wrong[i], strlen(wrong[i]), &usec), -EBADMSG);
        assert_int_equal(usec, 7);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(record_of_one_event_is_what_the_manual_says),
                cmocka_unit_test(record_takes_every_byte_in_every_text),
                cmocka_unit_test(record_shows_no_terminal_anything),
                cmocka_unit_test(what_is_no_utf8_becomes_replacement_characters),
                cmocka_unit_test(texts_are_cut_at_their_bound_between_characters_and_named),
                cmocka_unit_test(lists_are_cut_between_items),
                cmocka_unit_test(a_record_with_every_field_overlong_is_whole_and_bounded),
                cmocka_unit_test(fields_out_of_order_twice_or_of_another_type_are_left_out),
                cmocka_unit_test(random_bytes_stay_one_record),
                cmocka_unit_test(times_are_rfc_3339_and_round_trip),
                cmocka_unit_test(times_of_other_forms_are_refused),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests_name("log-record", tests, NULL, NULL);
}
