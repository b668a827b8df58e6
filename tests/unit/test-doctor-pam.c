/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl doctor, PAM (K10: F1, F3, user_readenv; K-rows of lockouts). */

#include "doctor-fixture.h"
#include "nhictl/doctor/pam.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define ACCOUNT_GATE "account requisite pam_nhi.so\n"
#define ACCOUNT_REST                                                                               \
        "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\n"                   \
        "account requisite pam_deny.so\n"                                                          \
        "account required pam_permit.so\n"
#define SESSION_REST                                                                               \
        "session [default=1] pam_permit.so\n"                                                      \
        "session requisite pam_deny.so\n"                                                          \
        "session required pam_permit.so\n"                                                         \
        "session optional pam_systemd.so\n"
#define SESSION_GATE                                                                               \
        "session [success=ignore default=1] pam_succeed_if.so quiet user ingroup nhi-managed\n"    \
        "session optional pam_mkhomedir.so umask=0077\n"                                           \
        "session required pam_nhi.so\n"

/* A Debian host after `nhictl pam enable`. */
static void host_new(DoctorFixture *x)
{
        fixture_init(x);
        fixture_file(x, "/etc/pam.d/common-account", ACCOUNT_GATE ACCOUNT_REST);
        fixture_file(x, "/etc/pam.d/common-session", SESSION_REST SESSION_GATE);
        fixture_file(x, "/etc/pam.d/sshd",
                     "account required pam_nologin.so\n@include common-account\n@include "
                     "common-session\nsession required pam_env.so\n");
        fixture_file(x, "/etc/pam.d/sudo", "@include common-account\n@include common-session\n");
        fixture_file(x, "/etc/pam.d/passwd", "password required pam_unix.so\n");
        fixture_file(x, "/lib/x86_64-linux-gnu/security/pam_permit.so", "");
        fixture_file(x, "/lib/x86_64-linux-gnu/security/pam_nhi.so", "");
}

static void expect_finding(const char *check, const char *file, const char *text,
                           FindingLevel level, const char *sentence)
{
        DoctorFixture x;

        host_new(&x);
        fixture_check(&x, check);
        assert_true(fixture_is_well(&x));
        fixture_file(&x, file, text);
        fixture_check(&x, check);
        assert_true(fixture_says(&x, level, sentence));
        fixture_done(&x);
}

static void a_host_as_enabled_is_well(void **state)
{
        static const char *const checks[] = { "pam-order", "pam-session", "pam-module",
                                              "pam-line",  "pam-off",     "pam-environment",
                                              "pam-sssd" };
        DoctorFixture x;

        host_new(&x);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                fixture_check(&x, checks[i]);
                assert_true(fixture_is_well(&x));
        }
        fixture_done(&x);
}

/* F1 */
static void the_gate_behind_pam_unix_is_found(void **state)
{
        expect_finding("pam-order", "/etc/pam.d/common-account", ACCOUNT_REST ACCOUNT_GATE,
                       FINDING_FAIL, "sshd, sudo: /etc/pam.d/common-account:1");
}

static void the_gate_behind_pam_localuser_is_found(void **state)
{
        expect_finding("pam-order", "/etc/pam.d/common-account",
                       "account sufficient pam_localuser.so\n" ACCOUNT_GATE, FINDING_FAIL,
                       "/etc/pam.d/common-account:1 (sufficient pam_localuser.so)");
}

static void a_jump_over_the_gate_is_found_and_one_before_it_is_not(void **state)
{
        DoctorFixture x;

        host_new(&x);
        fixture_file(&x, "/etc/pam.d/common-account",
                     "account [success=1 default=ignore] pam_x.so\naccount optional "
                     "pam_y.so\n" ACCOUNT_GATE);
        fixture_check(&x, "pam-order");
        assert_true(fixture_is_well(&x));
        fixture_file(&x, "/etc/pam.d/common-account",
                     "account [success=2 default=ignore] pam_x.so\naccount optional "
                     "pam_y.so\n" ACCOUNT_GATE);
        fixture_check(&x, "pam-order");
        assert_true(fixture_says(&x, FINDING_FAIL, "common-account:1"));
        fixture_done(&x);
}

