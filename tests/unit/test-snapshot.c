/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lib/snapshot: N03 N04 N06 N09 and, over bytes, what N18 fuzzes. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"
#include "lib/snapshot/bytes.h"
#include "tests/unit/snapshot-fixture.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#define END 2000000000000000ll /* a deadline */

static const SnapshotNow before = { .real_usec = END - 1, .boot_usec = 500 };
static const SnapshotNow after = { .real_usec = END, .boot_usec = 500 };

static const SnapshotBuildUser users[] = {
        { "svc-deploy", "deploys payments", "/var/lib/svc-deploy", "/bin/bash", 70001, 70001, END,
          1000 },
        { "svc-old", "", "/", "/bin/sh", 70002, 70002, 0, 0 },
};
static const SnapshotBuildGroup groups[] = {
        { "svc-deploy", 70001, END, 1000, false },
        { "pay-ops", 70010, END, 1000, false },
        { "docker", 998, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER, true },
        { "gone", 70011, 0, 0, false },
};
static const SnapshotBuildMembership memberships[] = {
        { "svc-deploy", 1, END, 1000 }, { "john.doe", 1, END - 10, 1000 },
        { "john.doe", 2, END, 1000 },   { "john.doe", 2, END - 10, 1000 },
        { "john.doe", 3, END, 1000 },
};
static const SnapshotBuild sample = {
        .generation = 7,
        .users = users,
        .n_users = ELEMENTSOF(users),
        .groups = groups,
        .n_groups = ELEMENTSOF(groups),
        .memberships = memberships,
        .n_memberships = ELEMENTSOF(memberships),
};

typedef struct Fixture {
        uint8_t *data;
        size_t size;
        Snapshot s;
} Fixture;

static int setup(void **state)
{
        static Fixture f;

        assert_int_equal(snapshot_build(&sample, &f.data, &f.size), 0);
        assert_int_equal(snapshot_over(f.data, f.size, &f.s), 0);
        *state = &f;
        return 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        snapshot_close(&f->s);
        free(f->data);
        return 0;
}

/* ---- answers ---- */

/* The module copies so many bytes and measures no text again. */
static void assert_sizes(const SnapshotUserView *v)
{
        assert_int_equal(v->name_size, strlen(v->name) + 1);
        assert_int_equal(v->gecos_size, strlen(v->gecos) + 1);
        assert_int_equal(v->home_size, strlen(v->home) + 1);
        assert_int_equal(v->shell_size, strlen(v->shell) + 1);
}

static void user_answers_by_name_and_uid_with_every_field(void **state)
{
        const Fixture *f = *state;
        SnapshotUserView v;

        assert_true(snapshot_user_by_name(&f->s, "svc-deploy", before, &v));
        assert_int_equal(v.uid, 70001);
        assert_int_equal(v.gid, 70001);
        assert_string_equal(v.gecos, "deploys payments");
        assert_string_equal(v.home, "/var/lib/svc-deploy");
        assert_string_equal(v.shell, "/bin/bash");
        assert_true(snapshot_user_by_uid(&f->s, 70001, before, &v));
        assert_string_equal(v.name, "svc-deploy");
        assert_string_equal(v.shell, "/bin/bash");
        assert_sizes(&v);
}

static void N02_unknown_names_and_ids_are_not_there(void **state)
{
        const Fixture *f = *state;
        SnapshotGroupView g;
        SnapshotUserView v;

        assert_false(snapshot_user_by_name(&f->s, "svc-deploz", before, &v));
        assert_false(snapshot_user_by_name(&f->s, "", before, &v));
        assert_false(snapshot_user_by_uid(&f->s, 70003, before, &v));
        assert_false(snapshot_group_by_name(&f->s, "pay", before, &g));
        assert_false(snapshot_group_by_gid(&f->s, 70012, before, &g));
        assert_int_equal(snapshot_groups_of(&f->s, "nobody-here", before, NULL, 0), 0);
}

static void N04_name_is_gone_in_the_usec_of_the_deadline_and_uid_stays_with_nologin(void **state)
{
        const SnapshotNow boot_after = { .real_usec = END - 1, .boot_usec = 1000 };
        const Fixture *f = *state;
        SnapshotUserView v;

        assert_false(snapshot_user_by_name(&f->s, "svc-deploy", after, &v));
        assert_false(snapshot_user_by_name(&f->s, "svc-deploy", boot_after, &v));
        assert_true(snapshot_user_by_uid(&f->s, 70001, after, &v));
        assert_string_equal(v.name, "svc-deploy");
        assert_string_equal(v.shell, SNAPSHOT_NOLOGIN);
        assert_sizes(&v);
        assert_true(snapshot_user_by_uid(&f->s, 70001, boot_after, &v));
        assert_string_equal(v.shell, SNAPSHOT_NOLOGIN);
}

