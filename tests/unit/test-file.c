/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/file.h"
#include "lib/base/macro.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

static char dir[64], path[96], other[96];

static void spit(const char *where, const char *text, mode_t mode)
{
        int fd = open(where, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

static unsigned n_entries(void)
{
        DIR *d = opendir(dir);
        unsigned n = 0;

        while (readdir(d))
                n++;
        closedir(d);
        return n - 2;
}

static int dir_setup(void **state)
{
        snprintf(dir, sizeof(dir), "/tmp/nhi-test-file.XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        snprintf(path, sizeof(path), "%s/x", dir);
        snprintf(other, sizeof(other), "%s/y", dir);
        return 0;
}

static int dir_teardown(void **state)
{
        unlink(path);
        unlink(other);
        return rmdir(dir);
}

static int trusted(void)
{
        size_t size;
        int fd = -1, r = file_open_trusted(AT_FDCWD, path, geteuid(), &fd, &size);

        if (r == 0)
                close(fd);
        return r;
}

static void a_file_of_its_owner_is_trusted(void **state)
{
        size_t size = 0;
        int fd = -1;

        spit(path, "abc", 0644);
        assert_int_equal(file_open_trusted(AT_FDCWD, path, geteuid(), &fd, &size), 0);
        assert_int_equal(size, 3);
        assert_true(fd > 2);
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        close(fd);
}

static void a_file_that_others_own_or_write_is_not_O3(void **state)
{
        size_t size;
        int fd = -1;

        assert_int_equal(trusted(), -ENOENT);
        spit(path, "abc", 0620);
        assert_int_equal(trusted(), -EPERM);
        spit(path, "abc", 0602);
        assert_int_equal(trusted(), -EPERM);
        spit(path, "abc", 0600);
        assert_int_equal(trusted(), 0);
        assert_int_equal(file_open_trusted(AT_FDCWD, path, geteuid() + 1, &fd, &size), -EPERM);
        assert_int_equal(fd, -1);
}

static void a_symlink_a_fifo_and_a_directory_are_refused_without_a_wait_O5(void **state)
{
        spit(other, "abc", 0600);
        assert_int_equal(symlink(other, path), 0);
        assert_int_equal(trusted(), -ELOOP);
        unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(trusted(), -EPERM);
        unlink(path);
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(trusted(), -EPERM);
        rmdir(path);
}

static void a_file_is_read_whole_or_not_at_all(void **state)
{
        char *text = NULL;
        size_t size = 0;

        spit(path, "12345", 0644);
        assert_int_equal(file_read_trusted(path, geteuid(), 4, &text, &size), -EFBIG);
        assert_null(text);
        assert_int_equal(file_read_trusted(path, geteuid(), 5, &text, &size), 0);
        assert_int_equal(size, 5);
        assert_string_equal(text, "12345");
        free(text);
}

static void a_file_whose_size_is_no_hint_is_read_whole(void **state)
{
        char *text = NULL;
        size_t size = 0;

        if (geteuid() != 0)
                skip(); /* /proc/version is root's */
        assert_int_equal(file_read_trusted("/proc/version", 0, 65536, &text, &size), 0);
        assert_true(size > 10);
        assert_int_equal(strlen(text), size);
        free(text);
        text = NULL;
        assert_int_equal(file_read_trusted("/proc/version", 0, 10, &text, &size), -EFBIG);
        assert_null(text);
}

static void a_replaced_file_has_content_mode_and_no_leftovers(void **state)
{
        char *text = NULL;
        struct stat st;
        size_t size;

        spit(path, "old", 0600);
        for (int durable = 0; durable < 2; durable++) {
                assert_int_equal(file_replace(path, "new", 3, 0640, geteuid(), getegid(), durable),
                                 0);
                assert_int_equal(file_read_trusted(path, geteuid(), 100, &text, &size), 0);
                assert_string_equal(text, "new");
                free(text);
                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(st.st_mode & 07777, 0640);
                assert_int_equal(n_entries(), 1);
        }
        assert_int_equal(file_replace(path, NULL, 0, 0600, geteuid(), getegid(), true), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, 0);
}

/* Readers that have the old file open go on reading the old one: never truncated (SIGBUS). */
static void a_replaced_file_stays_whole_for_whoever_has_it_open(void **state)
{
        char in[4] = "";
        int fd;

        spit(path, "old", 0600);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(file_replace(path, "n", 1, 0600, geteuid(), getegid(), false), 0);
        assert_int_equal(read(fd, in, sizeof(in)), 3);
        close(fd);
}

static void a_failed_replacement_leaves_the_old_file_alone_A11(void **state)
{
        struct rlimit before, small = { 0 };
        char *text = NULL, big[64] = { 0 };
        size_t size;

        spit(path, "old", 0600);
        signal(SIGXFSZ, SIG_IGN);
        getrlimit(RLIMIT_FSIZE, &before);
        small = (struct rlimit){ 16, before.rlim_max };
        setrlimit(RLIMIT_FSIZE, &small);
        assert_int_equal(file_replace(path, big, sizeof(big), 0600, geteuid(), getegid(), true),
                         -EFBIG);
        setrlimit(RLIMIT_FSIZE, &before);
        signal(SIGXFSZ, SIG_DFL);
        assert_int_equal(n_entries(), 1);
        assert_int_equal(file_read_trusted(path, geteuid(), 100, &text, &size), 0);
        assert_string_equal(text, "old");
        free(text);

        assert_int_equal(file_replace("/nowhere/at/all", "x", 1, 0600, 0, 0, false), -ENOENT);
        assert_int_equal(file_replace("/tmp/", "x", 1, 0600, 0, 0, false), -EISDIR);
}

static void a_created_file_is_never_over_another(void **state)
{
        char *text = NULL;
        size_t size;

        assert_int_equal(file_create(path, "first", 5, 0600, geteuid(), getegid(), true), 0);
        assert_int_equal(file_create(path, "second", 6, 0600, geteuid(), getegid(), true), -EEXIST);
        assert_int_equal(n_entries(), 1);
        assert_int_equal(file_read_trusted(path, geteuid(), 100, &text, &size), 0);
        assert_string_equal(text, "first");
        free(text);
        unlink(path);
        assert_int_equal(symlink(other, path), 0);
        assert_int_equal(file_create(path, "x", 1, 0600, geteuid(), getegid(), true), -EEXIST);
        assert_int_equal(access(other, F_OK), -1);
}

#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, dir_setup, dir_teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                DIR_TEST(a_file_of_its_owner_is_trusted),
                DIR_TEST(a_file_that_others_own_or_write_is_not_O3),
                DIR_TEST(a_symlink_a_fifo_and_a_directory_are_refused_without_a_wait_O5),
                DIR_TEST(a_file_is_read_whole_or_not_at_all),
                DIR_TEST(a_file_whose_size_is_no_hint_is_read_whole),
                DIR_TEST(a_replaced_file_has_content_mode_and_no_leftovers),
                DIR_TEST(a_replaced_file_stays_whole_for_whoever_has_it_open),
                DIR_TEST(a_failed_replacement_leaves_the_old_file_alone_A11),
                DIR_TEST(a_created_file_is_never_over_another),
        };

        return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
