/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What glibc cannot be made to do from outside: a state that another thread holds, a clock that
 * does not tell the time, a process that ends in the middle of a lookup; and groups of which a part
 * is over. The module's own objects, linked in. */

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"
#include "nss_nhi/enumeration.h"
#include "nss_nhi/nss_nhi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

/* ---- the clocks that the module asks ---- */

static bool clocks_fail;

int __real_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
        if (!clocks_fail)
                return __real_clock_gettime(clock, ret);
        errno = EPERM;
        return -1;
}

/* ---- a snapshot of which a part is over ---- */

#define OVER   INT64_C(1)
#define OPS    80000
#define GONE   80001
#define SVC    70000
#define BUFFER 1024

static void publish(void)
{
        static const SnapshotBuildUser users[] = {
                { "svc-a", "a", "/", "/bin/sh", SVC, SVC, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER },
        };
        static const SnapshotBuildGroup groups[] = {
                { "ops", OPS, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER, false },
                { "gone", GONE, OVER, SNAPSHOT_FOREVER, false },
        };
        static const SnapshotBuildMembership ties[] = {
                { "svc-a", 0, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER },
                { "svc-b", 0, OVER, SNAPSHOT_FOREVER },
                { "svc-c", 0, SNAPSHOT_FOREVER, OVER },
                { "svc-a", 1, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER },
        };
        const SnapshotBuild b = { .generation = 1,
                                  .enumerate = true,
                                  .users = users,
                                  .n_users = ELEMENTSOF(users),
                                  .groups = groups,
                                  .n_groups = ELEMENTSOF(groups),
                                  .memberships = ties,
                                  .n_memberships = ELEMENTSOF(ties) };
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;

        assert_int_equal(snapshot_build(&b, &data, &size), 0);
        assert_int_equal(snapshot_publish(PATH_SNAPSHOT, data, size), 0);
}

static int setup(void **state)
{
        clocks_fail = false;
        (void)mkdir(PATH_ROOT, 0755);
        (void)mkdir(PATH_ROOT "/run", 0755);
        (void)mkdir(PATH_RUN_DIR, 0755);
        publish();
        return 0;
}

static int teardown(void **state)
{
        publish(); /* whoever has the old one mapped looks again, and finds nothing */
        return unlink(PATH_SNAPSHOT);
}

/* ---- tests ---- */