static void a_way_in_without_the_gate_is_a_fail_and_another_service_a_warning(void **state)
{
        expect_finding("pam-order", "/etc/pam.d/su", ACCOUNT_REST, FINDING_FAIL,
                       "su: no pam_nhi.so in the account stack");
        expect_finding("pam-order", "/etc/pam.d/vpn", ACCOUNT_REST, FINDING_WARN,
                       "vpn: no pam_nhi.so in the account stack");
        expect_finding("pam-order", "/usr/lib/pam.d/systemd-user", ACCOUNT_REST, FINDING_FAIL,
                       "systemd-user: no pam_nhi.so");
}

static void a_backup_of_an_editor_is_no_service(void **state)
{
        DoctorFixture x;

        host_new(&x);
        fixture_file(&x, "/etc/pam.d/su.dpkg-dist", ACCOUNT_REST);
        fixture_file(&x, "/etc/pam.d/su~", ACCOUNT_REST);
        fixture_check(&x, "pam-order");
        assert_true(fixture_is_well(&x));
        fixture_done(&x);
}

static void a_host_that_is_not_enabled_is_a_warning_until_a_gate_is_enforced(void **state)
{
        DoctorFixture x;
        json_t *gates = json_pack("[{s:s, s:s}]", "name", "operators", "mode", "enforce");

        host_new(&x);
        fixture_file(&x, "/etc/pam.d/common-account", ACCOUNT_REST);
        fixture_file(&x, "/etc/pam.d/common-session", SESSION_REST);
        fixture_file(&x, "/usr/lib/pam.d/nhi-unit", ACCOUNT_GATE);
        fixture_check(&x, "pam-order");
        assert_true(fixture_says(&x, FINDING_WARN, "nothing is gated yet"));
        assert_int_equal(findings_count(&x.findings, FINDING_FAIL), 0);
        x.host.gates = gates;
        fixture_check(&x, "pam-order");
        assert_true(fixture_says(&x, FINDING_FAIL, "nothing is gated"));
        fixture_done(&x);
        json_decref(gates);
}

static void half_a_profile_is_found_on_either_side(void **state)
{
        expect_finding("pam-session", "/etc/pam.d/common-session", SESSION_REST, FINDING_FAIL,
                       "sshd, sudo: no pam_nhi.so in the session stack");
        expect_finding("pam-session", "/etc/pam.d/common-account", ACCOUNT_REST, FINDING_FAIL,
                       "half of the gate");
}

/* su and sudo -i leave a scope that was made before pam_systemd. */
static void the_session_line_before_pam_systemd_is_found(void **state)
{
        expect_finding("pam-session", "/etc/pam.d/common-session", SESSION_GATE SESSION_REST,
                       FINDING_FAIL, "leave the grant's scope");
}

static void a_jump_over_the_session_line_is_found(void **state)
{
        expect_finding("pam-session", "/etc/pam.d/common-session",
                       SESSION_REST "session [success=ignore default=2] pam_succeed_if.so x\n"
                                    "session optional pam_mkhomedir.so\n"
                                    "session required pam_nhi.so\n",
                       FINDING_FAIL, "common-session:5");
}

/* Root is locked out, too. */
static void a_module_that_is_gone_is_found(void **state)
{
        expect_finding("pam-module", "/lib/x86_64-linux-gnu/security/pam_nhi.so", NULL,
                       FINDING_FAIL, "/etc/pam.d/common-account:1 names pam_nhi.so");
        expect_finding("pam-module", "/etc/pam.d/su",
                       "account requisite /opt/nhi/pam_nhi.so\n" ACCOUNT_REST, FINDING_FAIL,
                       "/etc/pam.d/su:1 names /opt/nhi/pam_nhi.so");
}

