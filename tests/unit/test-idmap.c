/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/idmap.h"

#include "lib/base/name.h"

#include "tests/unit/fake-etc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static FakeEtc etc;
static LocalDb *local;
static IdMap *map;

static const char golden[] = "user svc-a 70001 70001 https://one.example\n"
                             "user svc-b 70002 70003 an issuer with spaces\n"
                             "group pay-new 99999\n"
                             "group pay-old 99998\n"
                             "end 4\n";

static void parse(const char *text)
{
        map = idmap_free(map);
        assert_int_equal(idmap_parse(text, strlen(text), &map), 0);
}

static void idmap_formats_to_what_it_parses(void **state)
{
        char *text = NULL;
        size_t size = 0;

        parse(golden);
        assert_int_equal(idmap_format(map, &text, &size), 0);
        assert_int_equal(size, strlen(golden));
        assert_string_equal(text, golden);
        free(text);
        parse("end 0\n");
        assert_int_equal(idmap_n_users(map), 0);
}

static void idmap_finds_by_name_uid_and_gid(void **state)
{
        IdMapUser u;
        uint32_t gid;

        parse(golden);
        assert_int_equal(idmap_n_users(map), 2);
        assert_int_equal(idmap_n_groups(map), 2);
        assert_true(idmap_user_by_name(map, "svc-b", &u));
        assert_int_equal(u.uid, 70002);
        assert_string_equal(u.issuer, "an issuer with spaces");
        assert_true(idmap_user_by_uid(map, 70001, &u));
        assert_string_equal(u.name, "svc-a");
        assert_false(idmap_user_by_uid(map, 70003, &u));
        assert_false(idmap_user_by_name(map, "svc-c", &u));
        assert_true(idmap_group_by_name(map, "pay-old", &gid));
        assert_int_equal(gid, 99998);
        assert_false(idmap_group_by_name(map, "svc-a", &gid));
        assert_string_equal(idmap_gid_owner(map, 70003), "svc-b");
        assert_string_equal(idmap_gid_owner(map, 99999), "pay-new");
        assert_null(idmap_gid_owner(map, 70002));
}

static void idmap_refuses_a_text_that_is_not_whole(void **state)
{
        static const char *const bad[] = {
                "",
                "end 0",
                "end 1\n",
                "user svc-a 70001 70001 i\n",
                "user svc-a 70001 70001 i\nend 0\n",
                "user svc-a 70001 70001 i\nend 2\n",
                "user svc-a 70001 70001 i\nend 1\nend 1\n",
                "user svc-a 70001 70001 i\nend 1\n\n",
                "user svc-a 70001 70001 i\nend 1 \n",
                "user svc-a 70001 70001\nend 1\n",
                "user svc-a 70001 70001 \nend 1\n",
                "user svc-a 70001  70001 i\nend 1\n",
                " user svc-a 70001 70001 i\nend 1\n",
                "user Svc-a 70001 70001 i\nend 1\n",
                "user svc-a 1000 70001 i\nend 1\n",
                "user svc-a 70001 0 i\nend 1\n",
                "user svc-a 070001 70001 i\nend 1\n",
                "user svc-a -1 70001 i\nend 1\n",
                "user svc-a 70001 70001 i\tj\nend 1\n",
                "user svc-b 70001 70001 i\nuser svc-a 70002 70002 i\nend 2\n",
                "user svc-a 70001 70001 i\nuser svc-a 70002 70002 i\nend 2\n",
                "user svc-a 70001 70001 i\nuser svc-b 70001 70002 i\nend 2\n",
                "user svc-a 70001 70001 i\nuser svc-b 70002 70001 i\nend 2\n",
                "user svc-a 70001 70001 i\ngroup g 70001\nend 2\n",
                "group g 99999\ngroup h 99999\nend 2\n",
                "group h 99999\ngroup g 99998\nend 2\n",
                "group g 99999\nuser svc-a 70001 70001 i\nend 2\n",
                "group g 99999 x\nend 1\n",
                "group g\nend 1\n",
                "role g 99999\nend 1\n",
        };
        IdMap *none = NULL;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                if (idmap_parse(bad[i], strlen(bad[i]), &none) != -EBADMSG)
                        fail_msg("accepted: %s", bad[i]);
                assert_null(none);
        }
        assert_int_equal(idmap_parse("end\0 0\n", 7, &none), -EBADMSG);
        for (size_t n = 0; n < strlen(golden); n++)
                assert_int_equal(idmap_parse(golden, n, &none), -EBADMSG);
}