static void members_that_are_over_are_left_out_of_their_group(void **state)
{
        char buffer[BUFFER];
        struct group g;
        int error = 0;

        assert_int_equal(_nss_nhi_getgrnam_r("ops", &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_SUCCESS);
        assert_string_equal(g.gr_mem[0], "svc-a");
        assert_null(g.gr_mem[1]);
}

static void a_group_that_is_over_keeps_its_number_and_loses_name_and_members(void **state)
{
        char buffer[BUFFER];
        struct group g;
        int error = 0;

        assert_int_equal(_nss_nhi_getgrnam_r("gone", &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_NOTFOUND);
        assert_int_equal(_nss_nhi_getgrgid_r(GONE, &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_SUCCESS);
        assert_null(g.gr_mem[0]);
        errno = EXDEV;
        assert_int_equal(_nss_nhi_getgrgid_r(GONE + 1, &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_NOTFOUND);
        assert_int_equal(errno, EXDEV);
        assert_int_equal(error, 0);
}

static void memberships_that_are_over_give_no_group(void **state)
{
        long n = 0, size = 4;
        gid_t *gids = calloc((size_t)size, sizeof(*gids));
        int error = 0;

        assert_non_null(gids);
        assert_int_equal(_nss_nhi_initgroups_dyn("svc-a", SVC, &n, &size, &gids, 0, &error),
                         NSS_STATUS_SUCCESS);
        assert_int_equal(n, 1);
        assert_int_equal(gids[0], OPS);
        assert_int_equal(_nss_nhi_initgroups_dyn("svc-b", SVC, &n, &size, &gids, 0, &error),
                         NSS_STATUS_NOTFOUND);
        assert_int_equal(n, 1);
        free(gids);
}

/* N4: nobody waits; whoever comes second is told to come again. */
static void a_listing_that_somebody_else_holds_is_tried_again(void **state)
{
        Enumeration e = ENUMERATION_INIT;

        assert_int_equal(enumeration_enter(&e), 0);
        assert_int_equal(enumeration_enter(&e), -EAGAIN);
        assert_int_equal(enumeration_reset(&e), -EAGAIN);
        assert_non_null(e.snapshot.map);
        enumeration_leave(&e);
        assert_int_equal(enumeration_reset(&e), 0);
        assert_null(e.snapshot.map);
}

static void answers_are_glibcs_words(void **state)
{
        static const struct {
                int r;
                enum nss_status status;
                int error;
        } rows[] = {
                { 0, NSS_STATUS_SUCCESS, 0 },
                { NSS_E_NONE, NSS_STATUS_NOTFOUND, 0 },
                { -ERANGE, NSS_STATUS_TRYAGAIN, ERANGE },
                { -EAGAIN, NSS_STATUS_TRYAGAIN, EAGAIN },
                { -ENOMEM, NSS_STATUS_TRYAGAIN, ENOMEM },
                { -ENOENT, NSS_STATUS_UNAVAIL, ENOENT },
                { -EMFILE, NSS_STATUS_UNAVAIL, EMFILE },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                int error = 0;

                errno = 0;
                assert_int_equal(nss_answer(rows[i].r, EXDEV, &error), rows[i].status);
                assert_int_equal(error, rows[i].error);
                assert_int_equal(errno, EXDEV);
        }
}

static void a_clock_that_cannot_be_read_is_past_every_deadline(void **state)
{
        char buffer[BUFFER];
        struct group g;
        SnapshotNow now;
        int error = 0;

        clocks_fail = true;
        now = clocks_now();
        assert_true(now.real_usec == INT64_MAX && now.boot_usec == INT64_MAX);
        /* FOREVER is the last usec: it has come. */
        assert_int_equal(_nss_nhi_getgrnam_r("ops", &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_NOTFOUND);
        assert_int_equal(_nss_nhi_getgrgid_r(OPS, &g, buffer, sizeof(buffer), &error),
                         NSS_STATUS_SUCCESS);
        assert_null(g.gr_mem[0]);
}

/* A child that ends between a lookup's beginning and its end, as after a fork in another thread. */
static void a_process_that_ends_in_mid_lookup_ends(void **state)
{
        int status = -1;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                Lookup l;

                exit(lookup_begin(&l) == 0 && l.is_shared ? 17 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 17);
}

/* While the process's mapping is in use, another lookup has one of its own. */
static void a_second_lookup_opens_for_itself(void **state)
{
        Lookup first, second;

        assert_int_equal(lookup_begin(&first), 0);
        assert_true(first.is_shared);
        assert_int_equal(lookup_begin(&second), 0);
        assert_false(second.is_shared);
        assert_ptr_not_equal(first.snapshot.map, second.snapshot.map);
        lookup_end(&second);
        lookup_end(&first);
        assert_int_equal(lookup_begin(&second), 0);
        assert_ptr_equal(first.snapshot.map, second.snapshot.map);
        lookup_end(&second);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(members_that_are_over_are_left_out_of_their_group),
                TEST(a_group_that_is_over_keeps_its_number_and_loses_name_and_members),
                TEST(memberships_that_are_over_give_no_group),
                TEST(a_listing_that_somebody_else_holds_is_tried_again),
                TEST(answers_are_glibcs_words),
                TEST(a_clock_that_cannot_be_read_is_past_every_deadline),
                TEST(a_process_that_ends_in_mid_lookup_ends),
                TEST(a_second_lookup_opens_for_itself),
        };

        return cmocka_run_group_tests_name("nss-parts", tests, NULL, NULL);
}
