/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl doctor, sudo (K10: F3, F12; P27). */

#include "doctor-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CVT     "/usr/bin/cvtsudoers -f json"
#define VERSION "Sudo version 1.9.13p3\nSudoers policy plugin version 1.9.13p3\n"
#define LOADED  VERSION "nhi approval plugin version 0.1.0\n"

static void host_new(DoctorFixture *x)
{
        fixture_init(x);
        fixture_file(x, "/usr/bin/sudo", "");
        fixture_file(x, "/etc/sudo.conf",
                     "Plugin sudo_nhi_approval sudo_nhi.so\nSet group_source dynamic\n");
        fixture_runs(x, "/usr/bin/sudo -V", LOADED, 0);
        fixture_runs(x, CVT, "{\"Defaults\":[{\"Options\":[{\"env_reset\":true}]}]}", 0);
}

static json_t *grant_new(const char *run_as, const char *group)
{
        return json_pack("[{s:s, s:[{s:[s], s:[s]}, {s:[s]}]}]", "account", "olga",
                         "authorization_details", "services", "sudo", "run_as", run_as, "groups",
                         group);
}

static void a_host_as_enabled_is_well(void **state)
{
        static const char *const checks[] = { "sudo-defaults", "sudo-plugin", "sudo-groups" };
        json_t *grants = grant_new("postgres", "pay-ops");
        DoctorFixture x;

        host_new(&x);
        x.host.grants = grants;
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                fixture_check(&x, checks[i]);
                assert_true(fixture_is_well(&x));
        }
        fixture_file(&x, "/usr/bin/sudo", NULL);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                fixture_check(&x, checks[i]);
                assert_true(fixture_says(&x, FINDING_OK, "no sudo"));
        }
        fixture_done(&x);
        json_decref(grants);
}

static bool defaults_say(const char *options, FindingLevel level, const char *text)
{
        char output[512];
        DoctorFixture x;
        bool said;

        host_new(&x);
        snprintf(output, sizeof(output),
                 "{\"Defaults\":[{\"Options\":[{\"env_reset\":true}]},"
                 "{\"Binding\":[{\"username\":\"bob\"}],\"Options\":[%s]}]}",
                 options);
        fixture_runs(&x, CVT, output, 0);
        fixture_file(&x, "/etc/sudoers", "# Defaults !pam_acct_mgmt\nroot ALL=(ALL) ALL\n");
        fixture_file(&x, "/etc/sudoers.d/x", "\nDefaults:bob !pam_acct_mgmt\n");
        fixture_check(&x, "sudo-defaults");
        said = text ? fixture_says(&x, level, text) && x.findings.n == 1 : fixture_is_well(&x);
        fixture_done(&x);
        return said;
}

/* F3 */
static void options_that_skip_the_gate_are_found(void **state)
{
        assert_true(defaults_say("{\"pam_acct_mgmt\":false}", FINDING_FAIL,
                                 "!pam_acct_mgmt (/etc/sudoers.d/x:2)"));
        assert_true(defaults_say("{\"use_pty\":true},{\"pam_session\":false}", FINDING_FAIL,
                                 "!pam_session"));
        assert_true(
                defaults_say("{\"pam_acct_mgmt\":true},{\"pam_session\":true}", FINDING_OK, NULL));
}

/* F12, P27 */
static void unknown_ids_as_targets_are_found(void **state)
{
        assert_true(defaults_say("{\"runas_allow_unknown_id\":true}", FINDING_FAIL,
                                 "Defaults runas_allow_unknown_id"));
        assert_true(defaults_say("{\"runas_allow_unknown_id\":false}", FINDING_OK, NULL));
}

static void another_service_of_pam_is_found(void **state)
{
        assert_true(defaults_say("{\"pam_service\":\"quiet\"}", FINDING_FAIL, "pam_service=quiet"));
        assert_true(
                defaults_say("{\"pam_login_service\":\"x\"}", FINDING_FAIL, "pam_login_service=x"));
        assert_true(defaults_say("{\"pam_service\":\"sudo\"},{\"pam_login_service\":\"sudo-i\"}",
                                 FINDING_OK, NULL));
}

static void sudoers_that_cannot_be_read_are_a_warning(void **state)
{
        static const FakeRun runs[] = { { CVT, "", 1 }, { CVT, "", -ENOENT }, { CVT, "{", 0 } };
        DoctorFixture x;

        host_new(&x);
        for (size_t i = 0; i < ELEMENTSOF(runs); i++) {
                fixture_runs(&x, runs[i].words, runs[i].output, runs[i].status);
                fixture_check(&x, "sudo-defaults");
                assert_true(fixture_says(&x, FINDING_WARN, "cannot be read"));
        }
        fixture_runs(&x, CVT, "", 0);
        fixture_check(&x, "sudo-defaults");
        assert_true(fixture_is_well(&x));
        fixture_done(&x);
}

