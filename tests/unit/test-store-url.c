/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/store/store.h: which URLs name which kind of place. */

#include "nhictl/store/store.h"
#include "nhictl/verb.h"
#include "tests/unit/ledger-fixture.h"
#include "tests/unit/verb-fixture.h"

#define DIR_HERE PATH_ROOT "/store-url"

static void a_directory_has_three_spellings(void **state) /* RFC 8089 section 2, appendix B */
{
        static const char *const urls[] = { "/srv/nhi", "file:/srv/nhi", "file:///srv/nhi" };

        for (size_t i = 0; i < ELEMENTSOF(urls); i++) {
                assert_true(store_url_is_valid(urls[i]));
                assert_ptr_equal(store_type(urls[i]), &store_file);
                assert_string_equal(store_directory(urls[i]), "/srv/nhi");
        }
}

static void what_names_no_directory_of_this_host_is_none(void **state)
{
        static const char *const urls[] = { "file:srv/nhi",   "file:",   "file://",
                                            "file://srv/nhi", "srv/nhi", "./here",
                                            "FILE:/srv/",     "" };

        for (size_t i = 0; i < ELEMENTSOF(urls); i++) {
                assert_false(store_url_is_valid(urls[i]));
                assert_null(store_type(urls[i]));
                assert_null(store_directory(urls[i]));
        }
        assert_null(store_directory(NULL));
        assert_null(store_directory("https://server/file:/srv"));
        assert_true(store_url_is_valid("https://server/file:/srv"));
}

static void sets_are_published_to_each_spelling(void **state)
{
        OK("publish", "--to", "file:" DIR_HERE);
        assert_int_equal(access(DIR_HERE "/web1.jws", R_OK), 0);
        OK("publish", "--to", "file://" DIR_HERE);
        assert_string_equal(out, "unchanged\n");
        OK("publish", "--to", DIR_HERE);
        assert_string_equal(out, "unchanged\n");
}

static void a_relative_one_is_told_what_to_write(void **state)
{
        assert_int_equal(RUN("publish", "--to", "file:store-url"), VERB_USAGE);
        assert_non_null(strstr(err, "file:/DIR"));
        assert_int_equal(RUN("publish", "--to", "store-url"), VERB_USAGE);
        assert_non_null(strstr(err, "file:/DIR"));
}

static int clean(void **state)
{
        static const char *const places[] = { PATH_ETC_DIR, PATH_LEDGER_DIR, PATH_PUBLISHED_DIR,
                                              PATH_RUN_DIR, DIR_HERE };

        for (size_t i = 0; i < ELEMENTSOF(places); i++)
                fixture_remove_tree(places[i]);
        return 0;
}

static int setup(void **state)
{
        (void)clean(state);
        fixture_make_path(PATH_ROOT "/etc");
        fixture_make_path(PATH_ROOT "/var/lib");
        fixture_make_path(DIR_HERE);
        OK("init", "--local", "--name", "web1");
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_directory_has_three_spellings),
                cmocka_unit_test(what_names_no_directory_of_this_host_is_none),
                cmocka_unit_test_setup_teardown(sets_are_published_to_each_spelling, setup, clean),
                cmocka_unit_test(a_relative_one_is_told_what_to_write),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