static void retired_user_answers_by_uid_only(void **state)
{
        const Fixture *f = *state;
        SnapshotUserView v;

        assert_false(snapshot_user_by_name(&f->s, "svc-old", before, &v));
        assert_true(snapshot_user_by_uid(&f->s, 70002, before, &v));
        assert_string_equal(v.name, "svc-old");
        assert_string_equal(v.shell, SNAPSHOT_NOLOGIN);
}

/* Reading the clocks comes between the two. */
static void search_that_was_begun_ends_by_the_clock_of_its_end(void **state)
{
        const Fixture *f = *state;
        SnapshotSearch by_name, by_uid;
        SnapshotUserView v;

        snapshot_search_user(&f->s, "svc-deploy", &by_name);
        assert_false(snapshot_found_user(&by_name, after, &v));
        snapshot_search_user(&f->s, "svc-deploy", &by_name);
        snapshot_search_uid(&f->s, 70001, &by_uid);
        assert_true(snapshot_found_user(&by_name, before, &v));
        assert_string_equal(v.shell, "/bin/bash");
        assert_true(snapshot_found_user(&by_uid, after, &v));
        assert_string_equal(v.shell, SNAPSHOT_NOLOGIN);
}

static size_t count_members(const SnapshotGroupView *g, SnapshotNow now)
{
        size_t n = 0;

        for (size_t i = 0; i < g->n_members; i++)
                n += snapshot_member(g, i, now) != NULL;
        return n;
}

static void group_answers_with_members_until_each_deadline(void **state)
{
        const SnapshotNow between = { .real_usec = END - 10, .boot_usec = 500 };
        const Fixture *f = *state;
        SnapshotGroupView g;

        assert_true(snapshot_group_by_name(&f->s, "pay-ops", before, &g));
        assert_int_equal(g.gid, 70010);
        assert_int_equal(g.n_members, 2);
        assert_int_equal(count_members(&g, before), 1);
        assert_true(snapshot_group_by_gid(&f->s, 70010, between, &g));
        assert_int_equal(count_members(&g, between), 1);
        assert_null(snapshot_member(&g, 2, between));

        assert_false(snapshot_group_by_name(&f->s, "pay-ops", after, &g));
        assert_true(snapshot_group_by_gid(&f->s, 70010, after, &g));
        assert_int_equal(g.n_members, 0);
}

static void memberships_of_one_group_become_the_one_that_ends_last(void **state)
{
        const Fixture *f = *state;
        gid_t gids[4] = { 0 };

        assert_int_equal(snapshot_groups_of(&f->s, "john.doe", before, gids, 4), 1);
        assert_int_equal(gids[0], 998);
        assert_int_equal(snapshot_groups_of(&f->s, "john.doe", after, gids, 4), 0);
}

static void groups_of_counts_all_and_stores_at_most_n(void **state)
{
        const SnapshotNow early = { .real_usec = 1, .boot_usec = 1 };
        const Fixture *f = *state;
        gid_t gids[2] = { 0, 4711 };

        assert_int_equal(snapshot_groups_of(&f->s, "john.doe", early, gids, 1), 2);
        assert_int_equal(gids[1], 4711);
        assert_int_equal(snapshot_groups_of(&f->s, "john.doe", early, gids, 2), 2);
        assert_int_not_equal(gids[1], 4711);
}

static void enumeration_lists_active_records_once_and_no_local_group(void **state)
{
        const Fixture *f = *state;
        SnapshotGroupView g;
        SnapshotUserView v;
        size_t cursor = 0, n = 0;

        assert_false(snapshot_enumerates(&f->s));
        while (snapshot_next_user(&f->s, &cursor, before, &v)) {
                assert_string_equal(v.name, "svc-deploy");
                n++;
        }
        assert_int_equal(n, 1);
        for (cursor = n = 0; snapshot_next_group(&f->s, &cursor, before, &g); n++)
                assert_int_not_equal(g.gid, 998);
        assert_int_equal(n, 2);
}

