/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl doctor's check "metrics". */

#include "tests/unit/doctor-fixture.h"

#include <setjmp.h>

#include <cmocka.h>

#define FILE_NAME "/run/nhi/nhi.prom"

typedef struct Host {
        DoctorFixture x;
        json_t *status;
} Host;

static int setup(void **state)
{
        Host *t = calloc(1, sizeof(*t));

        fixture_init(&t->x);
        *state = t;
        return 0;
}

static int teardown(void **state)
{
        Host *t = *state;

        json_decref(t->status);
        fixture_done(&t->x);
        free(t);
        return 0;
}

/* What the agent says, and then the check. error NULL: none. */
static void check(Host *t, int64_t written_ago_sec, const char *error)
{
        json_decref(t->status);
        t->status =
                json_pack("{s:{s:s, s:i, s:I, s:s?}}", "metrics", "file", FILE_NAME, "interval", 15,
                          "written", (json_int_t)((int64_t)t->x.host.now_sec - written_ago_sec),
                          "error", error);
        assert_non_null(t->status);
        t->x.host.status = t->status;
        fixture_check(&t->x, "metrics");
}

static void set_mode(const Host *t, const char *path, mode_t mode)
{
        char full[PATH_MAX];

        fixture_path(&t->x, path, full);
        assert_int_equal(chmod(full, mode), 0);
}

static void a_file_that_everybody_may_read_is_well(void **state)
{
        Host *t = *state;

        fixture_file(&t->x, FILE_NAME, "# EOF\n");
        check(t, 50, NULL);
        assert_true(fixture_is_well(&t->x));
}

static void a_directory_that_is_closed_is_warned_of_by_its_name(void **state)
{
        static const struct {
                const char *path;
                mode_t mode, well;
                const char *wanted;
        } cases[] = {
                { "/run", 0750, 0751, "/run is closed" },
                { "/run/nhi", 0751, 0755, "/run/nhi is closed" },
                { "/run/nhi", 0754, 0755, "/run/nhi is closed" },
                { FILE_NAME, 0600, 0644, FILE_NAME " is closed" },
        };
        Host *t = *state;

        fixture_file(&t->x, FILE_NAME, "# EOF\n");
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                set_mode(t, cases[i].path, cases[i].mode);
                check(t, 0, NULL);
                assert_true(fixture_says(&t->x, FINDING_WARN, cases[i].wanted));
                set_mode(t, cases[i].path, cases[i].well);
                check(t, 0, NULL);
                assert_true(fixture_is_well(&t->x));
        }
}

static void a_file_that_is_not_there_or_no_longer_written_is_warned_of(void **state)
{
        Host *t = *state;

        fixture_path(&t->x, FILE_NAME, (char[PATH_MAX]){ 0 });
        check(t, 0, NULL);
        assert_true(fixture_says(&t->x, FINDING_WARN, FILE_NAME ": No such file"));
        fixture_file(&t->x, FILE_NAME, "# EOF\n");
        check(t, 51, NULL);
        assert_true(fixture_says(&t->x, FINDING_WARN, "was not written for 51 s"));
        check(t, 0, "No space left on device");
        assert_true(fixture_says(&t->x, FINDING_WARN, "cannot be written: No space left"));
}

static void what_is_not_wanted_or_not_known_is_said_so(void **state)
{
        Host *t = *state;

        fixture_check(&t->x, "metrics");
        assert_true(fixture_says(&t->x, FINDING_WARN, "no agent answers"));
        t->status = json_object();
        t->x.host.status = t->status;
        fixture_check(&t->x, "metrics");
        assert_true(fixture_is_well(&t->x));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_file_that_everybody_may_read_is_well),
                TEST(a_directory_that_is_closed_is_warned_of_by_its_name),
                TEST(a_file_that_is_not_there_or_no_longer_written_is_warned_of),
                TEST(what_is_not_wanted_or_not_known_is_said_so),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
