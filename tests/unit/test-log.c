/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log-event.h"

#include "lib/base/macro.h"
#include "nhi-agentd/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* An entry: FIELD, VALUE, ... NULL */
static bool get(void *userdata, const char *field, char *ret, size_t size)
{
        const char *const *entry = userdata;

        for (; *entry; entry += 2)
                if (streq(entry[0], field)) {
                        snprintf(ret, size, "%s", entry[1]);
                        return true;
                }
        return false;
}

static const char *cell(const LogRow *row, const char *heading)
{
        for (size_t i = 0; i < LOG_COLUMNS; i++)
                if (streq(log_headings[i], heading))
                        return row->cells[i];
        fail_msg("no column %s", heading);
        return NULL;
}

static void a_decision_is_a_row_of_who_what_when_and_why(void **state)
{
        static const char *entry[] = {
                "NHI_EVENT",   "denial",     "NHI_VERDICT", "deny",     "NHI_REASON", "expired",
                "NHI_ACCOUNT", "svc",        "NHI_CLASS",   "sudo",     "NHI_TARGET", "postgres",
                "NHI_GRANT",   "g-1",        "NHI_OWNER",   "payments", "NHI_WHY",    "CHG-42",
                "MESSAGE",     "svc denied", NULL,
        };
        LogRow row;

        log_row_read(get, entry, INT64_C(1763760000999999), &row);
        assert_string_equal(cell(&row, "TIME"), "2025-11-21T21:20:00Z");
        assert_string_equal(cell(&row, "EVENT"), "denial");
        assert_string_equal(cell(&row, "VERDICT"), "deny");
        assert_string_equal(cell(&row, "ACCOUNT"), "svc");
        assert_string_equal(cell(&row, "CLASS"), "sudo as postgres");
        assert_string_equal(cell(&row, "REASON"), "expired");
        assert_string_equal(cell(&row, "GRANT"), "g-1");
        assert_string_equal(cell(&row, "OWNER"), "payments");
        assert_string_equal(cell(&row, "WHY"), "CHG-42");
}

static void what_is_missing_falls_back(void **state)
{
        static const char *refused[] = { "NHI_EVENT",  "set-refused",     "NHI_CODE", "signature",
                                         "NHI_DETAIL", "does not verify", NULL };
        static const char *started[] = { "NHI_EVENT", "agent-start", "MESSAGE", "started", NULL };
        static const char *empty[] = { "NHI_WHY", "",           "MESSAGE", "said", "NHI_CLASS",
                                       "ssh",     "NHI_TARGET", "",        NULL };
        LogRow row;

        log_row_read(get, refused, 0, &row);
        assert_string_equal(cell(&row, "REASON"), "signature");
        assert_string_equal(cell(&row, "WHY"), "does not verify");
        assert_string_equal(cell(&row, "ACCOUNT"), "");
        log_row_read(get, started, 0, &row);
        assert_string_equal(cell(&row, "WHY"), "started");
        log_row_read(get, empty, 0, &row);
        assert_string_equal(cell(&row, "WHY"), "said");
        assert_string_equal(cell(&row, "CLASS"), "ssh");
}

static void json_has_every_field_and_numbers_as_numbers(void **state)
{
        static const char *entry[] = { "NHI_EVENT", "session-end",  "NHI_UID", "70001",
                                       "NHI_PID",   "12x",          "NHI_WHY", "42",
                                       "MESSAGE",   "ended \"it\"", "_UID",    "0",
                                       NULL };
        json_t *j = log_json(get, entry, INT64_C(1763760000000001));

        assert_non_null(j);
        assert_int_equal(json_integer_value(json_object_get(j, "time")), 1763760000);
        assert_int_equal(json_integer_value(json_object_get(j, "uid")), 70001);
        assert_string_equal(json_string_value(json_object_get(j, "pid")), "12x");
        assert_string_equal(json_string_value(json_object_get(j, "why")), "42");
        assert_string_equal(json_string_value(json_object_get(j, "message")), "ended \"it\"");
        assert_int_equal(json_object_size(j), 6);
        json_decref(j);
}

/* U09 */
static void bytes_that_are_no_text_break_nothing(void **state)
{
        static const char *entry[] = { "NHI_EVENT", "denial", "NHI_TTY", "\xff\xfe", NULL };
        json_t *j = log_json(get, entry, 0);

        assert_non_null(j);
        assert_null(json_object_get(j, "tty"));
        assert_string_equal(json_string_value(json_object_get(j, "event")), "denial");
        json_decref(j);
}

static void a_value_too_long_for_a_cell_is_cut(void **state)
{
        char text[4 * LOG_TEXT_MAX];
        const char *entry[] = { "NHI_WHY", text, NULL };
        LogRow row;

        memset(text, 'a', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        log_row_read(get, entry, 0, &row);
        assert_int_equal(strlen(cell(&row, "WHY")), LOG_TEXT_MAX - 1);
}

static void every_event_has_its_message_id(void **state)
{
        size_t n = 0;

        while (log_message_ids[n])
                n++;
        assert_int_equal(n, EVENT_N);
        assert_string_equal(log_message_id("would-deny"), log_message_ids[EVENT_WOULD_DENY]);
        assert_string_equal(log_message_id("decision"), log_message_ids[EVENT_DECISION]);
        assert_null(log_message_id("no-such-event"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_decision_is_a_row_of_who_what_when_and_why),
                cmocka_unit_test(what_is_missing_falls_back),
                cmocka_unit_test(json_has_every_field_and_numbers_as_numbers),
                cmocka_unit_test(bytes_that_are_no_text_break_nothing),
                cmocka_unit_test(a_value_too_long_for_a_cell_is_cut),
                cmocka_unit_test(every_event_has_its_message_id),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
