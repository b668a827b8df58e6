/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/beside.h: what status says of lists and statements, and of where they come from. */

#include "nhictl/beside.h"
#include "tests/unit/printed.h"

#define NOW 1700000000

static void printed(const char *issuer_text, const char *wanted)
{
        json_t *issuer = json_loads(issuer_text, 0, NULL);
        const Output plain = {};
        Printed p;

        assert_non_null(issuer);
        printed_begin(&p);
        beside_print(&plain, issuer, NOW);
        printed_end(&p, wanted);
        json_decref(issuer);
}

static void a_place_has_a_line_only_where_something_is_in_its_way(void **state)
{
        printed("{\"beside\": ["
                "{\"object\": \"keys\", \"place\": \"https://a\", \"answered_sec\": 12, "
                "\"trouble\": null},"
                "{\"object\": \"revocations\", \"place\": \"https://a\", \"answered_sec\": null, "
                "\"next_sec\": 5, \"trouble\": \"status-403\"},"
                "{\"object\": \"freshness\", \"place\": \"https://b\", \"answered_sec\": 10800, "
                "\"next_sec\": null, \"trouble\": \"timeout\"},"
                "{\"object\": \"others\", \"place\": \"/d\", \"answered_sec\": 1, "
                "\"trouble\": \"x\\u009by\"}]}",
                "            the revocation list at https://a: has not answered since the agent "
                "started: status-403; asked again in 5s\n"
                "            the statement of freshness at https://b: answered 3h ago; since then: "
                "timeout\n"
                "            what stands beside the sets at /d: answered 1s ago; since then: "
                "x\\xc2\\x9by\n");
}

static void a_list_whose_end_has_passed_says_so(void **state)
{
        printed("{\"revocations\": {\"ver\": 5, \"entries\": 2, \"exp\": 1700000001}}",
                "            revocation list 5, 2 entries, to 2023-11-14T22:13:21Z\n");
        printed("{\"revocations\": {\"ver\": 5, \"entries\": 2, \"exp\": 1700000000}}",
                "            revocation list 5, 2 entries, over since 2023-11-14T22:13:20Z: no "
                "newer "
                "one has come, what it names stays revoked\n");
        printed("{\"keys\": {\"ver\": 3, \"keys\": 2, \"retired\": 1, \"exp\": 0}}",
                "            key list 3, 2 keys, 1 retired\n");
        printed("{\"keys\": {\"ver\": 3, \"keys\": 2, \"retired\": 1, \"exp\": 1699999999}}",
                "            key list 3, 2 keys, 1 retired, over since 2023-11-14T22:13:19Z: no "
                "key "
                "of it signs anything new\n");
}

static void an_issuer_that_never_had_any_has_no_line(void **state)
{
        printed("{\"ver\": 1, \"revocations\": null, \"keys\": null, \"freshness\": null}", "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_place_has_a_line_only_where_something_is_in_its_way),
                cmocka_unit_test(a_list_whose_end_has_passed_says_so),
                cmocka_unit_test(an_issuer_that_never_had_any_has_no_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
