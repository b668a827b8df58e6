/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/reply.h"

#include "nhi-agentd/core/grant.h"
#include "nhictl/sessions.h"
#include "nhictl/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void words_are(const char *terms, const char *words)
{
        json_t *j = json_loads(terms, 0, NULL);
        char text[256];

        assert_non_null(j);
        assert_string_equal(terms_words(j, text, sizeof(text)), words);
        json_decref(j);
}

static void terms_read_as_words(void **state)
{
        words_are("[{\"type\":\"nhi_login\",\"services\":[\"ssh\",\"cron\"],"
                  "\"from\":[\"10.0.0.0/8\"]}]",
                  "ssh, cron from 10.0.0.0/8");
        words_are("[{\"type\":\"nhi_login\",\"services\":[\"ssh\"]},"
                  "{\"type\":\"nhi_elevate\",\"services\":[\"sudo\"],"
                  "\"run_as\":[\"postgres\",\"www\"],\"commands\":[[\"/bin/id\"]]}]",
                  "ssh, sudo as postgres or www (1 command)");
        words_are("[{\"type\":\"nhi_unit\",\"units\":[\"a.service\"]},"
                  "{\"type\":\"nhi_group\",\"groups\":[\"x\",\"y\"]}]",
                  "unit a.service, group x, group y");
        words_are("[{\"services\":[\"sudo\"],\"run_as\":[\"root\"]}]", "sudo as root (unbounded)");
        words_are("[]", "");
}

static void words_are_cut_where_they_do_not_fit(void **state)
{
        json_t *j = json_loads("[{\"services\":[\"abcdefgh\",\"ijklmnop\"]}]", 0, NULL);
        char text[12];

        assert_string_equal(terms_words(j, text, sizeof(text)), "abcdefgh, i");
        json_decref(j);
}

static void a_run_as_target_makes_it_an_elevation(void **state)
{
        json_t *yes = json_loads("[{\"services\":[\"ssh\"]},{\"run_as\":[\"*\"]}]", 0, NULL);
        json_t *no = json_loads("[{\"services\":[\"ssh\"]},{\"run_as\":[]}]", 0, NULL);

        assert_true(terms_elevate(yes));
        assert_false(terms_elevate(no));
        assert_false(terms_elevate(NULL));
        json_decref(yes);
        json_decref(no);
}

static void root_without_commands_is_unbounded(void **state)
{
        static const struct {
                const char *terms;
                bool is_unbounded;
        } cases[] = {
                { "[{\"services\":[\"ssh\"]},{\"run_as\":[\"x\",\"root\"]}]", true },
                { "[{\"run_as\":[\"*\"],\"commands\":[]}]", true },
                { "[{\"run_as\":[\"root\"],\"commands\":[[\"/bin/id\"]]}]", false },
                { "[{\"run_as\":[\"root\"],\"edit\":[\"/etc/app.conf\"]}]", false },
                { "[{\"run_as\":[\"postgres\"]}]", false },
                { "[]", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *j = json_loads(cases[i].terms, 0, NULL);

                assert_int_equal(terms_unbounded(j), cases[i].is_unbounded);
                json_decref(j);
        }
        assert_false(terms_unbounded(NULL));
}

static void a_missing_member_reads_as_nothing(void **state)
{
        json_t *j = json_loads("{\"a\":\"x\",\"n\":\"7\"}", 0, NULL);

        assert_string_equal(member_text(j, "a"), "x");
        assert_null(member_text(j, "b"));
        assert_null(member_text(NULL, "a"));
        assert_int_equal(member_number(j, "n"), 0);
        assert_false(member_is_true(j, "a"));
        json_decref(j);
}

static void a_time_that_is_none_reads_as_nothing(void **state)
{
        static const struct {
                int64_t given, read;
        } cases[] = {
                { INT64_MIN, 0 },
                { -1, 0 },
                { 0, 0 },
                { 1, 1 },
                { TIME_SEC_MAX, TIME_SEC_MAX },
                { TIME_SEC_MAX + 1, 0 },
                { INT64_MAX, 0 },
        };
        const Output plain = {};

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                json_t *list = json_pack("[{s:I, s:I}]", "until", (json_int_t)cases[i].given,
                                         "started", (json_int_t)cases[i].given);
                FILE *terminal = stdout;

                assert_int_equal(member_sec(json_array_get(list, 0), "until"), cases[i].read);
                stdout = fopen("/dev/null", "we");
                assert_non_null(stdout);
                (void)grants_print(&plain, list, 1763760000);
                (void)sessions_print(&plain, list, 1763760000);
                (void)fclose(stdout);
                stdout = terminal;
                json_decref(list);
        }
        assert_int_equal(member_sec(NULL, "until"), 0);
}

static void every_verb_of_the_host_is_in_the_table(void **state)
{
        static const char *const names[] = { "status",  "list", "mine",   "why", "sessions",
                                             "end",     "done", "check",  "log", "observe",
                                             "enforce", "lock", "unlock", "feed" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                bool found = false;

                for (const Verb *const *v = verbs; *v; v++)
                        found |= streq((*v)->name, names[i]);
                assert_true(found);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(terms_read_as_words),
                cmocka_unit_test(words_are_cut_where_they_do_not_fit),
                cmocka_unit_test(a_run_as_target_makes_it_an_elevation),
                cmocka_unit_test(root_without_commands_is_unbounded),
                cmocka_unit_test(a_missing_member_reads_as_nothing),
                cmocka_unit_test(a_time_that_is_none_reads_as_nothing),
                cmocka_unit_test(every_verb_of_the_host_is_in_the_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
