/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/places.h: what status says of each place. */

#include "nhictl/places.h"
#include "tests/unit/printed.h"

static void printed(const char *issuer_text, const char *wanted)
{
        json_t *issuer = json_loads(issuer_text, 0, NULL);
        const Output plain = {};
        Printed p;

        assert_non_null(issuer);
        printed_begin(&p);
        places_print(&plain, issuer, 60);
        printed_end(&p, wanted);
        json_decref(issuer);
}

static void each_place_says_when_it_answered_what_is_wrong_and_what_comes_next(void **state)
{
        printed("{\"limit_sec\": 86400, \"sources\": ["
                "{\"place\": \"https://a\", \"answered_sec\": 12, \"next_sec\": 40, \"trouble\": "
                "null},"
                "{\"place\": \"https://b\", \"answered_sec\": 10800, \"next_sec\": null, "
                "\"trouble\": \"timeout\"},"
                "{\"place\": \"https://c\", \"answered_sec\": null, \"next_sec\": 5, "
                "\"trouble\": \"refused\"},"
                "{\"place\": \"/d\", \"answered_sec\": null, \"next_sec\": null, "
                "\"trouble\": null}]}",
                "            https://a: answered 12s ago; asked again in 40s\n"
                "            https://b: answered 3h ago; since then: timeout\n"
                "            https://c: has not answered since the agent started: refused; asked "
                "again in 5s\n"
                "            /d: has not answered since the agent started\n");
}

static void what_the_fetcher_says_moves_no_cursor(void **state)
{
        printed("{\"sources\": [{\"place\": \"/a\\u001b[2J\", \"answered_sec\": 1, "
                "\"trouble\": \"x\\u009by\"}]}",
                "            /a\\x1b[2J: answered 1s ago; since then: x\\xc2\\x9by\n");
}

static void an_agent_that_does_not_say_is_believed(void **state)
{
        printed("{\"ver\": 1}", "");
}

static void metrics_are(const char *reply_text, const char *wanted)
{
        json_t *reply = json_loads(reply_text, 0, NULL);
        const Output plain = {};
        FILE *terminal = stdout;
        char *text = NULL;
        size_t size = 0;

        assert_non_null(reply);
        stdout = open_memstream(&text, &size);
        assert_non_null(stdout);
        metrics_print(&plain, reply, 1000);
        (void)fclose(stdout);
        stdout = terminal;
        assert_string_equal(text, wanted);
        free(text);
        json_decref(reply);
}

static void the_metrics_file_is_shown_where_one_is_wanted(void **state)
{
        metrics_are("{}", "");
        metrics_are("{\"metrics\": {\"file\": \"/m\", \"written\": 990, \"error\": null}}",
                    "metrics     /m: written 10s ago\n");
        metrics_are("{\"metrics\": {\"file\": \"/m\", \"written\": 0, \"error\": null}}",
                    "metrics     /m: not written yet\n");
        metrics_are("{\"metrics\": {\"file\": \"/m\", \"written\": 990, \"error\": \"full\"}}",
                    "metrics     /m: cannot be written: full\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(
                        each_place_says_when_it_answered_what_is_wrong_and_what_comes_next),
                cmocka_unit_test(what_the_fetcher_says_moves_no_cursor),
                cmocka_unit_test(an_agent_that_does_not_say_is_believed),
                cmocka_unit_test(the_metrics_file_is_shown_where_one_is_wanted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
