/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/places.h: what status says of each place. */

#include "nhictl/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void printed(const char *issuer_text, const char *wanted)
{
        json_t *issuer = json_loads(issuer_text, 0, NULL);
        const Output plain = {};
        FILE *terminal = stdout;
        char *text = NULL;
        size_t size = 0;

        assert_non_null(issuer);
        stdout = open_memstream(&text, &size);
        assert_non_null(stdout);
        places_print(&plain, issuer, 60);
        (void)fclose(stdout);
        stdout = terminal;
        assert_string_equal(text, wanted);
        free(text);
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(
                        each_place_says_when_it_answered_what_is_wrong_and_what_comes_next),
                cmocka_unit_test(what_the_fetcher_says_moves_no_cursor),
                cmocka_unit_test(an_agent_that_does_not_say_is_believed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