static void sudoers_elsewhere_are_a_warning(void **state)
{
        DoctorFixture x;

        host_new(&x);
        fixture_file(&x, "/etc/nsswitch.conf", "passwd: files sss\nsudoers: files sss\n");
        fixture_check(&x, "sudo-defaults");
        assert_true(fixture_says(&x, FINDING_WARN, "not seen"));
        fixture_runs(&x, CVT, "{\"Defaults\":[{\"Options\":[{\"pam_session\":false}]}]}", 0);
        fixture_check(&x, "sudo-defaults");
        assert_true(fixture_says(&x, FINDING_FAIL, "!pam_session"));
        assert_int_equal(findings_count(&x.findings, FINDING_OK), 0);
        fixture_done(&x);
}

static void narrow_grants_need_the_plugin(void **state)
{
        json_t *narrow = grant_new("postgres", "x"), *wide = grant_new("root", "x");
        DoctorFixture x;

        host_new(&x);
        fixture_file(&x, "/etc/sudo.conf", NULL);
        fixture_runs(&x, "/usr/bin/sudo -V", VERSION, 0);
        fixture_check(&x, "sudo-plugin");
        assert_true(fixture_is_well(&x));
        x.host.grants = wide;
        fixture_check(&x, "sudo-plugin");
        assert_true(fixture_is_well(&x));
        x.host.grants = narrow;
        fixture_check(&x, "sudo-plugin");
        assert_true(fixture_says(&x, FINDING_FAIL, "narrower than root"));
        fixture_done(&x);
        json_decref(narrow);
        json_decref(wide);
}

static void a_plugin_that_sudo_cannot_load_is_a_fail(void **state)
{
        DoctorFixture x;

        host_new(&x);
        fixture_runs(&x, "/usr/bin/sudo -V", "", 1);
        fixture_check(&x, "sudo-plugin");
        assert_true(fixture_says(&x, FINDING_FAIL, "fatal for everybody"));
        fixture_done(&x);
}

static void a_sudo_that_does_not_answer_is_a_warning(void **state)
{
        DoctorFixture x;

        host_new(&x);
        fixture_runs(&x, "/usr/bin/sudo -V", "", -ETIMEDOUT);
        fixture_check(&x, "sudo-plugin");
        assert_true(fixture_says(&x, FINDING_WARN, "cannot be asked"));
        fixture_file(&x, "/etc/sudo.conf", NULL);
        fixture_runs(&x, "/usr/bin/sudo -V", "", 1);
        fixture_check(&x, "sudo-plugin");
        assert_true(fixture_says(&x, FINDING_WARN, "cannot be asked"));
        fixture_done(&x);
}

static void sudo_rs_is_a_warning_and_a_fail_under_narrow_grants(void **state)
{
        json_t *narrow = grant_new("postgres", "x");
        DoctorFixture x;

        host_new(&x);
        fixture_file(&x, "/etc/sudo.conf", NULL);
        fixture_runs(&x, "/usr/bin/sudo -V", "sudo-rs 0.2.5\n", 0);
        fixture_check(&x, "sudo-plugin");
        assert_true(fixture_says(&x, FINDING_WARN, "sudo-rs"));
        x.host.grants = narrow;
        fixture_check(&x, "sudo-plugin");
        assert_true(fixture_says(&x, FINDING_FAIL, "sudo-rs"));
        fixture_done(&x);
        json_decref(narrow);
}

/* sudo's default does not see a group that came through NSS during the session. */
static void groups_of_grants_need_a_dynamic_group_source(void **state)
{
        json_t *grants = grant_new("postgres", "pay-ops");
        DoctorFixture x;

        host_new(&x);
        fixture_file(&x, "/etc/sudo.conf", "Set group_source adaptive\n");
        fixture_check(&x, "sudo-groups");
        assert_true(fixture_is_well(&x));
        x.host.grants = grants;
        fixture_check(&x, "sudo-groups");
        assert_true(fixture_says(&x, FINDING_FAIL, "not dynamic"));
        fixture_done(&x);
        json_decref(grants);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_as_enabled_is_well),
                cmocka_unit_test(options_that_skip_the_gate_are_found),
                cmocka_unit_test(unknown_ids_as_targets_are_found),
                cmocka_unit_test(another_service_of_pam_is_found),
                cmocka_unit_test(sudoers_that_cannot_be_read_are_a_warning),
                cmocka_unit_test(sudoers_elsewhere_are_a_warning),
                cmocka_unit_test(narrow_grants_need_the_plugin),
                cmocka_unit_test(a_plugin_that_sudo_cannot_load_is_a_fail),
                cmocka_unit_test(a_sudo_that_does_not_answer_is_a_warning),
                cmocka_unit_test(sudo_rs_is_a_warning_and_a_fail_under_narrow_grants),
                cmocka_unit_test(groups_of_grants_need_a_dynamic_group_source),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
