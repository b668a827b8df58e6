/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/gates-file: what the modules obey when no agent answers. */

#include "nhictl/gates-file.h"

#include "tests/unit/pam-fixture.h"

static int files_drop(void **state)
{
        (void)snprintf(root, sizeof(root), "%s", PATH_ROOT);
        (void)unlink(PATH_GATES_RUN);
        (void)unlink(PATH_GATES_STATE);
        return 0;
}

#define TEXT                                                                                       \
        "nhi-gates 1\ngate operators observe sudo,su %operators\n"                                 \
        "account svc-deploy 70001\naccount svc-backup 70002\nend 3\n"

static void expect_accounts(const char *first, size_t n)
{
        json_t *accounts = accounts_published();

        assert_non_null(accounts);
        assert_int_equal(json_array_size(accounts), n);
        if (n > 0)
                assert_string_equal(json_string_value(json_array_get(accounts, 0)), first);
        json_decref(accounts);
}

static void gates_and_accounts_are_told_apart(void **state)
{
        json_t *gates;

        put("/run/nhi/gates", TEXT);
        gates = gates_published();
        assert_int_equal(json_array_size(gates), 1);
        assert_string_equal(json_string_value(json_object_get(json_array_get(gates, 0), "name")),
                            "operators");
        json_decref(gates);
        expect_accounts("svc-deploy", 2);
}

static void the_copy_answers_where_the_first_is_not_usable(void **state)
{
        put("/var/lib/nhi/gates", TEXT);
        expect_accounts("svc-deploy", 2);
        put("/run/nhi/gates", "nhi-gates 1\naccount other 70003\nend 2\n");
        expect_accounts("svc-deploy", 2);
        put("/run/nhi/gates", "nhi-gates 1\nend 0\n");
        expect_accounts(NULL, 0);
}

static void nothing_usable_is_nothing(void **state)
{
        assert_null(gates_published());
        assert_null(accounts_published());
}

#define FILES_TEST(name) cmocka_unit_test_setup_teardown(name, files_drop, files_drop)

int main(void)
{
        const struct CMUnitTest tests[] = {
                FILES_TEST(gates_and_accounts_are_told_apart),
                FILES_TEST(the_copy_answers_where_the_first_is_not_usable),
                FILES_TEST(nothing_usable_is_nothing),
        };

        (void)umask(0022);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