static void idmap_copy_is_its_own(void **state)
{
        static const Account a = { .name = "svc-z", .uid = 70009, .gid = 70009, .issuer = "i" };
        static const GrantSet set = { .accounts = &a, .n_accounts = 1 };
        IdMap *copy = NULL;
        bool changed = false;

        parse(golden);
        assert_int_equal(idmap_copy(map, &copy), 0);
        assert_int_equal(idmap_learn(copy, &set, local, &changed), 0);
        assert_int_equal(idmap_n_users(copy), 3);
        assert_int_equal(idmap_n_users(map), 2);
        idmap_free(copy);
}

/* A set with one account and one grant of these groups. */
static int learn(const char *name, uint32_t uid, const char **groups, size_t n, bool *changed)
{
        const Account a = { .name = name, .uid = uid, .gid = uid, .issuer = "https://one.example" };
        const Term t = { .type = TERM_GROUP, .groups = { groups, n } };
        const Grant g = { .terms = &t, .n_terms = 1 };
        const GrantSet set = { .accounts = &a, .n_accounts = 1, .grants = &g, .n_grants = 1 };

        return idmap_learn(map, &set, local, changed);
}

static void idmap_learns_accounts_once_and_keeps_them(void **state) /* V33 */
{
        bool changed = false;
        IdMapUser u;

        parse("end 0\n");
        assert_int_equal(learn("svc-a", 70001, NULL, 0, &changed), 0);
        assert_true(changed);
        assert_true(idmap_user_by_uid(map, 70001, &u));
        assert_string_equal(u.name, "svc-a");
        assert_string_equal(u.issuer, "https://one.example");
        assert_int_equal(learn("svc-a", 70001, NULL, 0, &changed), 0);
        assert_false(changed);
        assert_int_equal(idmap_n_users(map), 1);
}

/* Whoever is new stands at the end of the map until it is sorted again, wherever the name belongs.
 */
static void idmap_learns_an_account_before_a_known_one_and_knows_each_once(void **state)
{
        static const Account accounts[] = {
                { .name = "svc-a", .uid = 70002, .gid = 70002, .issuer = "https://one.example" },
                { .name = "svc-b", .uid = 70001, .gid = 70001, .issuer = "https://one.example" },
        };
        static const GrantSet set = { .accounts = accounts, .n_accounts = 2 };
        IdMap *again = NULL;
        char *text = NULL;
        size_t size = 0;
        bool changed;

        assert_int_equal(idmap_new(&map), 0);
        assert_int_equal(learn("svc-b", 70001, NULL, 0, &changed), 0);
        assert_int_equal(idmap_learn(map, &set, local, &changed), 0);
        assert_true(changed);
        assert_int_equal(idmap_n_users(map), 2);
        assert_int_equal(idmap_format(map, &text, &size), 0);
        assert_int_equal(idmap_parse(text, size, &again), 0);
        idmap_free(again);
        free(text);
}