static void thousand_users_are_all_found(void **state)
{
        _cleanup_free_ SnapshotBuildUser *many = calloc(1000, sizeof(*many));
        _cleanup_free_ uint8_t *data = NULL;
        static char names[1000][16];
        SnapshotUserView v;
        size_t size = 0;
        Snapshot s;

        (void)state;
        for (unsigned i = 0; i < 1000; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "svc-%u", i);
                many[i] = (SnapshotBuildUser){ names[i],  "",        "/", "/bin/sh",
                                               70000 + i, 70000 + i, END, 1000 };
        }
        assert_int_equal(
                snapshot_build(&(SnapshotBuild){ .users = many, .n_users = 1000 }, &data, &size),
                0);
        assert_int_equal(snapshot_over(data, size, &s), 0);
        for (unsigned i = 0; i < 1000; i++) {
                assert_true(snapshot_user_by_name(&s, names[i], before, &v));
                assert_int_equal(v.uid, 70000 + i);
                assert_true(snapshot_user_by_uid(&s, 70000 + i, before, &v));
                assert_string_equal(v.name, names[i]);
        }
}

/* ---- what is never published ---- */

static void assert_unpublishable(SnapshotBuild b)
{
        uint8_t *data = NULL;
        size_t size = 0;

        assert_int_equal(snapshot_build(&b, &data, &size), -EINVAL);
        assert_null(data);
}

static void build_refuses_unlawful_users(void **state)
{
        static const SnapshotBuildUser good = { "a", "", "/", "/bin/sh", 70001, 70001, END, END };
        SnapshotBuildUser bad[13];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                bad[i] = good;
        bad[0].name = "root";
        bad[1].name = "0x0";
        bad[2].name = "";
        bad[3].uid = 0;
        bad[4].uid = 65534;
        bad[5].uid = 65535;
        bad[6].uid = UINT32_MAX;
        bad[7].gid = 0;
        bad[8].shell = "/bin/sh\n";
        bad[9].gecos = "a:b";
        bad[10].home = NULL;
        bad[11].gid = UINT32_MAX;
        bad[12].name = NULL;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_unpublishable((SnapshotBuild){ .users = &bad[i], .n_users = 1 });
}

static void build_refuses_unlawful_groups_and_memberships(void **state)
{
        static const SnapshotBuildGroup root = { "root", 70001, END, END, false },
                                        zero = { "zero", 0, END, END, true },
                                        good = { "good", 70001, END, END, false };
        static const SnapshotBuildMembership of_root = { "root", 0, END, END },
                                             out_of_range = { "a", 1, END, END };

        (void)state;
        assert_unpublishable((SnapshotBuild){ .groups = &root, .n_groups = 1 });
        assert_unpublishable((SnapshotBuild){ .groups = &zero, .n_groups = 1 });
        assert_unpublishable((SnapshotBuild){
                .groups = &good, .n_groups = 1, .memberships = &of_root, .n_memberships = 1 });
        assert_unpublishable((SnapshotBuild){
                .groups = &good, .n_groups = 1, .memberships = &out_of_range, .n_memberships = 1 });
}

static void first_of_one_name_or_id_answers(void **state)
{
        static const SnapshotBuildUser same[] = {
                { "a", "first", "/", "/bin/sh", 70001, 70001, END, END },
                { "b", "same uid", "/", "/bin/sh", 70001, 70001, END, END },
                { "a", "same name", "/", "/bin/sh", 70002, 70001, END, END },
        };
        static const SnapshotBuildGroup alias[] = {
                { "ops", 998, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER, true },
                { "ops-alias", 998, SNAPSHOT_FOREVER, SNAPSHOT_FOREVER, true },
        };
        const SnapshotBuild b = { .users = same, .n_users = 3, .groups = alias, .n_groups = 2 };
        _cleanup_free_ uint8_t *data = NULL;
        SnapshotGroupView g;
        SnapshotUserView v;
        size_t size = 0, cursor = 0, n_listed = 0;
        Snapshot s;

        (void)state;
        assert_int_equal(snapshot_build(&b, &data, &size), 0);
        assert_int_equal(snapshot_over(data, size, &s), 0);
        assert_true(snapshot_user_by_name(&s, "a", before, &v));
        assert_string_equal(v.gecos, "first");
        assert_true(snapshot_user_by_uid(&s, 70001, before, &v));
        assert_string_equal(v.gecos, "first");
        while (snapshot_next_user(&s, &cursor, before, &v))
                n_listed++;
        assert_int_equal(n_listed, 2); /* one a uid */
        assert_true(snapshot_group_by_gid(&s, 998, before, &g));
        assert_string_equal(g.name, "ops");
        assert_true(snapshot_group_by_name(&s, "ops-alias", before, &g));
        assert_int_equal(g.gid, 998);
}

