/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl doctor, sshd (K10: F4). */

#include "doctor-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HELPER "/usr/libexec/nhi/nhi-authorized-keys %u %t %k"
#define GOOD                                                                                       \
        "port 22\nusepam yes\npermituserenvironment no\n"                                          \
        "authorizedkeyscommand " HELPER "\nauthorizedkeyscommanduser nhi-keys\n"                   \
        "authorizedkeysfile none\n"

static const char *const checks[] = { "sshd-pam", "sshd-keys", "sshd-keyfile", "sshd-environment" };

/* A host with sshd, and one grant whose account exists. */
static json_t *host_new(DoctorFixture *x)
{
        json_t *grants = json_pack("[{s:s, s:[{s:[s]}]}]", "account", "svc-deploy",
                                   "authorization_details", "ssh_keys", "ssh-ed25519 AAAA");

        fixture_init(x);
        x->host.grants = grants;
        fixture_file(x, "/usr/sbin/sshd", "");
        fixture_runs(x, "/usr/bin/getent passwd -- svc-deploy",
                     "svc-deploy:*:70000:70000::/var/lib/svc-deploy:/bin/bash\n", 0);
        fixture_runs(x, "/usr/sbin/sshd -T -C user=svc-deploy,host=localhost,addr=127.0.0.1", GOOD,
                     0);
        return grants;
}

static void expect(const char *check, const char *output, FindingLevel level, const char *text)
{
        DoctorFixture x;
        json_t *grants = host_new(&x);

        fixture_runs(&x, "/usr/sbin/sshd -T", output, 0);
        fixture_check(&x, check);
        assert_true(fixture_says(&x, level, text));
        fixture_done(&x);
        json_decref(grants);
}

static void a_host_with_the_drop_in_is_well(void **state)
{
        DoctorFixture x;
        json_t *grants = host_new(&x);

        fixture_runs(&x, "/usr/sbin/sshd -T -C user=root", GOOD, 0);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                fixture_check(&x, checks[i]);
                assert_true(fixture_is_well(&x));
        }
        fixture_done(&x);
        json_decref(grants);
}

static void a_host_without_sshd_is_well(void **state)
{
        DoctorFixture x;

        fixture_init(&x);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                fixture_check(&x, checks[i]);
                assert_true(fixture_says(&x, FINDING_OK, "no sshd"));
        }
        fixture_done(&x);
}

static void an_sshd_that_does_not_answer_is_a_warning(void **state)
{
        DoctorFixture x;
        json_t *grants = host_new(&x);

        fixture_runs(&x, "/usr/sbin/sshd -T", "", 255);
        for (size_t i = 0; i < ELEMENTSOF(checks); i++) {
                fixture_check(&x, checks[i]);
                assert_int_equal(x.findings.n, 1);
                assert_true(fixture_says(&x, FINDING_WARN, "sshd -T"));
        }
        fixture_done(&x);
        json_decref(grants);
}

/* F4 */
static void use_pam_no_is_a_fail(void **state)
{
        expect("sshd-pam", "usepam no\n", FINDING_FAIL, "UsePAM is \"no\"");
        expect("sshd-pam", "port 22\n", FINDING_FAIL, "not known to this sshd");
}

static void permit_user_environment_is_a_warning(void **state)
{
        expect("sshd-environment", "permituserenvironment yes\n", FINDING_WARN, "is \"yes\"");
        expect("sshd-environment", "permituserenvironment LANG,LC_*\n", FINDING_WARN, "LC_*");
}