static void idmap_gives_groups_ids_from_the_top_clear_of_all_others(void **state)
{
        const char *groups[] = { "new-a", "pay-ops", "new-b", "svc-a", "new-a", "new-c" };
        bool changed = false;
        uint32_t gid;

        assert_int_equal(fake_etc_write(&etc, "group", "pay-ops:x:2000:\nold:x:99999:\n"), 0);
        assert_int_equal(fake_etc_write(&etc, "passwd", "x:x:99998:1:::\n"), 0);
        assert_int_equal(fake_etc_write(&etc, "subgid", "x:99996:2\n"), 0);
        local = localdb_free(local);
        assert_int_equal(localdb_load(etc.dir, &local), 0);
        parse("user svc-old 99995 70003 i\nend 1\n");

        assert_int_equal(learn("svc-a", 99994, groups, 6, &changed), 0);
        assert_true(changed);
        assert_int_equal(idmap_n_groups(map), 3);
        assert_true(idmap_group_by_name(map, "new-a", &gid));
        assert_int_equal(gid, 99993);
        assert_true(idmap_group_by_name(map, "new-b", &gid));
        assert_int_equal(gid, 99992);
        assert_true(idmap_group_by_name(map, "new-c", &gid));
        assert_int_equal(gid, 99991);
        assert_false(idmap_group_by_name(map, "pay-ops", &gid)); /* local */
        assert_false(idmap_group_by_name(map, "svc-a", &gid));   /* an account's own */
        assert_int_equal(learn("svc-a", 99994, groups, 6, &changed), 0);
        assert_false(changed);
}

#define MANY_GROUPS 40000u

static void idmap_gives_every_id_there_is_to_new_groups(void **state)
{
        static char names[MANY_GROUPS][16];
        static const char *groups[MANY_GROUPS];
        bool changed = false;
        uint32_t gid = 0;

        for (size_t i = 0; i < MANY_GROUPS; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "grp-%05zu", i * 7919 % MANY_GROUPS);
                groups[i] = names[i];
        }
        local = localdb_free(local);
        assert_int_equal(localdb_empty(&local), 0);
        parse("end 0\n");
        assert_int_equal(learn("svc-a", ID_MAX - 10, groups, MANY_GROUPS, &changed), 0);
        assert_int_equal(idmap_n_groups(map), ID_MAX - ID_MIN); /* one is the account's */
        assert_true(idmap_group_by_name(map, names[0], &gid));
        assert_int_equal(gid, ID_MAX);
        assert_true(idmap_group_by_name(map, names[ID_MAX - ID_MIN - 1], &gid));
        assert_int_equal(gid, ID_MIN);
        assert_false(idmap_group_by_name(map, names[ID_MAX - ID_MIN], &gid));
}

static void idmap_out_of_ids_gives_a_group_nothing_and_goes_on(void **state) /* S3 */
{
        const char *groups[] = { "new-a" };
        bool changed = false;
        uint32_t gid;

        assert_int_equal(fake_etc_write(&etc, "subgid", "x:65536:34464\n"), 0);
        local = localdb_free(local);
        assert_int_equal(localdb_load(etc.dir, &local), 0);
        parse("end 0\n");
        assert_int_equal(learn("svc-a", 70001, groups, 1, &changed), 0);
        assert_true(changed);
        assert_int_equal(idmap_n_users(map), 1);
        assert_false(idmap_group_by_name(map, "new-a", &gid));
}

static int setup(void **state)
{
        if (fake_etc_init(&etc) < 0 || fake_etc_fill(&etc) < 0)
                return -1;
        return localdb_load(etc.dir, &local);
}

static int teardown(void **state)
{
        map = idmap_free(map);
        local = localdb_free(local);
        fake_etc_done(&etc);
        return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                T(idmap_formats_to_what_it_parses),
                T(idmap_finds_by_name_uid_and_gid),
                T(idmap_refuses_a_text_that_is_not_whole),
                T(idmap_copy_is_its_own),
                T(idmap_learns_accounts_once_and_keeps_them),
                T(idmap_learns_an_account_before_a_known_one_and_knows_each_once),
                T(idmap_gives_groups_ids_from_the_top_clear_of_all_others),
                T(idmap_gives_every_id_there_is_to_new_groups),
                T(idmap_out_of_ids_gives_a_group_nothing_and_goes_on),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
