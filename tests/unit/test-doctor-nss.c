/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl doctor, NSS. */

#include "doctor-fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CONF "/etc/nsswitch.conf"

static bool order_says(const char *conf, FindingLevel level, const char *text)
{
        DoctorFixture x;
        bool said;

        fixture_init(&x);
        fixture_file(&x, CONF, conf);
        fixture_check(&x, "nss-order");
        said = text ? fixture_says(&x, level, text) : fixture_is_well(&x);
        fixture_done(&x);
        return said;
}

static void usual_lines_are_well(void **state)
{
        static const char *const good[] = {
                "passwd: files nhi\ngroup: files nhi\n",
                "passwd:\tfiles systemd sss nhi # ours\ngroup: files [SUCCESS=merge] nhi\n",
                "passwd: files nhi\ngroup: files nhi\nhosts: files [NOTFOUND=return] dns\n",
                "passwd: sss files nhi systemd\ngroup: compat nhi\ninitgroups: files nhi\n",
                "passwd: files[success=return notfound=continue] nhi\ngroup: files nhi\n",
                /* The last line of a database counts. */
                "passwd: files\npasswd: files nhi\ngroup: files nhi\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(order_says(good[i], FINDING_OK, NULL));
}

static void a_line_without_nhi_is_found(void **state)
{
        assert_true(order_says("passwd: files\ngroup: files nhi\n", FINDING_WARN,
                               "nsswitch.conf:1: nhi is missing in passwd"));
        assert_true(order_says("passwd: files nhi\n", FINDING_WARN, "nhi is missing in group"));
        assert_true(order_says("passwd: files # nhi\ngroup: files nhi\n", FINDING_WARN,
                               "nhi is missing in passwd"));
}

static void a_line_without_nhi_is_a_fail_where_accounts_are_defined(void **state)
{
        json_t *status = json_pack("{s:i}", "accounts", 1);
        DoctorFixture x;

        fixture_init(&x);
        x.host.status = status;
        fixture_file(&x, CONF, "passwd: files\ngroup: files\n");
        fixture_check(&x, "nss-order");
        assert_int_equal(findings_count(&x.findings, FINDING_FAIL), 2);
        fixture_done(&x);
        json_decref(status);
}

static void what_returns_before_nhi_is_found(void **state)
{
        assert_true(order_says("passwd: files sss [NOTFOUND=return] nhi\ngroup: files nhi\n",
                               FINDING_FAIL, ":1: \"sss [NOTFOUND=return]\""));
        assert_true(order_says("passwd: files nhi\ngroup: files ldap [!UNAVAIL=return] nhi\n",
                               FINDING_FAIL, ":2: \"ldap [!UNAVAIL=return]\""));
        assert_true(order_says("passwd: sss[!success=return] nhi\ngroup: files nhi\n", FINDING_FAIL,
                               "passwd"));
        assert_true(order_says("passwd: files sss [UNAVAIL=return] nhi\ngroup: files nhi\n",
                               FINDING_WARN, "while sss is out of order"));
}

static void what_nhi_itself_ends_is_found(void **state)
{
        assert_true(order_says("passwd: files nhi [NOTFOUND=return] sss\ngroup: files nhi\n",
                               FINDING_FAIL, "names that are not ours"));
}

static void nhi_before_files_is_a_warning(void **state)
{
        assert_true(order_says("passwd: nhi files\ngroup: files nhi\n", FINDING_WARN,
                               "before files in passwd"));
}

/* Then glibc asks none but the services of that line for memberships. */
static void an_initgroups_line_that_hides_us_is_found(void **state)
{
        assert_true(order_says("passwd: files nhi\ngroup: files nhi\ninitgroups: files\n",
                               FINDING_FAIL, "nsswitch.conf:3: the initgroups line hides"));
        assert_true(order_says("passwd: files nhi\ngroup: files nhi\n"
                               "initgroups: files [NOTFOUND=return] nhi\n",
                               FINDING_FAIL, "search of initgroups"));
}

static void a_file_that_cannot_be_read_is_a_warning(void **state)
{
        DoctorFixture x;

        fixture_init(&x);
        fixture_check(&x, "nss-order");
        assert_true(fixture_says(&x, FINDING_WARN, "cannot be read"));
        fixture_check(&x, "nss-module");
        assert_true(fixture_says(&x, FINDING_WARN, "cannot be read"));
        fixture_done(&x);
}

static void a_module_that_is_gone_is_found(void **state)
{
        DoctorFixture x;

        fixture_init(&x);
        fixture_file(&x, CONF, "passwd: files\n");
        fixture_check(&x, "nss-module");
        assert_true(fixture_is_well(&x));
        fixture_file(&x, CONF, "passwd: files nhi\n");
        fixture_check(&x, "nss-module");
        assert_true(fixture_says(&x, FINDING_FAIL, "libnss_nhi.so.2 is not there"));
        fixture_file(&x, "/lib/x86_64-linux-gnu/libnss_nhi.so.2", "");
        fixture_check(&x, "nss-module");
        assert_true(fixture_is_well(&x));
        fixture_done(&x);
}

static void nscd_is_found_where_it_caches_accounts(void **state)
{
        DoctorFixture x;

        fixture_init(&x);
        fixture_check(&x, "nss-cache");
        assert_true(fixture_is_well(&x));
        fixture_file(&x, "/run/nscd/socket", "");
        fixture_check(&x, "nss-cache");
        assert_true(fixture_says(&x, FINDING_WARN, "cannot be read"));
        fixture_file(&x, "/etc/nscd.conf",
                     "# enable-cache passwd no\n\tenable-cache  group\tyes\n");
        fixture_check(&x, "nss-cache");
        assert_true(fixture_says(&x, FINDING_FAIL, "nscd caches"));
        fixture_file(&x, "/etc/nscd.conf",
                     "enable-cache passwd no\nenable-cache group no\nenable-cache hosts yes\n");
        fixture_check(&x, "nss-cache");
        assert_true(fixture_is_well(&x));
        fixture_done(&x);
}

/* A userdb provider of somebody else may hang: 45 s for each unknown name. */
static void a_foreign_provider_of_accounts_is_a_warning(void **state)
{
        DoctorFixture x;

        fixture_init(&x);
        fixture_check(&x, "nss-userdb");
        assert_true(fixture_is_well(&x));
        fixture_file(&x, "/run/systemd/userdb/io.systemd.DynamicUser", "");
        fixture_check(&x, "nss-userdb");
        assert_true(fixture_is_well(&x));
        fixture_file(&x, "/run/systemd/userdb/org.example.Slow", "");
        fixture_check(&x, "nss-userdb");
        assert_true(fixture_says(&x, FINDING_WARN, "org.example.Slow"));
        fixture_done(&x);
}

static bool outage_says(const char *conf, FindingLevel level, const char *text)
{
        json_t *gates = json_loads("[{\"name\": \"ops\", \"mode\": \"enforce\", \"services\": "
                                   "[\"su\"], \"accounts\": [\"olga\", \"%rtops\"]}]",
                                   0, NULL);
        DoctorFixture x;
        bool said;

        fixture_init(&x);
        x.host.gates = gates;
        fixture_file(&x, CONF, conf);
        fixture_runs(&x, "/usr/bin/getent --service sss group -- rtops", "rtops:x:5000:olga\n", 0);
        fixture_check(&x, "nss-outage");
        said = text ? fixture_says(&x, level, text) : fixture_is_well(&x);
        fixture_done(&x);
        json_decref(gates);
        return said;
}

static void a_group_that_an_outage_hides_from_its_gate_is_a_warning(void **state)
{
        static const char *const good[] = {
                "group: files nhi sss\n",
                "group: files sss [UNAVAIL=return] nhi\n",
                "group: files sss [NOTFOUND=continue] [!SUCCESS=return] nhi\n",
                "group: files ldap nhi\n",
                "passwd: files sss nhi\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                assert_true(outage_says(good[i], FINDING_OK, NULL));
        assert_true(outage_says("group: files sss nhi\n", FINDING_WARN,
                                "gate ops: /etc/nsswitch.conf:1 asks nhi behind sss, which knows "
                                "group rtops"));
        assert_true(outage_says("group: files sss [NOTFOUND=continue] nhi\n", FINDING_WARN,
                                "asks nhi behind sss"));
        assert_true(outage_says("group: files sss [TRYAGAIN=return] nhi\n", FINDING_WARN,
                                "asks nhi behind sss"));
        assert_true(outage_says("group: files nhi sss\ninitgroups: files sss nhi\n", FINDING_WARN,
                                "/etc/nsswitch.conf:2 asks nhi behind sss"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(usual_lines_are_well),
                cmocka_unit_test(a_line_without_nhi_is_found),
                cmocka_unit_test(a_line_without_nhi_is_a_fail_where_accounts_are_defined),
                cmocka_unit_test(what_returns_before_nhi_is_found),
                cmocka_unit_test(what_nhi_itself_ends_is_found),
                cmocka_unit_test(nhi_before_files_is_a_warning),
                cmocka_unit_test(an_initgroups_line_that_hides_us_is_found),
                cmocka_unit_test(a_group_that_an_outage_hides_from_its_gate_is_a_warning),
                cmocka_unit_test(a_file_that_cannot_be_read_is_a_warning),
                cmocka_unit_test(a_module_that_is_gone_is_found),
                cmocka_unit_test(nscd_is_found_where_it_caches_accounts),
                cmocka_unit_test(a_foreign_provider_of_accounts_is_a_warning),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
