/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/modes-file.h"

#include "lib/base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

static char dir[64], path[96];

static int setup(void **state)
{
        snprintf(dir, sizeof(dir), "/tmp/nhi-test-modes.XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        snprintf(path, sizeof(path), "%s/50-modes.conf", dir);
        return 0;
}

static int teardown(void **state)
{
        unlink(path);
        return rmdir(dir);
}

static void what_is_written_is_read(void **state)
{
        Modes m = { 0 }, again = { 0 };
        struct stat st;

        assert_int_equal(modes_set(&m, "ops", "observe"), 0);
        assert_int_equal(modes_set(&m, "web-1", "enforce"), 0);
        assert_int_equal(modes_set(&m, "ops", "enforce"), 0);
        assert_int_equal(m.n, 2);
        assert_int_equal(modes_save(path, &m), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0644);

        assert_int_equal(modes_load(path, &again), 0);
        assert_int_equal(again.n, 2);
        assert_string_equal(modes_get(&again, "ops"), "enforce");
        assert_string_equal(modes_get(&again, "web-1"), "enforce");
        assert_null(modes_get(&again, "other"));
        modes_done(&m);
        modes_done(&again);
}

static void an_absent_file_is_empty_and_is_absent_again(void **state)
{
        Modes old = { 0 }, new = { 0 };

        assert_int_equal(modes_load(path, &old), 0);
        assert_int_equal(old.n, 0);
        assert_int_equal(modes_set(&new, "ops", "enforce"), 0);
        assert_int_equal(modes_save(path, &new), 0);
        assert_int_equal(access(path, F_OK), 0);
        assert_int_equal(modes_save(path, &old), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(modes_save(path, &old), 0);
        modes_done(&new);
}

static void lines_that_are_not_ours_are_refused(void **state)
{
        static const char *const bad[] = {
                "modes:\n{\n  ops = \"deny\";\n};\n",
                "modes:\n{\n  ops = enforce;\n};\n",
                "modes:\n{\n  ops = \"enforce\"; web = \"observe\";\n};\n",
                "modes:\n{\n  = \"enforce\";\n};\n",
                "gates = ( );\n",
                "modes: { ops = \"enforce\"; };\n",
        };
        Modes m = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(modes_parse(bad[i], &m), -EBADMSG);
        assert_int_equal(modes_parse("# only words\n", &m), 0);
        assert_int_equal(m.n, 0);
}

static void a_name_cannot_break_out_of_its_line(void **state)
{
        static const char *const bad[] = { "", "a b", "a=", "a\"", "a;\n", "{", "g\xc3\xa4" };
        Modes m = { 0 };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(modes_set(&m, bad[i], "enforce"), -EINVAL);
        assert_int_equal(modes_set(&m, "ops", "off"), -EINVAL);
        assert_int_equal(m.n, 0);
}

static void so_many_gates_and_no_more(void **state)
{
        Modes m = { 0 };
        char name[16];

        for (unsigned i = 0; i < MODES_MAX; i++) {
                snprintf(name, sizeof(name), "g%u", i);
                assert_int_equal(modes_set(&m, name, "observe"), 0);
        }
        assert_int_equal(modes_set(&m, "one-more", "observe"), -ENOSPC);
        assert_int_equal(modes_set(&m, "g7", "enforce"), 0);
        modes_done(&m);
}

/* O3 */
static void a_file_that_others_write_is_not_believed(void **state)
{
        Modes m = { 0 }, again = { 0 };

        assert_int_equal(modes_set(&m, "ops", "observe"), 0);
        assert_int_equal(modes_save(path, &m), 0);
        assert_int_equal(chmod(path, 0666), 0);
        assert_int_equal(modes_load(path, &again), -EPERM);
        modes_done(&m);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(what_is_written_is_read),
                CASE(an_absent_file_is_empty_and_is_absent_again),
                cmocka_unit_test(lines_that_are_not_ours_are_refused),
                cmocka_unit_test(a_name_cannot_break_out_of_its_line),
                cmocka_unit_test(so_many_gates_and_no_more),
                CASE(a_file_that_others_write_is_not_believed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