static void texts_are_published_up_to_the_limit(void **state)
{
        char gecos[SNAPSHOT_TEXT_MAX + 2];
        SnapshotBuildUser u = { "a", gecos, "", "/bin/sh", 70001, 70001, END, END };
        const SnapshotBuild b = { .users = &u, .n_users = 1 };
        uint8_t *data = NULL;
        SnapshotUserView v;
        size_t size = 0;
        Snapshot s;

        (void)state;
        memset(gecos, 'x', sizeof(gecos));
        gecos[SNAPSHOT_TEXT_MAX + 1] = '\0';
        assert_unpublishable(b);
        gecos[SNAPSHOT_TEXT_MAX] = '\0';
        assert_int_equal(snapshot_build(&b, &data, &size), 0);
        assert_int_equal(snapshot_over(data, size, &s), 0);
        assert_true(snapshot_user_by_name(&s, "a", before, &v));
        assert_int_equal(strlen(v.gecos), SNAPSHOT_TEXT_MAX);
        /* Its NUL gone, it goes on to that of the empty home behind it. */
        data[(const uint8_t *)v.gecos - data + SNAPSHOT_TEXT_MAX] = 'x';
        snapshot_reseal(data, size);
        assert_false(snapshot_user_by_name(&s, "a", before, &v));
        free(data);
}

/* ---- damage ---- */

/* Ask everything; what matters is that no byte outside is touched (the data is a malloc block of
 * exactly its size) and that nothing unlawful is answered. */
static void ask_everything(const Snapshot *s)
{
        static const char *const names[] = { "svc-deploy", "svc-old", "root",     "pay-ops",
                                             "docker",     "gone",    "john.doe", "" };
        static const uint32_t ids[] = { 0, 998, 70001, 70002, 70010, 65535, UINT32_MAX };
        gid_t gids[4];
        SnapshotGroupView g;
        SnapshotUserView v;
        size_t cursor = 0;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                if (snapshot_user_by_name(s, names[i], before, &v))
                        assert_true(v.uid != 0 && v.gid != 0 && !streq(v.name, "root"));
                if (snapshot_group_by_name(s, names[i], before, &g)) {
                        assert_true(g.gid != 0 && !streq(g.name, "root"));
                        (void)count_members(&g, before);
                }
                (void)snapshot_groups_of(s, names[i], before, gids, ELEMENTSOF(gids));
        }
        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                if (snapshot_user_by_uid(s, ids[i], before, &v))
                        assert_true(v.uid == ids[i] && v.uid != 0 && !streq(v.name, "root"));
                if (snapshot_group_by_gid(s, ids[i], before, &g))
                        (void)count_members(&g, before);
        }
        while (snapshot_next_user(s, &cursor, before, &v))
                assert_int_not_equal(v.uid, 0);
        cursor = 0;
        while (snapshot_next_group(s, &cursor, before, &g))
                (void)count_members(&g, before);
}

static uint8_t *copy_of(const Fixture *f, size_t size)
{
        uint8_t *copy = malloc(size > 0 ? size : 1);

        assert_non_null(copy);
        memcpy(copy, f->data, size);
        return copy;
}

static void N06_every_truncation_is_refused(void **state)
{
        const Fixture *f = *state;

        for (size_t size = 0; size < f->size; size++) {
                uint8_t *copy = copy_of(f, size);
                Snapshot s;

                assert_int_equal(snapshot_over(copy, size, &s), SNAPSHOT_E_CORRUPT);
                free(copy);
        }
}

/* Whatever is answered is what was published. */
static void assert_answers_are_true(const Snapshot *s)
{
        gid_t gids[4];
        SnapshotGroupView g;
        SnapshotUserView v;

        if (snapshot_user_by_name(s, "svc-deploy", before, &v) ||
            snapshot_user_by_uid(s, 70001, before, &v)) {
                assert_string_equal(v.name, "svc-deploy");
                assert_string_equal(v.gecos, "deploys payments");
                assert_string_equal(v.home, "/var/lib/svc-deploy");
                assert_string_equal(v.shell, "/bin/bash");
                assert_true(v.uid == 70001 && v.gid == 70001);
        }
        assert_false(snapshot_user_by_name(s, "svc-old", before, &v));
        if (snapshot_user_by_uid(s, 70002, before, &v))
                assert_string_equal(v.shell, SNAPSHOT_NOLOGIN);
        if (snapshot_group_by_name(s, "pay-ops", before, &g)) {
                assert_true(g.gid == 70010 && g.n_members == 2 && count_members(&g, before) == 1);
                assert_string_equal(snapshot_member(&g, 1, before), "svc-deploy");
        }
        if (snapshot_groups_of(s, "svc-deploy", before, gids, ELEMENTSOF(gids)) > 0)
                assert_int_equal(gids[0], 70010);
        assert_true(snapshot_groups_of(s, "john.doe", before, gids, ELEMENTSOF(gids)) <= 1);
}

