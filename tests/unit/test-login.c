/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* C2: which login confirms an enforcement. */

#include "nhictl/login.h"

#include "lib/base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SESSION(id, audit, leader, began)                                                          \
        "Id=" id "\nName=olga\nTimestampMonotonic=" began "\nRemoteHost=192.0.2.7\n"               \
        "Service=sshd\nLeader=" leader "\nAudit=" audit "\nClass=user\n"

static const Login good = { .session = "12",
                            .user = "olga",
                            .service = "sshd",
                            .class = "user",
                            .remote = "192.0.2.7",
                            .begun_monotonic_usec = 2001 };
static const Pending pending = { .in_force_monotonic_usec = 2000 };

/* The leaders of the texts below: 100 belongs to audit session 7. */
static uint32_t audit_of(int64_t pid)
{
        return pid == 100 || pid == 101 ? 7 : LOGIN_AUDIT_INVALID;
}

static void a_login_that_began_behind_the_enforcement_confirms(void **state)
{
        Login login = good;

        assert_int_equal(login_judge(&login, &pending), LOGIN_REFUSAL_NONE);
        (void)snprintf(login.class, sizeof(login.class), "user-light");
        assert_int_equal(login_judge(&login, &pending), LOGIN_REFUSAL_NONE);
}

/* N and N+1: the same microsecond is not behind it. */
static void a_login_that_began_before_is_refused(void **state)
{
        Login login = good;

        login.begun_monotonic_usec = 2000;
        assert_int_equal(login_judge(&login, &pending), LOGIN_REFUSAL_OLD);
        login.begun_monotonic_usec = -1;
        assert_int_equal(login_judge(&login, &pending), LOGIN_REFUSAL_OLD);
        assert_non_null(strstr(login_refusal_sentence(LOGIN_REFUSAL_OLD), "reset_connection"));
        assert_non_null(strstr(login_refusal_sentence(LOGIN_REFUSAL_OLD), "ControlPath=none"));
}

static void what_was_never_in_force_is_confirmed_by_nobody(void **state)
{
        const Pending never = { .in_force_monotonic_usec = 0 };

        assert_int_equal(login_judge(&good, &never), LOGIN_REFUSAL_OLD);
}

static void jobs_and_elevations_are_no_logins(void **state)
{
        static const char *const elevations[] = { "sudo", "sudo-i", "su", "su-l", "systemd-run0" };
        static const char *const classes[] = { "background", "manager", "greeter", "" };
        Login login = good;

        for (size_t i = 0; i < ELEMENTSOF(elevations); i++) {
                (void)snprintf(login.service, sizeof(login.service), "%s", elevations[i]);
                assert_int_equal(login_judge(&login, &pending), LOGIN_REFUSAL_ELEVATION);
        }
        login = good;
        for (size_t i = 0; i < ELEMENTSOF(classes); i++) {
                (void)snprintf(login.class, sizeof(login.class), "%s", classes[i]);
                assert_int_equal(login_judge(&login, &pending), LOGIN_REFUSAL_NO_PERSON);
        }
}

static void a_login_is_found_by_its_audit_session(void **state)
{
        static const char text[] = SESSION("3", "3", "900", "1000") "\n" SESSION(
                "12", "12", "901", "2001") "\n" SESSION("c1", "0", "902", "3000");
        Login login;

        assert_true(login_parse(text, 12, audit_of, NULL, &login));
        assert_string_equal(login.session, "12");
        assert_string_equal(login.user, "olga");
        assert_string_equal(login.service, "sshd");
        assert_string_equal(login.remote, "192.0.2.7");
        assert_int_equal(login.begun_monotonic_usec, 2001);
        assert_false(login_parse(text, 13, audit_of, NULL, &login));
        assert_false(login_parse("", 12, audit_of, NULL, &login));
}

/* In a container logind says Audit=0. */
static void a_login_is_found_by_its_leader(void **state)
{
        static const char text[] =
                SESSION("c1", "0", "900", "1000") "\n" SESSION("c2", "0", "100", "2001");
        Login login;

        assert_true(login_parse(text, 7, audit_of, NULL, &login));
        assert_string_equal(login.session, "c2");
}

/* sudo -i in an old login may be given a session of its own: it is the old login. */
static void of_two_sessions_of_one_login_the_older_counts(void **state)
{
        static const char newer_first[] =
                SESSION("c9", "0", "101", "5000") "\n" SESSION("c2", "0", "100", "1000");
        static const char older_first[] =
                SESSION("c2", "0", "100", "1000") "\n" SESSION("c9", "0", "101", "5000");
        Login login;

        assert_true(login_parse(newer_first, 7, audit_of, NULL, &login));
        assert_string_equal(login.session, "c2");
        assert_true(login_parse(older_first, 7, audit_of, NULL, &login));
        assert_string_equal(login.session, "c2");
        assert_int_equal(login_judge(&login, &pending), LOGIN_REFUSAL_OLD);
}

static void without_audit_the_session_of_the_cgroup_counts(void **state)
{
        static const char text[] =
                SESSION("c1", "0", "100", "1000") "\n" SESSION("c2", "0", "101", "2001");
        Login login;

        assert_true(login_parse(text, LOGIN_AUDIT_INVALID, audit_of, "c2", &login));
        assert_int_equal(login.begun_monotonic_usec, 2001);
        assert_false(login_parse(text, LOGIN_AUDIT_INVALID, audit_of, "c3", &login));
        assert_false(login_parse(text, LOGIN_AUDIT_INVALID, audit_of, NULL, &login));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_login_that_began_behind_the_enforcement_confirms),
                cmocka_unit_test(a_login_that_began_before_is_refused),
                cmocka_unit_test(what_was_never_in_force_is_confirmed_by_nobody),
                cmocka_unit_test(jobs_and_elevations_are_no_logins),
                cmocka_unit_test(a_login_is_found_by_its_audit_session),
                cmocka_unit_test(a_login_is_found_by_its_leader),
                cmocka_unit_test(of_two_sessions_of_one_login_the_older_counts),
                cmocka_unit_test(without_audit_the_session_of_the_cgroup_counts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
