/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pam_nhi/member: who is in a granted group is told until when, and what becomes of what carries
 * it. It decides nothing: every result stays what it is without the file (K08: nor does a file that
 * this module does not know how to read). */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/pam/pam-host.h"

#include "lib/base/io.h"

#define HEAD "nhi-members 2 3ba3f6c5-0e5b-4f8a-9d0e-6a7c9a5f1c11\n"

static void members_put(const char *name, const char *group, long long end_sec)
{
        char text[512];

        snprintf(text, sizeof(text), HEAD "member %s 5 %s 7 1 %lld 3 4 k-1 g-1 https://i\nend 1\n",
                 name, group, end_sec);
        spit(PATH_MEMBERS_RUN, text);
}

static int reset(void **state)
{
        (void)unlink(PATH_MEMBERS_RUN);
        return host_reset(state);
}

static int done(void **state)
{
        (void)unlink(PATH_MEMBERS_RUN);
        return host_teardown(state);
}

/* open_session, and what was said; talk->last is "" where nothing was. */
static int opens(const char *service, const char *user, int flags, Talk *ret)
{
        Login l;
        int r;

        login_begin(&l, service, user);
        r = pam_acct_mgmt(l.pamh, PAM_SILENT);
        if (r == PAM_SUCCESS || r == IGNORED)
                r = pam_open_session(l.pamh, flags);
        *ret = l.talk;
        login_end(&l);
        return r;
}

static void an_ungated_person_is_told_without_the_agent(void **state)
{
        Talk talk;

        members_put(UNGATED, "pay-ops", 1835442420);
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(opens("sshd", UNGATED, 0, &talk), IGNORED);
        assert_string_equal(talk.last, "nhi: you are in pay-ops until 2028-02-29 13:07 UTC; what "
                                       "carries it then ends.");
        assert_int_equal(agent.n_seen, 0);
}

static void who_is_observed_is_told_of_no_end_that_will_not_come(void **state)
{
        Talk talk;

        members_put(OBSERVED, "pay-ops", 1835442420);
        assert_int_equal(opens("sshd", OBSERVED, 0, &talk), IGNORED);
        assert_string_equal(talk.last, "nhi: you are in pay-ops until 2028-02-29 13:07 UTC.");
}

static void a_gated_person_is_told_once_let_in(void **state)
{
        Talk talk;

        members_put(GATED, "pay-ops", 1835442420);
        assert_int_equal(opens("sshd", GATED, 0, &talk), PAM_SUCCESS);
        assert_non_null(strstr(talk.last, "pay-ops"));
        agent_script(&agent, SCRIPT_DENY);
        assert_int_equal(opens("sshd", GATED, 0, &talk), PAM_PERM_DENIED);
        assert_null(strstr(talk.last, "pay-ops"));
}

static void nobody_else_is_told_and_nothing_that_is_over(void **state)
{
        Talk talk;

        members_put("eve", "pay-ops", 1835442420);
        assert_int_equal(opens("sshd", UNGATED, 0, &talk), IGNORED);
        assert_int_equal(talk.n_lines, 0);
        members_put(UNGATED, "pay-ops", 1);
        assert_int_equal(opens("sshd", UNGATED, 0, &talk), IGNORED);
        assert_int_equal(talk.n_lines, 0);
}

static void who_becomes_somebody_else_is_told_nothing_of_that_one(void **state)
{
        static const char *const services[] = { "su", "sudo" };
        Talk talk;

        members_put(UNGATED, "pay-ops", 1835442420);
        for (size_t i = 0; i < ELEMENTSOF(services); i++) {
                assert_int_equal(opens(services[i], UNGATED, 0, &talk), IGNORED);
                assert_int_equal(talk.n_lines, 0);
        }
}

static void silent_is_silent(void **state)
{
        Talk talk;

        members_put(UNGATED, "pay-ops", 1835442420);
        assert_int_equal(opens("sshd", UNGATED, PAM_SILENT, &talk), IGNORED);
        assert_int_equal(talk.n_lines, 0);
        stack_write("odd", "quiet");
        assert_int_equal(opens("odd", UNGATED, 0, &talk), IGNORED);
        assert_int_equal(talk.n_lines, 0);
        stack_write("odd", "");
}

static void a_file_that_makes_no_sense_changes_nothing(void **state) /* K08 */
{
        static const char *const files[] = {
                "",
                "nhi-members 3 x\nend 0\n",
                HEAD,
                HEAD "member " UNGATED "\nend 1\n",
                HEAD "member " UNGATED " 5 pay-ops 7 1 1835442420 3 4 k-1 g-1 https://i\nend 7\n",
        };
        Talk talk;

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                spit(PATH_MEMBERS_RUN, files[i]);
                assert_int_equal(opens("sshd", UNGATED, 0, &talk), IGNORED);
                assert_int_equal(talk.n_lines, 0);
                assert_int_equal(opens("sshd", GATED, 0, &talk), PAM_SUCCESS);
        }
}

static void dates_are_those_of_the_calendar(void **state)
{
        static const struct {
                long long end_sec;
                const char *text;
        } ends[] = {
                { 4107542399, " 2100-02-28 23:59 UTC;" },
                { 4107542400, " 2100-03-01 00:00 UTC;" },
                { 4007793600, " 2096-12-31 12:00 UTC;" },
                { 253402300799, " 9999-12-31 23:59 UTC;" },
        };
        Talk talk;

        for (size_t i = 0; i < ELEMENTSOF(ends); i++) {
                members_put(UNGATED, "g", ends[i].end_sec);
                (void)opens("sshd", UNGATED, 0, &talk);
                if (!strstr(talk.last, ends[i].text))
                        fail_msg("%s: %s", ends[i].text, talk.last);
        }
}

static void today_needs_no_date(void **state)
{
        const long long now = now_realtime_usec() / (long long)USEC_PER_SEC;
        const long long last = now - now % 86400 + 86399; /* of this day */
        Talk talk;

        if (last - now < 60)
                skip();
        members_put(UNGATED, "g", last);
        (void)opens("sshd", UNGATED, 0, &talk);
        assert_string_equal(talk.last,
                            "nhi: you are in g until 23:59 UTC; what carries it then ends.");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(an_ungated_person_is_told_without_the_agent, reset),
                cmocka_unit_test_setup(who_is_observed_is_told_of_no_end_that_will_not_come, reset),
                cmocka_unit_test_setup(a_gated_person_is_told_once_let_in, reset),
                cmocka_unit_test_setup(nobody_else_is_told_and_nothing_that_is_over, reset),
                cmocka_unit_test_setup(who_becomes_somebody_else_is_told_nothing_of_that_one,
                                       reset),
                cmocka_unit_test_setup(silent_is_silent, reset),
                cmocka_unit_test_setup(a_file_that_makes_no_sense_changes_nothing, reset),
                cmocka_unit_test_setup(dates_are_those_of_the_calendar, reset),
                cmocka_unit_test_setup(today_needs_no_date, reset),
        };

        return cmocka_run_group_tests_name("pam-member", tests, host_setup, done);
}