static void an_architecture_without_the_module_is_a_warning(void **state)
{
        expect_finding("pam-module", "/lib/i386-linux-gnu/security/pam_permit.so", "", FINDING_WARN,
                       "/lib/i386-linux-gnu/security");
}

static void a_control_that_lets_a_denial_pass_is_found(void **state)
{
        static const char *const bad[] = {
                "account optional pam_nhi.so\n",
                "account sufficient pam_nhi.so\n",
                "account [success=ok default=ignore] pam_nhi.so\n",
                "account [success=ok ignore=ignore module_unknown=ignore default=die] pam_nhi.so\n",
                "account [success=ok ignore=ignore perm_denied=1 default=die] pam_nhi.so\n",
                "account [success=done ignore=ignore default=die] pam_nhi.so\n",
                "-account requisite pam_nhi.so\n",
                /* Everybody who needs no grant would be denied. */
                "account [success=ok default=die] pam_nhi.so\n",
                "session optional pam_nhi.so\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                expect_finding("pam-line", "/etc/pam.d/common-account", bad[i], FINDING_FAIL,
                               "/etc/pam.d/common-account:1");
}

static void controls_that_deny_are_well(void **state)
{
        static const char *const good[] = {
                "account required pam_nhi.so\n",
                "account [success=ok ignore=ignore default=die] pam_nhi.so quiet\n",
                "account [success=ok ignore=ignore] pam_nhi.so debug\n",
        };
        DoctorFixture x;

        host_new(&x);
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                fixture_file(&x, "/etc/pam.d/common-account", good[i]);
                fixture_check(&x, "pam-line");
                assert_true(fixture_is_well(&x));
        }
        fixture_done(&x);
}

static void an_unknown_word_is_found(void **state)
{
        expect_finding("pam-line", "/etc/pam.d/common-account",
                       "account requisite pam_nhi.so debug fail_open\n", FINDING_FAIL,
                       "common-account:1: pam_nhi.so knows no word \"fail_open\"");
}

static void a_line_that_is_commented_out_is_found(void **state)
{
        expect_finding("pam-off", "/etc/pam.d/common-account",
                       "# here are the modules\n#account\t[success=ok default=die]  pam_nhi.so\n",
                       FINDING_FAIL, "/etc/pam.d/common-account:2");
}

static void prose_about_the_module_is_no_line(void **state)
{
        DoctorFixture x;

        host_new(&x);
        fixture_file(&x, "/etc/pam.d/su", "# account: see pam_nhi.so\n# pam_nhi.so is first\n");
        fixture_check(&x, "pam-off");
        assert_true(fixture_is_well(&x));
        fixture_done(&x);
}

static void user_readenv_is_a_warning_that_names_its_lines(void **state)
{
        expect_finding("pam-environment", "/etc/pam.d/cron",
                       "session required pam_env.so user_readenv=1 envfile=/x\n", FINDING_WARN,
                       "/etc/pam.d/cron:1");
}

/* A socket of SSSD below the host's root, bound; nobody listens yet. */
static int sssd_socket(const DoctorFixture *x, const char *name)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        char path[PATH_MAX];

        fixture_path(x, name, path);
        assert_true(strlen(path) < sizeof(address.sun_path));
        memcpy(address.sun_path, path, strlen(path));
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        return fd;
}