static void N06_a_flipped_byte_is_refused_or_hides_a_record_and_changes_none(void **state)
{
        const size_t marked = offsetof(SnapshotHeader, superseded_le);
        const Fixture *f = *state;
        uint8_t *copy = copy_of(f, f->size);
        Snapshot s;

        for (size_t i = 0; i < f->size; i++) {
                bool opens = i >= sizeof(SnapshotHeader) || (i >= marked && i < marked + 4);

                for (int bit = 0; bit < 9; bit++) {
                        copy[i] ^= bit == 8 ? 0xff : 1 << bit;
                        assert_int_equal(snapshot_over(copy, f->size, &s),
                                         opens ? 0 : SNAPSHOT_E_CORRUPT);
                        if (opens)
                                assert_answers_are_true(&s);
                        copy[i] = f->data[i];
                }
        }
        free(copy);
}

/* Each record in turn is damaged in its first deadline: it alone is not there. */
static void N06_damage_of_one_record_hides_no_other(void **state)
{
        const Fixture *f = *state;
        uint8_t *copy = copy_of(f, f->size);
        const SnapshotHeader *h = (const SnapshotHeader *)copy;
        const SnapshotSlot *slots =
                (const SnapshotSlot *)(copy + get_le32(h->passwd_by_uid.offset_le));
        SnapshotUserView v;
        size_t n_damaged = 0;
        Snapshot s;

        for (size_t i = 0; i < get_le32(h->passwd_by_uid.n_slots_le); i++) {
                size_t at = slot_offset(&slots[i]);
                bool is_first;

                if (at == 0)
                        continue;
                is_first = get_le32(((const SnapshotPasswd *)(copy + at))->uid_le) == 70001;
                copy[at + offsetof(SnapshotPasswd, real_deadline_le)] ^= 1;
                assert_int_equal(snapshot_over(copy, f->size, &s), 0);
                assert_int_equal(snapshot_user_by_uid(&s, 70001, before, &v), !is_first);
                assert_int_equal(snapshot_user_by_name(&s, "svc-deploy", before, &v), !is_first);
                assert_int_equal(snapshot_user_by_uid(&s, 70002, before, &v), is_first);
                copy[at + offsetof(SnapshotPasswd, real_deadline_le)] ^= 1;
                n_damaged++;
        }
        assert_int_equal(n_damaged, 2);
        free(copy);
}

static void every_changed_byte_under_a_good_checksum_does_no_harm(void **state)
{
        static const uint8_t masks[] = { 0x01, 0x80, 0xff };
        const Fixture *f = *state;
        uint8_t *copy = copy_of(f, f->size);
        Snapshot s;

        for (size_t i = 0; i < f->size; i++)
                for (size_t m = 0; m < ELEMENTSOF(masks); m++) {
                        copy[i] ^= masks[m];
                        snapshot_reseal(copy, f->size);
                        if (snapshot_over(copy, f->size, &s) == 0)
                                ask_everything(&s);
                        memcpy(copy, f->data, f->size);
                }
        free(copy);
}

static void every_word_set_to_an_extreme_does_no_harm(void **state)
{
        static const uint32_t values[] = { 0, 1, UINT32_MAX, INT32_MAX, 0x10000 };
        const Fixture *f = *state;
        uint8_t *copy = copy_of(f, f->size);
        Snapshot s;

        for (size_t i = 0; i + 4 <= f->size; i += 4)
                for (size_t v = 0; v < ELEMENTSOF(values); v++) {
                        put_le32(copy + i, values[v]);
                        snapshot_reseal(copy, f->size);
                        if (snapshot_over(copy, f->size, &s) == 0)
                                ask_everything(&s);
                        memcpy(copy, f->data, f->size);
                }
        free(copy);
}

static void N03_root_is_never_answered_even_when_the_file_has_it(void **state)
{
        const Fixture *f = *state;
        uint8_t *copy = copy_of(f, f->size);
        SnapshotUserView v;
        Snapshot s;
        size_t cursor = 0;

        /* Every place that holds the uid now holds 0: root's record by any key. */
        for (size_t i = 0; i + 4 <= f->size; i++)
                if (get_le32(copy + i) == 70001)
                        put_le32(copy + i, 0);
        snapshot_reseal(copy, f->size);
        assert_int_equal(snapshot_over(copy, f->size, &s), 0);
        assert_false(snapshot_user_by_name(&s, "svc-deploy", before, &v));
        assert_false(snapshot_user_by_uid(&s, 0, before, &v));
        assert_false(snapshot_next_user(&s, &cursor, before, &v));
        free(copy);
}

