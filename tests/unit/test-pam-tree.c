/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl/pam-tree: what is put back is what was there, to the byte (K04). */

#include "nhictl/pam/tree.h"

#include "tests/unit/pam-fixture.h"

static char folder[sizeof(root) + 8];
static const char *const folders[] = { folder, NULL };

static void tree(Tree *ret)
{
        char path[4096];

        (void)snprintf(folder, sizeof(folder), "%s/pam.d", root);
        assert_int_equal(tree_load(folders, ret, path, sizeof(path)), 0);
}

static char *at(const char *name)
{
        static char path[sizeof(root) + 64];

        (void)snprintf(path, sizeof(path), "%s/pam.d/%s", root, name);
        return path;
}

static void fill(void)
{
        put("/pam.d/sshd", "account required pam_unix.so\n");
        put("/pam.d/empty", "");
        put("/pam.d/custom/deep", "x\n");
        assert_int_equal(chmod(at("sshd"), 0640), 0);
        assert_int_equal(symlink("sshd", at("link")), 0);
}

static void everything_comes_back_to_the_byte(void **state)
{
        _cleanup_(tree_done) Tree before = { .n = 0 }, after = { .n = 0 };
        char path[4096];

        fill();
        tree(&before);
        assert_int_equal(before.n, 5);
        put("/pam.d/sshd", "broken\n");
        assert_int_equal(chmod(at("sshd"), 0600), 0);
        put("/pam.d/added", "x\n");
        put("/pam.d/folder/added", "x\n");
        assert_int_equal(unlink(at("empty")), 0);
        assert_int_equal(unlink(at("custom/deep")), 0);
        assert_int_equal(rmdir(at("custom")), 0);
        assert_int_equal(unlink(at("link")), 0);
        put("/pam.d/link", "no link\n");
        tree(&after);
        assert_false(tree_equal(&before, &after));
        tree_done(&after);
        assert_int_equal(tree_restore(&before, folders, path, sizeof(path)), 0);
        tree(&after);
        assert_true(tree_equal(&before, &after));
        assert_int_equal(readlink(at("link"), path, sizeof(path)), 4);
}

static void a_folder_in_the_place_of_a_file_gives_way(void **state)
{
        _cleanup_(tree_done) Tree before = { .n = 0 }, after = { .n = 0 };
        char path[4096];

        fill();
        tree(&before);
        assert_int_equal(unlink(at("sshd")), 0);
        put("/pam.d/sshd/file", "x\n");
        assert_int_equal(tree_restore(&before, folders, path, sizeof(path)), 0);
        tree(&after);
        assert_true(tree_equal(&before, &after));
}

static void what_did_not_change_is_not_written(void **state)
{
        _cleanup_(tree_done) Tree before = { .n = 0 };
        struct stat then, now;
        char path[4096];

        fill();
        tree(&before);
        assert_int_equal(stat(at("sshd"), &then), 0);
        put("/pam.d/added", "x\n");
        assert_int_equal(tree_restore(&before, folders, path, sizeof(path)), 0);
        assert_int_equal(stat(at("sshd"), &now), 0);
        assert_int_equal(then.st_ino, now.st_ino);
        assert_int_equal(access(at("added"), F_OK), -1);
}

static void a_mode_alone_is_a_difference(void **state)
{
        _cleanup_(tree_done) Tree before = { .n = 0 }, after = { .n = 0 };

        fill();
        tree(&before);
        assert_int_equal(chmod(at("empty"), 0666), 0);
        tree(&after);
        assert_false(tree_equal(&before, &after));
}

static void what_cannot_be_kept_is_refused_by_name(void **state)
{
        _cleanup_(tree_done) Tree t = { .n = 0 };
        char path[4096];

        fill();
        assert_int_equal(mkfifo(at("fifo"), 0600), 0);
        (void)snprintf(folder, sizeof(folder), "%s/pam.d", root);
        assert_int_equal(tree_load(folders, &t, path, sizeof(path)), -ENOTSUP);
        assert_string_equal(path, at("fifo"));
        assert_int_equal(unlink(at("fifo")), 0);
        assert_int_equal(truncate(at("empty"), TREE_FILE_SIZE_MAX), 0);
        assert_int_equal(tree_load(folders, &t, path, sizeof(path)), 0);
        tree_done(&t);
        assert_int_equal(truncate(at("empty"), TREE_FILE_SIZE_MAX + 1), 0);
        assert_int_equal(tree_load(folders, &t, path, sizeof(path)), -EFBIG);
}

static void a_folder_that_is_not_there_is_empty(void **state)
{
        _cleanup_(tree_done) Tree t = { .n = 0 };

        tree(&t);
        assert_int_equal(t.n, 0);
        assert_null(tree_find(&t, "/x"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(everything_comes_back_to_the_byte),
                TEST(a_folder_in_the_place_of_a_file_gives_way),
                TEST(what_did_not_change_is_not_written),
                TEST(a_mode_alone_is_a_difference),
                TEST(what_cannot_be_kept_is_refused_by_name),
                TEST(a_folder_that_is_not_there_is_empty),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
