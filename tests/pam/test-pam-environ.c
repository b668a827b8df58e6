/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the first process of a session under a grant finds in its environment. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/pam/pam-host.h"

#include "pam_nhi/environ.h"

#include <time.h>

#define END 1795359300 /* 2026-11-22T14:55:00Z */

static const char *value(const Login *l, const char *name)
{
        const char *text = pam_getenv(l->pamh, name);

        return text ? text : "";
}

static void expect(const Login *l, const char *grant, const char *expires)
{
        assert_string_equal(value(l, "NHI_GRANT"), grant);
        assert_string_equal(value(l, "NHI_EXPIRES"), expires);
}

static void a_session_under_a_grant_knows_the_grant_and_its_end(void **state)
{
        Login l;

        agent.jti = "g-2026.1_a";
        agent.until_sec = END;
        login_begin(&l, "sshd", GATED);
        assert_int_equal(pam_acct_mgmt(l.pamh, 0), PAM_SUCCESS);
        expect(&l, "", "");
        assert_int_equal(pam_open_session(l.pamh, 0), PAM_SUCCESS);
        expect(&l, "g-2026.1_a", "2026-11-22T14:55:00Z");
        login_end(&l);
}

static void what_stood_there_before_does_not_survive_a_grant(void **state)
{
        Login l;

        agent.jti = "g-1";
        login_begin(&l, "sshd", GATED);
        assert_int_equal(pam_putenv(l.pamh, "NHI_GRANT=g-forged"), PAM_SUCCESS);
        assert_int_equal(pam_putenv(l.pamh, "NHI_EXPIRES=never"), PAM_SUCCESS);
        assert_int_equal(pam_open_session(l.pamh, 0), PAM_SUCCESS);
        expect(&l, "g-1", "");
        login_end(&l);
}

static void without_a_grant_nothing_is_put_there(void **state)
{
        static const char *const left_alone[] = { UNGATED, OBSERVED, EXEMPTED };
        Login l;

        agent.jti = "g-1";
        agent.until_sec = END;
        for (size_t i = 0; i < ELEMENTSOF(left_alone); i++) {
                login_begin(&l, "sshd", left_alone[i]);
                assert_int_equal(pam_open_session(l.pamh, 0), IGNORED);
                expect(&l, "", "");
                login_end(&l);
        }
        agent_script(&agent, SCRIPT_DENY);
        login_begin(&l, "sshd", GATED);
        assert_int_equal(pam_open_session(l.pamh, 0), PAM_PERM_DENIED);
        expect(&l, "", "");
        login_end(&l);
}

static void an_answer_that_names_no_grant_puts_nothing_there(void **state)
{
        static const char *const names[] = { NULL, "", "-g", "g 1", "g\n1", "g=1" };
        Login l;

        agent.until_sec = END;
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                agent_drain(&agent);
                agent.jti = names[i];
                login_begin(&l, "sshd", GATED);
                assert_int_equal(pam_open_session(l.pamh, 0), PAM_SUCCESS);
                expect(&l, "", "");
                login_end(&l);
        }
}

/* T09 */
static void the_end_is_written_as_gmtime_would(void **state)
{
        char expires[EXPIRES_SIZE], expected[EXPIRES_SIZE];

        for (uint64_t day = 0; day < 2932897; day += day < 50000 ? 1 : 997)
                for (int i = 0; i < 2; i++) {
                        const time_t sec = (time_t)(day * 86400) + (i == 0 ? 0 : 86399);
                        struct tm tm;

                        assert_non_null(gmtime_r(&sec, &tm));
                        (void)strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm);
                        assert_true(expires_format((uint64_t)sec, expires));
                        assert_string_equal(expires, expected);
                }
        assert_true(expires_format(253402300799, expires));
        assert_string_equal(expires, "9999-12-31T23:59:59Z");
        assert_false(expires_format(253402300800, expires));
        assert_false(expires_format(UINT64_MAX, expires));
}

#define HOST_TEST(f) cmocka_unit_test_setup(f, host_reset)

int main(void)
{
        const struct CMUnitTest tests[] = {
                HOST_TEST(a_session_under_a_grant_knows_the_grant_and_its_end),
                HOST_TEST(what_stood_there_before_does_not_survive_a_grant),
                HOST_TEST(without_a_grant_nothing_is_put_there),
                HOST_TEST(an_answer_that_names_no_grant_puts_nothing_there),
                cmocka_unit_test(the_end_is_written_as_gmtime_would),
        };

        return cmocka_run_group_tests(tests, host_setup, host_teardown);
}