/* By a name that a search never asks for, and yet the record is found: by id and by listing. */
static void N03_a_record_that_is_named_root_is_never_answered(void **state)
{
        static const SnapshotBuildUser u = { "toor", "", "/", "/bin/sh", 70001, 70001, END, END };
        static const SnapshotBuildGroup g[] = { { "toor", 70001, END, END, false },
                                                { "ops", 70002, END, END, false } };
        static const SnapshotBuildMembership m = { "toor", 1, END, END };
        const SnapshotBuild b = { .users = &u,
                                  .n_users = 1,
                                  .groups = g,
                                  .n_groups = 2,
                                  .memberships = &m,
                                  .n_memberships = 1 };
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0, cursor = 0, n_renamed = 0;
        SnapshotMembershipsView groups_of;
        SnapshotGroupView group;
        SnapshotUserView user;
        gid_t gid;
        Snapshot s;

        (void)state;
        assert_int_equal(snapshot_build(&b, &data, &size), 0);
        for (size_t i = 0; i + 5 <= size; i++)
                if (memcmp(data + i, "toor", 5) == 0) {
                        memcpy(data + i, "root", 5);
                        n_renamed++;
                }
        assert_int_equal(n_renamed, 4);
        snapshot_reseal(data, size);
        assert_int_equal(snapshot_over(data, size, &s), 0);
        assert_false(snapshot_user_by_uid(&s, 70001, before, &user));
        assert_false(snapshot_next_user(&s, &cursor, before, &user));
        assert_false(snapshot_group_by_gid(&s, 70001, before, &group));
        assert_true(snapshot_group_by_gid(&s, 70002, before, &group));
        assert_int_equal(group.n_members, 1);
        assert_null(snapshot_member(&group, 0, before));
        assert_int_equal(snapshot_groups_of(&s, "root", before, NULL, 0), 0);
        assert_false(snapshot_memberships_of(&s, "root", &groups_of));
        groups_of = (SnapshotMembershipsView){ 0 };
        assert_false(snapshot_membership(&groups_of, 0, before, &gid));
}

static void N03_N15_a_membership_in_a_group_of_nobody_is_never_answered(void **state)
{
        static const SnapshotBuildGroup g = { "ops", 70002, END, END, false };
        static const SnapshotBuildMembership m = { "john", 0, END, END };
        static const SnapshotBuild b = {
                .groups = &g, .n_groups = 1, .memberships = &m, .n_memberships = 1
        };
        static const uint32_t ids[] = { 0, 65534, 65535, UINT32_MAX };

        (void)state;
        for (size_t n = 0; n < sizeof(ids) / sizeof(ids[0]); n++) {
                _cleanup_free_ uint8_t *data = NULL;
                size_t size = 0;
                Snapshot s;

                assert_int_equal(snapshot_build(&b, &data, &size), 0);
                assert_int_equal(snapshot_over(data, size, &s), 0);
                assert_int_equal(snapshot_groups_of(&s, "john", before, NULL, 0), 1);
                for (size_t i = 0; i + 4 <= size; i++)
                        if (get_le32(data + i) == g.gid)
                                put_le32(data + i, ids[n]);
                snapshot_reseal(data, size);
                assert_int_equal(snapshot_groups_of(&s, "john", before, NULL, 0), 0);
        }
}

/* Checksums are made of whole words: what is no multiple of them would be read past its end. */
static void sizes_and_offsets_are_multiples_of_8(void **state)
{
        const Fixture *f = *state;
        uint8_t *copy = copy_of(f, f->size);
        SnapshotHeader *h = (SnapshotHeader *)copy;
        SnapshotTable *t = &h->passwd_by_name;
        SnapshotUserView v;
        SnapshotRecord *r;
        Snapshot s;
        uint32_t size;

        assert_int_equal(snapshot_over(copy, f->size, &s), 0);
        assert_true(snapshot_user_by_name(&s, "svc-deploy", before, &v));
        r = (SnapshotRecord *)(copy + ((const uint8_t *)v.name - copy) - sizeof(SnapshotPasswd));
        size = get_le32(r->size_le) - 4;
        put_le32(r->size_le, size);
        put_le64(r->checksum_le, snapshot_record_checksum((uint8_t *)r, size));
        assert_false(snapshot_user_by_name(&s, "svc-deploy", before, &v));

        put_le32(t->offset_le, get_le32(t->offset_le) + 4);
        put_le64(h->checksum_le, snapshot_header_checksum(copy));
        assert_int_equal(snapshot_over(copy, f->size, &s), SNAPSHOT_E_CORRUPT);
        free(copy);
}