static void an_sssd_that_is_stopped_behind_the_gate_is_found(void **state)
{
        DoctorFixture x;
        int fd, other_fd;

        host_new(&x);
        fixture_file(&x, "/etc/pam.d/common-account",
                     ACCOUNT_GATE ACCOUNT_REST
                     "account sufficient pam_localuser.so\n"
                     "account [default=bad success=ok user_unknown=ignore] pam_sss.so\n");
        fixture_check(&x, "pam-sssd");
        assert_true(fixture_says(&x, FINDING_OK, "has not run here"));
        other_fd = sssd_socket(&x, "/var/lib/sss/pipes/pam");
        fixture_check(&x, "pam-sssd");
        assert_true(fixture_says(&x, FINDING_FAIL, "/pipes/pam"));
        fd = sssd_socket(&x, "/var/lib/sss/pipes/private/pam");
        fixture_check(&x, "pam-sssd");
        assert_true(fixture_says(&x, FINDING_FAIL, "/etc/pam.d/common-account:6"));
        assert_int_equal(listen(fd, 1), 0);
        fixture_check(&x, "pam-sssd");
        assert_true(fixture_is_well(&x));
        (void)close(fd);
        (void)close(other_fd);
        fixture_done(&x);
}

static void an_sssd_that_cannot_be_asked_is_a_warning(void **state)
{
        char deep[128] = "";
        DoctorFixture x;
        size_t top;

        host_new(&x);
        memset(deep, 'x', sizeof(deep) - 1);
        /* Longer than the address of a socket can be. */
        top = strlen(x.root);
        snprintf(x.root + top, sizeof(x.root) - top, "/%s", deep);
        fixture_file(&x, "/etc/pam.d/common-account",
                     ACCOUNT_GATE "account [default=bad user_unknown=ignore] pam_sss.so\n");
        fixture_file(&x, "/etc/pam.d/sshd", "@include common-account\n");
        fixture_check(&x, "pam-sssd");
        assert_true(fixture_says(&x, FINDING_WARN, "cannot be told"));
        x.root[top] = '\0';
        fixture_done(&x);
}

static void a_host_without_pam_is_a_warning(void **state)
{
        static const char *const checks[] = { "pam-order", "pam-session", "pam-module",
                                              "pam-line",  "pam-off",     "pam-environment",
                                              "pam-sssd" };
        DoctorFixture x;

        fixture_init(&x);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                fixture_check(&x, checks[i]);
                assert_true(fixture_says(&x, FINDING_WARN, NULL));
        }
        fixture_done(&x);
}

static void an_include_that_loops_is_a_warning(void **state)
{
        expect_finding("pam-order", "/etc/pam.d/su", "@include su\n", FINDING_WARN,
                       "cannot be read");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_as_enabled_is_well),
                cmocka_unit_test(the_gate_behind_pam_unix_is_found),
                cmocka_unit_test(the_gate_behind_pam_localuser_is_found),
                cmocka_unit_test(a_jump_over_the_gate_is_found_and_one_before_it_is_not),
                cmocka_unit_test(a_way_in_without_the_gate_is_a_fail_and_another_service_a_warning),
                cmocka_unit_test(a_backup_of_an_editor_is_no_service),
                cmocka_unit_test(a_host_that_is_not_enabled_is_a_warning_until_a_gate_is_enforced),
                cmocka_unit_test(half_a_profile_is_found_on_either_side),
                cmocka_unit_test(the_session_line_before_pam_systemd_is_found),
                cmocka_unit_test(a_jump_over_the_session_line_is_found),
                cmocka_unit_test(a_module_that_is_gone_is_found),
                cmocka_unit_test(an_architecture_without_the_module_is_a_warning),
                cmocka_unit_test(a_control_that_lets_a_denial_pass_is_found),
                cmocka_unit_test(controls_that_deny_are_well),
                cmocka_unit_test(an_unknown_word_is_found),
                cmocka_unit_test(a_line_that_is_commented_out_is_found),
                cmocka_unit_test(prose_about_the_module_is_no_line),
                cmocka_unit_test(user_readenv_is_a_warning_that_names_its_lines),
                cmocka_unit_test(an_sssd_that_is_stopped_behind_the_gate_is_found),
                cmocka_unit_test(an_sssd_that_cannot_be_asked_is_a_warning),
                cmocka_unit_test(a_host_without_pam_is_a_warning),
                cmocka_unit_test(an_include_that_loops_is_a_warning),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
