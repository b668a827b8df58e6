/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* docs/nhi-log.schema.json, which other programs read, against the table that records are made
 * from; and records against the schema, by as much of JSON Schema as it uses. */

#include "nhi-agentd/event.h"

#include "lib/base/macro.h"
#include "lib/log/chain.h"
#include "lib/log/record.h"
#include "tests/unit/schema.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>

#include <cmocka.h>

static json_t *schema;

static int setup(void **state)
{
        schema = json_load_file(SCHEMA_FILE, JSON_REJECT_DUPLICATES, NULL);
        return schema && sodium_init() >= 0 ? 0 : -1;
}

static int teardown(void **state)
{
        json_decref(schema);
        return 0;
}

static const char *type_of(const json_t *property)
{
        if (json_object_get(property, "const"))
                return json_is_true(json_object_get(property, "const")) ? "flag" : "integer";
        return json_object_get(property, "enum")
                       ? "string"
                       : json_string_value(json_object_get(property, "type"));
}

static void the_schema_has_every_member_and_no_other(void **state)
{
        static const char *const types[] = {
                [LOG_TEXT] = "string",
                [LOG_NUMBER] = "integer",
                [LOG_FLAG] = "flag",
                [LOG_TEXTS] = "array",
        };
        const json_t *properties = json_object_get(schema, "properties");

        for (size_t i = 0; i < LOG_FIELD_N; i++) {
                const json_t *p = json_object_get(properties, log_fields[i].name);

                if (!p)
                        fail_msg("%s is missing", log_fields[i].name);
                assert_string_equal(type_of(p), types[log_fields[i].type]);
        }
        assert_int_equal(json_object_size(properties), LOG_FIELD_N + 3);
}

static void the_schema_has_every_event_that_the_log_may_have(void **state)
{
        /* Said by others than the agent, or about a log that cannot be written. */
        static const EventKind elsewhere[] = { EVENT_GATES_REMOVED,     EVENT_ENFORCE_PENDING,
                                               EVENT_ENFORCE_CONFIRMED, EVENT_ENFORCE_REVERTED,
                                               EVENT_LOG_FAILED,        EVENT_LOG_HEAD,
                                               EVENT_LOG_SPACE };
        const json_t *names = json_object_get(
                json_object_get(json_object_get(schema, "properties"), "event"), "enum");
        size_t i;
        json_t *name;

        assert_int_equal(json_array_size(names), EVENT_N - ELEMENTSOF(elsewhere));
        json_array_foreach(names, i, name) {
                bool found = false;

                for (int k = 0; k < EVENT_N; k++)
                        found = found || streq(json_string_value(name), event_name((EventKind)k));
                assert_true(found);
        }
}

static void a_record_with_every_member_fits_the_schema(void **state)
{
        static const char hash[] =
                "1111111111111111111111111111111111111111111111111111111111111111";
        static LogBody b;
        static char line[LOG_LINE_MAX];
        const char *item = "item", *text;
        LogChain chain = {};
        size_t size = 0;
        char error[256] = "";
        json_t *o;

        log_body_init(&b, "decision");
        for (LogField f = LOG_FIELD_AT; f < LOG_FIELD_CUT; f++) {
                text = f == LOG_FIELD_AT ? "2025-11-22T08:15:04.123456Z"
                       : f == LOG_FIELD_SET || f == LOG_FIELD_TORN_HASH ? hash
                       : f == LOG_FIELD_LOG                             ? hash + 32
                       : f == LOG_FIELD_VERDICT                         ? "allow"
                       : f == LOG_FIELD_MODE                            ? "enforce"
                       : f == LOG_FIELD_KIND                            ? "human"
                                                                        : "text";
                if (log_fields[f].type == LOG_TEXT)
                        log_body_text(&b, f, text);
                else if (log_fields[f].type == LOG_TEXTS)
                        log_body_texts(&b, f, &item, 1);
                else if (log_fields[f].type == LOG_NUMBER)
                        log_body_number(&b, f, 1);
                else
                        log_body_flag(&b, f);
        }
        log_body_done(&b);
        assert_int_equal(log_line_make(&chain, 0, b.data, b.size, line, sizeof(line), &size), 0);
        o = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
        if (!schema_fits(schema, o, error, sizeof(error)))
                fail_msg("%s", error);
        assert_int_equal(json_object_size(o), LOG_FIELD_N + 2);

        json_object_set_new(o, "other", json_true());
        assert_false(schema_fits(schema, o, error, sizeof(error)));
        json_object_del(o, "other");
        json_object_set_new(o, "verdict", json_string("perhaps"));
        assert_false(schema_fits(schema, o, error, sizeof(error)));
        json_object_set_new(o, "verdict", json_string("deny"));
        json_object_set_new(o, "prev", json_string("1"));
        assert_false(schema_fits(schema, o, error, sizeof(error)));
        json_object_del(o, "prev");
        assert_false(schema_fits(schema, o, error, sizeof(error)));
        json_decref(o);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_schema_has_every_member_and_no_other),
                cmocka_unit_test(the_schema_has_every_event_that_the_log_may_have),
                cmocka_unit_test(a_record_with_every_member_fits_the_schema),
        };

        return cmocka_run_group_tests_name("log-schema", tests, setup, teardown);
}
