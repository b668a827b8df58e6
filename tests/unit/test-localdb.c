/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/localdb.h"

#include "lib/base/macro.h"
#include "tests/unit/fake-etc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static FakeEtc etc;
static LocalDb *db;

static void load(void)
{
        db = localdb_free(db);
        assert_int_equal(localdb_load(etc.dir, &db), 0);
}

static void localdb_finds_users_and_groups_both_ways(void **state)
{
        uint32_t uid = 7, gid = 7;

        load();
        assert_true(localdb_user(db, "postgres", &uid, &gid));
        assert_int_equal(uid, 110);
        assert_int_equal(gid, 115);
        assert_string_equal(localdb_user_name(db, 1000), "operator1");
        assert_true(localdb_group(db, "pay-ops", &gid));
        assert_int_equal(gid, 2000);
        assert_string_equal(localdb_group_name(db, 70901), "ours");
        assert_false(localdb_user(db, "nobody-here", &uid, &gid));
        assert_false(localdb_group(db, "nobody-here", &gid));
        assert_null(localdb_user_name(db, 4711));
        assert_null(localdb_group_name(db, 4711));
}

static void localdb_knows_members_by_list_and_by_primary_group(void **state)
{
        load();
        assert_true(localdb_is_member(db, "operator1", "pay-ops"));
        assert_true(localdb_is_member(db, "postgres", "pay-ops"));
        assert_true(localdb_is_member(db, "postgres", "postgres"));
        assert_false(localdb_is_member(db, "root", "pay-ops"));
        assert_false(localdb_is_member(db, "operator", "pay-ops"));
        assert_false(localdb_is_member(db, "operator11", "pay-ops"));
        assert_false(localdb_is_member(db, "", "pay-ops"));
        assert_false(localdb_is_member(db, "root", "absent"));
}

static void localdb_knows_subordinate_ids_to_the_last_one(void **state) /* V30 */
{
        load();
        assert_false(localdb_id_is_subordinate(db, 79999));
        assert_true(localdb_id_is_subordinate(db, 80000));
        assert_true(localdb_id_is_subordinate(db, 80999));
        assert_true(localdb_id_is_subordinate(db, 81000)); /* of subgid */
        assert_true(localdb_id_is_subordinate(db, 81999));
        assert_false(localdb_id_is_subordinate(db, 82000));
        assert_int_equal(fake_etc_write(&etc, "subuid", "x:4294967295:4294967295\n"), 0);
        load();
        assert_true(localdb_id_is_subordinate(db, 4294967295u));
        assert_false(localdb_id_is_subordinate(db, 5));
}

static void localdb_knows_subordinate_ids_of_ranges_that_overlap(void **state)
{
        static const struct {
                uint32_t id;
                bool is_subordinate;
        } ids[] = { { 69999, false }, { 70000, true }, { 70055, true },  { 70070, true },
                    { 70099, true },  { 70119, true }, { 70120, false }, { 70200, false },
                    { 70300, true },  { 70301, false } };

        assert_int_equal(fake_etc_write(&etc, "subuid",
                                        "d:70090:30\na:70000:100\nb:70050:10\nc:70060:0\n"
                                        "e:70200:0\nf:70300:1\n"),
                         0);
        assert_int_equal(fake_etc_write(&etc, "subgid", NULL), 0);
        load();
        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                assert_int_equal(localdb_id_is_subordinate(db, ids[i].id), ids[i].is_subordinate);
}

static void localdb_takes_the_first_of_several(void **state)
{
        uint32_t uid, gid;

        assert_int_equal(fake_etc_write(&etc, "passwd",
                                        "a:x:5:6:::\nroot:x:0:0:::\ntoor:x:0:0:::\na:x:8:9:::\n"),
                         0);
        load();
        assert_true(localdb_user(db, "a", &uid, &gid));
        assert_int_equal(uid, 5);
        assert_string_equal(localdb_user_name(db, 0), "root");
}

static void localdb_skips_lines_that_libc_skips(void **state)
{
        uint32_t uid, gid;

        assert_int_equal(fake_etc_write(&etc, "passwd",
                                        "# note:x:1:1\n+::::::\n-minus:x:3:3:::\n\nshort:x:1\n"
                                        "bad:x:-1:0:::\nbig:x:4294967296:0:::\nempty:x::0:::\n"
                                        ":x:9:9:::\nlast:x:4294967295:12:::"),
                         0);
        load();
        for (const char *const *name = (const char *const[]){ "# note", "+", "-minus", "short",
                                                              "bad", "big", "empty", "", NULL };
             *name; name++)
                assert_false(localdb_user(db, *name, &uid, &gid));
        assert_true(localdb_user(db, "last", &uid, &gid)); /* no newline at the end */
        assert_int_equal(uid, 4294967295u);
}

static void localdb_needs_passwd_and_group_but_no_subordinate_files(void **state)
{
        LocalDb *none = NULL;

        assert_int_equal(fake_etc_write(&etc, "subuid", NULL), 0);
        assert_int_equal(fake_etc_write(&etc, "subgid", NULL), 0);
        load();
        assert_int_equal(fake_etc_write(&etc, "group", NULL), 0);
        assert_int_equal(localdb_load(etc.dir, &none), -ENOENT);
        assert_int_equal(fake_etc_fill(&etc), 0);
        assert_int_equal(fake_etc_write(&etc, "passwd", NULL), 0);
        assert_int_equal(localdb_load(etc.dir, &none), -ENOENT);
        assert_null(none);
}

static void localdb_refuses_what_is_no_regular_file(void **state)
{
        char path[PATH_MAX + 16];
        LocalDb *none = NULL;

        assert_int_equal(fake_etc_write(&etc, "passwd", NULL), 0);
        snprintf(path, sizeof(path), "%s/passwd", etc.dir);
        assert_int_equal(mkfifo(path, 0644), 0);
        assert_int_equal(localdb_load(etc.dir, &none), -EINVAL); /* and does not hang */
        assert_null(none);
}

static int setup(void **state)
{
        return fake_etc_init(&etc) < 0 ? -1 : fake_etc_fill(&etc);
}

static int teardown(void **state)
{
        db = localdb_free(db);
        fake_etc_done(&etc);
        return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(localdb_finds_users_and_groups_both_ways),
                T(localdb_knows_members_by_list_and_by_primary_group),
                T(localdb_knows_subordinate_ids_to_the_last_one),
                T(localdb_knows_subordinate_ids_of_ranges_that_overlap),
                T(localdb_takes_the_first_of_several),
                T(localdb_skips_lines_that_libc_skips),
                T(localdb_needs_passwd_and_group_but_no_subordinate_files),
                T(localdb_refuses_what_is_no_regular_file),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
