/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Publishing where something else stands in the snapshot's place, and opening what is none. */

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"
#include "lib/snapshot/reader.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct {
        uint8_t *data;
        size_t size;
        char path[PATH_MAX], other[PATH_MAX];
} f;

static int setup(void **state)
{
        static const SnapshotBuildUser user = {
                "svc-a", "a", "/", "/bin/sh", 70000, 70000, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER
        };
        const SnapshotBuild b = { .generation = 1, .users = &user, .n_users = 1 };

        (void)mkdir(PATH_ROOT, 0755);
        (void)snprintf(f.path, sizeof(f.path), "%s/test-snapshot-files", PATH_ROOT);
        (void)snprintf(f.other, sizeof(f.other), "%s/test-snapshot-other", PATH_ROOT);
        (void)unlink(f.path);
        (void)unlink(f.other);
        return snapshot_build(&b, &f.data, &f.size);
}

static int teardown(void **state)
{
        (void)unlink(f.path);
        (void)unlink(f.other);
        free(f.data);
        return 0;
}

static void put_file(const char *path, const void *data, size_t size)
{
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, size), size);
}

static void expect_published(void)
{
        struct stat st;
        Snapshot s;

        assert_int_equal(lstat(f.path, &st), 0);
        assert_true(S_ISREG(st.st_mode));
        assert_int_equal(st.st_uid, geteuid());
        assert_int_equal(snapshot_open(f.path, geteuid(), &s), 0);
        assert_false(snapshot_is_superseded(&s));
        snapshot_close(&s);
}

static bool is_marked(const char *path)
{
        uint8_t mark = 0;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(pread(fd, &mark, 1, offsetof(SnapshotHeader, superseded_le)), 1);
        return mark != 0;
}

static void a_fifo_in_its_place_is_replaced_without_a_wait_O5(void **state)
{
        assert_int_equal(mkfifo(f.path, 0644), 0);
        assert_int_equal(snapshot_publish(f.path, f.data, f.size), 0);
        expect_published();
}

static void what_a_link_in_its_place_points_to_stays_as_it_was_O3(void **state)
{
        put_file(f.other, f.data, f.size);
        assert_int_equal(symlink(f.other, f.path), 0);
        assert_int_equal(snapshot_publish(f.path, f.data, f.size), 0);
        expect_published();
        assert_false(is_marked(f.other));
}

static void another_owners_file_in_its_place_is_replaced_and_not_written_to(void **state)
{
        if (geteuid() != 0)
                skip(); /* only root gives files away */
        put_file(f.path, f.data, f.size);
        assert_int_equal(link(f.path, f.other), 0);
        assert_int_equal(chown(f.path, 1, 1), 0);
        assert_int_equal(snapshot_publish(f.path, f.data, f.size), 0);
        expect_published();
        assert_false(is_marked(f.other));
}

static void bytes_that_are_no_snapshot_are_replaced_and_not_written_to(void **state)
{
        static const uint8_t foreign[sizeof(SnapshotHeader)] = "foreign";

        put_file(f.path, foreign, sizeof(foreign));
        assert_int_equal(link(f.path, f.other), 0);
        assert_int_equal(snapshot_publish(f.path, f.data, f.size), 0);
        expect_published();
        assert_false(is_marked(f.other));
}

static void a_path_that_is_too_long_is_refused_at_n_plus_1(void **state)
{
        char path[PATH_MAX + 1];

        memset(path, '/', sizeof(path));
        path[PATH_MAX - 4] = '\0'; /* with ".new" and its end one byte too many */
        assert_int_equal(snapshot_publish(path, f.data, f.size), -ENAMETOOLONG);
        assert_int_equal(snapshot_commit(path), -ENAMETOOLONG);
        path[PATH_MAX - 5] = '\0';
        memset(path + PATH_MAX - 6, 'x', 1);
        assert_int_equal(snapshot_commit(path), -ENOENT);
}

static void what_was_not_staged_is_not_committed(void **state)
{
        put_file(f.path, f.data, f.size);
        assert_int_equal(snapshot_commit(f.path), -ENOENT);
        assert_int_equal(access(f.path, F_OK), 0);
}

static void no_folder_and_no_file_on_the_way_are_both_absent(void **state)
{
        char below[PATH_MAX + 2];
        Snapshot s;

        assert_int_equal(snapshot_open(f.path, geteuid(), &s), SNAPSHOT_E_ABSENT);
        put_file(f.path, f.data, f.size);
        (void)snprintf(below, sizeof(below), "%s/x", f.path);
        assert_int_equal(snapshot_open(below, geteuid(), &s), SNAPSHOT_E_ABSENT);
}

/* 2^24 of each kind are the most: sums of sizes stay far from overflow. Nothing is read first. */
static void more_than_can_be_counted_is_refused_unread(void **state)
{
        const size_t more = (1u << 24) + 1;
        const SnapshotBuild builds[] = { { .n_users = more },
                                         { .n_groups = more },
                                         { .n_memberships = more },
                                         { .n_users = SIZE_MAX } };
        uint8_t *data = NULL;
        size_t size = 0;

        for (size_t i = 0; i < ELEMENTSOF(builds); i++)
                assert_int_equal(snapshot_build(&builds[i], &data, &size), -E2BIG);
        assert_null(data);
}

static void a_group_of_the_hosts_needs_a_name_too(void **state)
{
        const SnapshotBuildGroup nameless = { .gid = 80000, .local = true },
                                 ours = { .gid = 80000 };

        assert_false(snapshot_group_is_publishable(&nameless));
        assert_false(snapshot_group_is_publishable(&ours));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(a_fifo_in_its_place_is_replaced_without_a_wait_O5),
                TEST(what_a_link_in_its_place_points_to_stays_as_it_was_O3),
                TEST(another_owners_file_in_its_place_is_replaced_and_not_written_to),
                TEST(bytes_that_are_no_snapshot_are_replaced_and_not_written_to),
                TEST(a_path_that_is_too_long_is_refused_at_n_plus_1),
                TEST(what_was_not_staged_is_not_committed),
                TEST(no_folder_and_no_file_on_the_way_are_both_absent),
                TEST(more_than_can_be_counted_is_refused_unread),
                TEST(a_group_of_the_hosts_needs_a_name_too),
        };

        return cmocka_run_group_tests_name("snapshot-files", tests, NULL, NULL);
}
