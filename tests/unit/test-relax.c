/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The published gates file with gates in mode observe: what undoes an enforcement (K09). */

#include "lib/base/macro.h"
#include "lib/gate/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FILE_OF(logins, jobs)                                                                      \
        "nhi-gates 1\n"                                                                            \
        "gate logins " logins " ssh,login %ops,olga\n"                                             \
        "gate jobs " jobs " unit enforce\n"                                                        \
        "gate logins2 enforce ssh *\n"                                                             \
        "account logins 70001\n"                                                                   \
        "end 4\n"

static void becomes(const char *text, const char *const *names, size_t n_names,
                    const char *expected)
{
        _cleanup_free_ char *relaxed = NULL;

        assert_int_equal(gates_text_observe(text, strlen(text), names, n_names, &relaxed), 0);
        assert_string_equal(relaxed, expected);
}

static void the_gates_that_are_named_observe_and_no_other(void **state)
{
        static const char *const names[] = { "logins", "jobs" }, *const other[] = { "login",
                                                                                    "none" };

        becomes(FILE_OF("enforce", "enforce"), names, 1, FILE_OF("observe", "enforce"));
        becomes(FILE_OF("enforce", "enforce"), names, 2, FILE_OF("observe", "observe"));
        becomes(FILE_OF("observe", "enforce"), names, 1, FILE_OF("observe", "enforce"));
        becomes(FILE_OF("enforce", "enforce"), other, 2, FILE_OF("enforce", "enforce"));
        becomes(FILE_OF("enforce", "enforce"), NULL, 0, FILE_OF("enforce", "enforce"));
}

/* R4 */
static void what_a_set_defined_stays_enforced(void **state)
{
        static const char *const names[] = { "logins", "jobs", "logins2", "svc-x" };
        static const gid_t gids[] = { 100 };
        static const char text[] = FILE_OF("enforce", "enforce");
        const GateSubject subject = { .name = "logins", .uid = 70001, .gids = gids, .n_gids = 1 };
        _cleanup_free_ char *relaxed = NULL;
        Gates *g = NULL;

        assert_int_equal(gates_text_observe(text, strlen(text), names, 4, &relaxed), 0);
        assert_int_equal(gates_parse(relaxed, strlen(relaxed), &g), 0);
        assert_int_equal(gates_match(g, &subject, "ssh", NULL, 0), GATE_ENFORCE);
        (void)gates_free(g);
}

static void a_file_that_the_modules_refuse_is_refused(void **state)
{
        static const char *const names[] = { "logins" };
        static const char text[] = FILE_OF("enforce", "enforce");
        char *relaxed = NULL;

        for (size_t size = 0; size < strlen(text); size++)
                assert_int_equal(gates_text_observe(text, size, names, 1, &relaxed), -EBADMSG);
        assert_null(relaxed);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_gates_that_are_named_observe_and_no_other),
                cmocka_unit_test(what_a_set_defined_stays_enforced),
                cmocka_unit_test(a_file_that_the_modules_refuse_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