static void a_command_that_is_not_ours_is_a_fail_where_grants_carry_keys(void **state)
{
        DoctorFixture x;

        expect("sshd-keys", "authorizedkeyscommand none\n", FINDING_FAIL,
               "AuthorizedKeysCommand is \"none\"");
        expect("sshd-keys", "authorizedkeyscommand /usr/bin/sss_ssh_authorizedkeys\n", FINDING_FAIL,
               "sss_ssh_authorizedkeys");
        fixture_init(&x);
        fixture_file(&x, "/usr/sbin/sshd", "");
        fixture_runs(&x, "/usr/sbin/sshd -T -C user=root", "authorizedkeyscommand none\n", 0);
        fixture_check(&x, "sshd-keys");
        assert_true(fixture_says(&x, FINDING_WARN, "none"));
        fixture_done(&x);
}

static void our_command_needs_its_words_and_its_user(void **state)
{
        expect("sshd-keys",
               "authorizedkeyscommand /usr/libexec/nhi/nhi-authorized-keys %u\n"
               "authorizedkeyscommanduser nhi-keys\n",
               FINDING_FAIL, "offers no key");
        expect("sshd-keys", "authorizedkeyscommand " HELPER "\nauthorizedkeyscommanduser root\n",
               FINDING_FAIL, "is \"root\"");
        expect("sshd-keys",
               "authorizedkeyscommand " HELPER " --then /usr/bin/sss_ssh_authorizedkeys %u\n"
               "authorizedkeyscommanduser nhi-keys\n",
               FINDING_OK, NULL);
}

static void an_open_keys_file_of_a_managed_account_is_a_fail(void **state)
{
        expect("sshd-keyfile", "authorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\n",
               FINDING_FAIL, "is \".ssh/authorized_keys .ssh/authorized_keys2\" for svc-deploy");
}

/* No grant is active: the files are read instead. */
static void without_an_account_of_a_grant_the_block_is_looked_for(void **state)
{
        json_t *status = json_pack("{s:i}", "accounts", 1);
        DoctorFixture x;

        fixture_init(&x);
        fixture_file(&x, "/usr/sbin/sshd", "");
        fixture_runs(&x, "/usr/sbin/sshd -T -C user=root",
                     "authorizedkeysfile .ssh/authorized_keys\n", 0);
        fixture_file(&x, "/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n");
        fixture_check(&x, "sshd-keyfile");
        assert_true(fixture_says(&x, FINDING_WARN, "no block"));
        x.host.status = status;
        fixture_check(&x, "sshd-keyfile");
        assert_true(fixture_says(&x, FINDING_FAIL, "no block"));
        fixture_file(&x, "/etc/ssh/sshd_config.d/20-nhi.conf",
                     "Match Group nhi-managed\n\tAuthorizedKeysFile .ssh/authorized_keys\n");
        fixture_check(&x, "sshd-keyfile");
        assert_true(fixture_says(&x, FINDING_FAIL, "no block"));
        fixture_file(&x, "/etc/ssh/sshd_config.d/20-nhi.conf",
                     "Match Group nhi-managed\nMatch all\nAuthorizedKeysFile none\n");
        fixture_check(&x, "sshd-keyfile");
        assert_true(fixture_says(&x, FINDING_FAIL, "no block"));
        fixture_file(&x, "/etc/ssh/sshd_config.d/20-nhi.conf",
                     "match group nhi-managed\n\tauthorizedkeysfile=none\nMatch all\n");
        fixture_check(&x, "sshd-keyfile");
        assert_true(fixture_is_well(&x));
        fixture_done(&x);
        json_decref(status);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_with_the_drop_in_is_well),
                cmocka_unit_test(a_host_without_sshd_is_well),
                cmocka_unit_test(an_sshd_that_does_not_answer_is_a_warning),
                cmocka_unit_test(use_pam_no_is_a_fail),
                cmocka_unit_test(permit_user_environment_is_a_warning),
                cmocka_unit_test(a_command_that_is_not_ours_is_a_fail_where_grants_carry_keys),
                cmocka_unit_test(our_command_needs_its_words_and_its_user),
                cmocka_unit_test(an_open_keys_file_of_a_managed_account_is_a_fail),
                cmocka_unit_test(without_an_account_of_a_grant_the_block_is_looked_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