static void N09_other_major_is_refused_and_any_minor_read(void **state)
{
        const Fixture *f = *state;
        uint8_t *copy = copy_of(f, f->size);
        SnapshotHeader *h = (SnapshotHeader *)copy;
        Snapshot s;

        h->minor_le[0] = 9;
        snapshot_reseal(copy, f->size);
        assert_int_equal(snapshot_over(copy, f->size, &s), 0);
        for (int step = -1; step <= 1; step += 2) {
                h->major_le[0] = (uint8_t)((int)SNAPSHOT_MAJOR + step);
                snapshot_reseal(copy, f->size);
                assert_int_equal(snapshot_over(copy, f->size, &s), SNAPSHOT_E_CORRUPT);
        }
        free(copy);
}

static void image_equals_the_golden_file(void **state)
{
        const Fixture *f = *state;
        _cleanup_free_ uint8_t *golden = malloc(f->size + 1);
        _cleanup_close_ int fd = open("tests/golden/snapshot-2.bin", O_RDONLY | O_CLOEXEC);

        assert_true(fd >= 0);
        assert_int_equal(read(fd, golden, f->size + 1), f->size);
        assert_memory_equal(golden, f->data, f->size);
}

/* ---- files ---- */

static void path_of(char ret[static PATH_MAX], const char *name)
{
        (void)mkdir(PATH_ROOT, 0755);
        (void)snprintf(ret, PATH_MAX, "%s/test-snapshot-%s", PATH_ROOT, name);
        (void)unlink(ret);
}

static void publish_supersedes_the_old_file_and_leaves_nothing_beside(void **state)
{
        const Fixture *f = *state;
        char path[PATH_MAX], beside[PATH_MAX + 8];
        Snapshot old, new;
        struct stat st;

        path_of(path, "publish");
        (void)snprintf(beside, sizeof(beside), "%s.new", path);
        assert_int_equal(snapshot_open(path, geteuid(), &old), SNAPSHOT_E_ABSENT);
        assert_int_equal(snapshot_publish(path, f->data, f->size), 0);
        assert_int_equal(snapshot_open(path, geteuid(), &old), 0);
        assert_false(snapshot_is_superseded(&old));
        assert_int_equal(snapshot_publish(path, f->data, f->size), 0);
        assert_true(snapshot_is_superseded(&old));
        assert_int_equal(snapshot_open(path, geteuid(), &new), 0);
        assert_false(snapshot_is_superseded(&new));
        ask_everything(&old);

        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0644);
        assert_int_equal(access(beside, F_OK), -1);
        snapshot_close(&old);
        snapshot_close(&new);
        (void)unlink(path);
}

static void failed_publish_keeps_the_old_file_and_leaves_nothing_beside(void **state)
{
        const Fixture *f = *state;
        char path[PATH_MAX], beside[PATH_MAX + 8];

        /* The path is a directory that is not empty: the rename fails. */
        path_of(path, "refused");
        (void)snprintf(beside, sizeof(beside), "%s/x", path);
        assert_int_equal(mkdir(path, 0755), 0);
        assert_int_equal(mkdir(beside, 0755), 0);
        assert_true(snapshot_publish(path, f->data, f->size) < 0);
        assert_int_equal(rmdir(beside), 0);
        assert_int_equal(rmdir(path), 0);
        (void)snprintf(beside, sizeof(beside), "%s.new", path);
        assert_int_equal(access(beside, F_OK), -1);
}

static void open_refuses_files_that_others_may_write_or_own(void **state)
{
        const Fixture *f = *state;
        char path[PATH_MAX];
        Snapshot s;

        path_of(path, "mode");
        assert_int_equal(snapshot_publish(path, f->data, f->size), 0);
        assert_int_equal(snapshot_open(path, geteuid() + 1, &s), SNAPSHOT_E_CORRUPT);
        assert_int_equal(chmod(path, 0664), 0);
        assert_int_equal(snapshot_open(path, geteuid(), &s), SNAPSHOT_E_CORRUPT);
        assert_int_equal(chmod(path, 0646), 0);
        assert_int_equal(snapshot_open(path, geteuid(), &s), SNAPSHOT_E_CORRUPT);
        assert_int_equal(chmod(path, 0644), 0);
        assert_int_equal(snapshot_open(path, geteuid(), &s), 0);
        snapshot_close(&s);
        (void)unlink(path);
}

