/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The frame of nhictl doctor: findings, reading the host, the report. */

#include "doctor-fixture.h"
#include "nhictl/verb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_finding_keeps_no_control_character_and_no_broken_utf8(void **state)
{
        Findings f = { .items = NULL };

        finding_warn(&f, "x", "go\nthere", "a\033[2Jb \303\244");
        finding_ok(&f, "x", "%s", "caf\351");
        assert_string_equal(f.items[0].text, "a\\x1b[2Jb \303\244");
        assert_string_equal(f.items[0].advice, "go\\x0athere");
        assert_string_equal(f.items[1].text, "caf\\xe9");
        assert_null(f.items[1].advice);
        findings_done(&f);
}

static void findings_are_counted_by_level(void **state)
{
        Findings f = { .items = NULL };

        finding_fail(&f, "x", "mend it", "one");
        finding_warn(&f, "x", "look", "two");
        finding_warn(&f, "x", "look", "three");
        assert_int_equal(findings_count(&f, FINDING_FAIL), 1);
        assert_int_equal(findings_count(&f, FINDING_WARN), 2);
        assert_int_equal(findings_count(&f, FINDING_OK), 0);
        findings_done(&f);
}

static void check_nothing(const DoctorHost *h, Findings *f)
{
}

static void a_check_without_an_answer_is_a_warning(void **state)
{
        const DoctorCheck c = { "silent", check_nothing, "nothing" };
        const DoctorHost h = { .root = "" };
        Findings f = { .items = NULL };

        doctor_check_run(&c, &h, &f);
        assert_int_equal(f.n, 1);
        assert_int_equal(f.items[0].level, FINDING_WARN);
        findings_done(&f);
}

static void names_of_checks_are_unique_and_may_stand_in_a_manual(void **state)
{
        for (const DoctorCheck *c = doctor_checks; c->name; c++) {
                assert_int_equal(strspn(c->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
                                 strlen(c->name));
                assert_non_null(c->run);
                assert_int_not_equal(c->help[strlen(c->help) - 1], '.');
                for (const DoctorCheck *d = doctor_checks; d != c; d++)
                        assert_string_not_equal(c->name, d->name);
        }
}

static void a_file_is_read_up_to_its_limit(void **state)
{
        _cleanup_free_ char *text = NULL;
        DoctorFixture x;

        fixture_init(&x);
        fixture_file(&x, "/etc/some/file", "12345678");
        assert_int_equal(doctor_read(&x.host, "/etc/some/file", 7, &text), -EFBIG);
        assert_int_equal(doctor_read(&x.host, "/etc/some/file", 8, &text), 0);
        assert_string_equal(text, "12345678");
        assert_int_equal(doctor_read(&x.host, "/etc/some", 8, &text), -EINVAL);
        assert_int_equal(doctor_read(&x.host, "/etc/none", 8, &text), -ENOENT);
        assert_true(doctor_exists(&x.host, "/etc/some"));
        assert_false(doctor_exists(&x.host, "/etc/none"));
        fixture_done(&x);
}

/* To open a socket for reading is an error of its own, so it was looked at only. An account can put
 * a link to any device where root reads its keys. */
static void what_is_no_file_is_not_opened(void **state)
{
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX];
        DoctorFixture x;

        fixture_init(&x);
        fixture_file(&x, "/d/file", "");
        fixture_path(&x, "/d/socket", path);
        assert_int_equal(mknod(path, S_IFSOCK | 0600, 0), 0);
        fixture_path(&x, "/d/link", path);
        assert_int_equal(symlink("socket", path), 0);
        assert_int_equal(doctor_read(&x.host, "/d/link", 8, &text), -EINVAL);
        fixture_done(&x);
}

static void names_of_a_folder_are_sorted(void **state)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        DoctorFixture x;

        fixture_init(&x);
        fixture_file(&x, "/d/b", "");
        fixture_file(&x, "/d/a", "");
        fixture_file(&x, "/d/.c", "");
        assert_int_equal(doctor_names(&x.host, "/d", &names), 0);
        assert_string_equal(names[0], ".c");
        assert_string_equal(names[1], "a");
        assert_string_equal(names[2], "b");
        assert_null(names[3]);
        fixture_done(&x);
}

static void an_unknown_check_is_a_usage_error(void **state)
{
        char *argv[] = { (char *)"nhictl", (char *)"doctor", (char *)"no-such-check", NULL };

        assert_int_equal(nhictl_main(3, argv), VERB_USAGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_finding_keeps_no_control_character_and_no_broken_utf8),
                cmocka_unit_test(findings_are_counted_by_level),
                cmocka_unit_test(a_check_without_an_answer_is_a_warning),
                cmocka_unit_test(names_of_checks_are_unique_and_may_stand_in_a_manual),
                cmocka_unit_test(a_file_is_read_up_to_its_limit),
                cmocka_unit_test(what_is_no_file_is_not_opened),
                cmocka_unit_test(names_of_a_folder_are_sorted),
                cmocka_unit_test(an_unknown_check_is_a_usage_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