/* The header alone is written; the rest is a hole. */
static int open_file_of(const char *path, size_t size)
{
        SnapshotHeader h = { .major_le = { SNAPSHOT_MAJOR } };
        SnapshotTable *tables[] = { &h.passwd_by_name, &h.passwd_by_uid, &h.group_by_name,
                                    &h.group_by_gid, &h.member_by_user };
        Snapshot s;
        int r;

        memcpy(h.magic, SNAPSHOT_MAGIC, sizeof(h.magic));
        put_le64(h.size_le, size);
        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                put_le32(tables[i]->offset_le, sizeof(h));
                put_le32(tables[i]->n_slots_le, 2);
        }
        put_le64(h.checksum_le, snapshot_header_checksum((const uint8_t *)&h));
        assert_int_equal(file_replace(path, &h, sizeof(h), 0644, geteuid(), getegid(), false), 0);
        assert_int_equal(truncate(path, (off_t)size), 0);
        r = snapshot_open(path, geteuid(), &s);
        if (r == 0) {
                ask_everything(&s);
                snapshot_close(&s);
        }
        return r;
}

static void files_are_opened_up_to_the_limit(void **state)
{
        char path[PATH_MAX];

        (void)state;
        path_of(path, "size");
        assert_int_equal(open_file_of(path, sizeof(SnapshotHeader)), SNAPSHOT_E_CORRUPT);
        assert_int_equal(open_file_of(path, sizeof(SnapshotHeader) + 8), 0);
        assert_int_equal(open_file_of(path, sizeof(SnapshotHeader) + 12), SNAPSHOT_E_CORRUPT);
        assert_int_equal(open_file_of(path, SNAPSHOT_SIZE_MAX), 0);
        assert_int_equal(open_file_of(path, SNAPSHOT_SIZE_MAX + 8ul), SNAPSHOT_E_CORRUPT);
        (void)unlink(path);
}

static void N06_empty_and_one_byte_files_are_refused(void **state)
{
        char path[PATH_MAX];
        Snapshot s;

        (void)state;
        path_of(path, "short");
        assert_int_equal(file_replace(path, "", 0, 0644, geteuid(), getegid(), false), 0);
        assert_int_equal(snapshot_open(path, geteuid(), &s), SNAPSHOT_E_CORRUPT);
        assert_int_equal(file_replace(path, "N", 1, 0644, geteuid(), getegid(), false), 0);
        assert_int_equal(snapshot_open(path, geteuid(), &s), SNAPSHOT_E_CORRUPT);
        (void)unlink(path);
        assert_int_equal(symlink("/etc/passwd", path), 0);
        assert_int_equal(snapshot_open(path, geteuid(), &s), SNAPSHOT_E_CORRUPT);
        (void)unlink(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(user_answers_by_name_and_uid_with_every_field),
                TEST(N02_unknown_names_and_ids_are_not_there),
                TEST(search_that_was_begun_ends_by_the_clock_of_its_end),
                TEST(N04_name_is_gone_in_the_usec_of_the_deadline_and_uid_stays_with_nologin),
                TEST(retired_user_answers_by_uid_only),
                TEST(group_answers_with_members_until_each_deadline),
                TEST(memberships_of_one_group_become_the_one_that_ends_last),
                TEST(groups_of_counts_all_and_stores_at_most_n),
                TEST(enumeration_lists_active_records_once_and_no_local_group),
                cmocka_unit_test(thousand_users_are_all_found),
                cmocka_unit_test(build_refuses_unlawful_users),
                cmocka_unit_test(build_refuses_unlawful_groups_and_memberships),
                cmocka_unit_test(first_of_one_name_or_id_answers),
                cmocka_unit_test(texts_are_published_up_to_the_limit),
                TEST(N06_every_truncation_is_refused),
                TEST(N06_a_flipped_byte_is_refused_or_hides_a_record_and_changes_none),
                TEST(N06_damage_of_one_record_hides_no_other),
                TEST(every_changed_byte_under_a_good_checksum_does_no_harm),
                TEST(every_word_set_to_an_extreme_does_no_harm),
                TEST(N03_root_is_never_answered_even_when_the_file_has_it),
                cmocka_unit_test(N03_a_record_that_is_named_root_is_never_answered),
                cmocka_unit_test(N03_N15_a_membership_in_a_group_of_nobody_is_never_answered),
                TEST(sizes_and_offsets_are_multiples_of_8),
                TEST(N09_other_major_is_refused_and_any_minor_read),
                TEST(image_equals_the_golden_file),
                TEST(publish_supersedes_the_old_file_and_leaves_nothing_beside),
                TEST(failed_publish_keeps_the_old_file_and_leaves_nothing_beside),
                TEST(open_refuses_files_that_others_may_write_or_own),
                cmocka_unit_test(files_are_opened_up_to_the_limit),
                cmocka_unit_test(N06_empty_and_one_byte_files_are_refused),
        };

        return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
