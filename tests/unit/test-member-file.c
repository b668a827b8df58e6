/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lib/gate/memberships: the file of memberships; nhi-agentd/member-list and member-process: lists
 * of them, and what /proc says of who carries them. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/gate/memberships.h"
#include "nhi-agentd/member/ids.h"
#include "nhi-agentd/member/list.h"
#include "nhi-agentd/process.h"
#include "tests/root.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define BOOT "3ba3f6c5-0e5b-4f8a-9d0e-6a7c9a5f1c11"

static const Membership sample = { .name = "olga",
                                   .uid = 1001,
                                   .group = "pay-ops",
                                   .gid = 99999,
                                   .since_usec = 123456789,
                                   .end_sec = 1800000000,
                                   .boot_end_usec = 987654321,
                                   .nbf_sec = 1700000000,
                                   .kid = "-_0123456789012345678901234567890123456789A",
                                   .jti = "g-1",
                                   .issuer = "https://grants.example, of all" };

/* ---- the file ---- */

static int keep(void *userdata, const Membership *m)
{
        return member_list_add(userdata, m);
}

/* Parse a copy of text; lines are kept in l. */
static int parse(const char *text, MemberList *l)
{
        _cleanup_free_ char *copy = strdup(text);
        char boot[MEMBERS_BOOT_SIZE] = "";
        int r;

        assert_non_null(copy);
        r = memberships_parse(copy, strlen(text), boot, keep, l);
        if (r == 0)
                assert_string_equal(boot, BOOT);
        return r;
}

static void what_is_written_is_read(void **state)
{
        const Membership *lines[] = { &sample };
        _cleanup_free_ char *text = NULL;
        MemberList l = {};
        size_t size = 0;

        assert_int_equal(memberships_format(lines, 1, BOOT, &text, &size), 0);
        assert_int_equal(size, strlen(text));
        assert_int_equal(parse(text, &l), 0);
        assert_int_equal(l.n, 1);
        assert_string_equal(l.items[0].of.name, "olga");
        assert_string_equal(l.items[0].of.group, "pay-ops");
        assert_string_equal(l.items[0].of.jti, "g-1");
        assert_string_equal(l.items[0].of.issuer, sample.issuer);
        assert_int_equal(l.items[0].of.uid, 1001);
        assert_int_equal(l.items[0].of.gid, 99999);
        assert_int_equal(l.items[0].of.since_usec, sample.since_usec);
        assert_int_equal(l.items[0].of.end_sec, sample.end_sec);
        assert_int_equal(l.items[0].of.boot_end_usec, sample.boot_end_usec);
        assert_int_equal(l.items[0].of.nbf_sec, sample.nbf_sec);
        assert_string_equal(l.items[0].of.kid, sample.kid);
        member_list_done(&l);
}

#define HEAD     "nhi-members 2 " BOOT "\n"
#define LINE     "member olga 1001 pay-ops 99999 1 2 3 4 k-1 g-1 https://i\n"
#define HEAD_OLD "nhi-members 1 " BOOT "\n"
#define LINE_OLD "member olga 1001 pay-ops 99999 1 2 3 g-1 https://i\n"

/* With what it did not know left open. */
static void the_file_of_an_agent_of_before_is_read(void **state)
{
        Membership unknown = sample;
        const Membership *lines[] = { &unknown };
        _cleanup_free_ char *text = NULL;
        MemberList l = {};
        size_t size = 0;

        assert_int_equal(parse(HEAD_OLD LINE_OLD "end 1\n", &l), 0);
        assert_string_equal(l.items[0].of.jti, "g-1");
        assert_string_equal(l.items[0].of.issuer, "https://i");
        assert_int_equal(l.items[0].of.boot_end_usec, 3);
        assert_int_equal(l.items[0].of.nbf_sec, 0);
        assert_string_equal(l.items[0].of.kid, "");
        member_list_done(&l);
        unknown.kid[0] = '\0';
        assert_int_equal(memberships_format(lines, 1, BOOT, &text, &size), 0);
        assert_int_equal(parse(text, &l), 0);
        assert_string_equal(l.items[0].of.kid, "");
        assert_string_equal(l.items[0].of.jti, "g-1");
        member_list_done(&l);
}

static void half_a_file_is_none(void **state)
{
        static const char *const damaged[] = {
                "",
                "nhi-members 2\nend 0\n",
                "nhi-members 3 " BOOT "\nend 0\n",
                HEAD LINE_OLD "end 1\n",
                HEAD,
                HEAD LINE,
                HEAD LINE "end 0\n",
                HEAD LINE "end 2\n",
                HEAD LINE "end 1",
                HEAD LINE "end 1\n\n",
                HEAD LINE "other\nend 1\n",
                HEAD "member olga 1001 pay-ops 99999 1 2 3 4 k g-1\nend 1\n",
                HEAD "member olga 1001 pay-ops 99999 1 2 3 4 k g-1 \nend 1\n",
                HEAD "member olga  1001 pay-ops 99999 1 2 3 4 k g-1 i\nend 1\n",
                HEAD "member olga 4294967296 pay-ops 99999 1 2 3 4 k g-1 i\nend 1\n",
                HEAD "member olga -1 pay-ops 99999 1 2 3 4 k g-1 i\nend 1\n",
                HEAD "member olga 1001 pay-ops 99999 1 99999999999999999999 3 4 k g-1 i\nend 1\n",
                HEAD "member olga 1001 pay-ops 99999 1 2 3 -4 k g-1 i\nend 1\n",
                HEAD "member olga 1001 pay-ops 99999 1 2 3 4 "
                     "01234567890123456789012345678901234567890123 g-1 i\nend 1\n",
                HEAD "member olga 1001 pay-ops 99999 1 2 3 4 k\x80 g-1 i\nend 1\n",
                HEAD "member o/a 1001 pay-ops 99999 1 2 3 4 k g-1 i\nend 1\n",
                HEAD "member olga 1001 pay-ops 99999 1 2 3 4 k g-1 \x1b[2J\nend 1\n",
        };
        MemberList l = {};

        assert_int_equal(parse(HEAD "end 0\n", &l), 0);
        assert_int_equal(parse(HEAD LINE "end 1\n", &l), 0);
        for (size_t i = 0; i < ELEMENTSOF(damaged); i++)
                if (parse(damaged[i], &l) != -EBADMSG)
                        fail_msg("%zu: %s", i, damaged[i]);
        member_list_done(&l);
}

static void what_would_break_the_file_is_not_written(void **state)
{
        Membership bad[] = { sample, sample, sample, sample, sample, sample };
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        bad[0].name = "ol ga";
        bad[1].group = "pay\nops";
        bad[2].issuer = "";
        bad[3].issuer = "https://i\nend 1";
        strcpy(bad[4].kid, "k k");
        bad[5].nbf_sec = -1;
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                const Membership *lines[] = { &bad[i] };

                assert_int_equal(memberships_format(lines, 1, BOOT, &text, &size), -EINVAL);
        }
}

static void put(const char *text)
{
        assert_int_equal(file_replace(PATH_MEMBERS_RUN, text, strlen(text), 0644, geteuid(),
                                      getegid(), false),
                         0);
}

static size_t shown(const char *name, int64_t now_sec, MemberShown ret[static 2])
{
        return memberships_shown(PATH_MEMBERS_RUN, geteuid(), name, now_sec, ret, 2);
}

static void each_group_is_shown_once_until_its_last_end(void **state)
{
        MemberShown s[2];

        put(HEAD "member olga 1 a 5 1 100 3 4 - g-1 i\nmember olga 1 a 5 1 300 3 4 - g-2 i\n"
                 "member bob 2 b 6 1 400 3 4 - g-3 i\nmember olga 1 c 7 1 200 3 4 - g-4 i\n"
                 "member olga 1 d 8 1 500 3 4 - g-5 i\nend 5\n");
        assert_int_equal(shown("olga", 99, s), 2); /* as many as there is room for */
        assert_string_equal(s[0].group, "a");
        assert_int_equal(s[0].end_sec, 300);
        assert_string_equal(s[1].group, "c");
        assert_int_equal(shown("olga", 300, s), 1); /* over in the second of its end */
        assert_string_equal(s[0].group, "d");
        assert_int_equal(shown("eve", 99, s), 0);
}

static void what_is_not_to_be_believed_shows_nothing(void **state)
{
        MemberShown s[2];

        (void)unlink(PATH_MEMBERS_RUN);
        assert_int_equal(shown("olga", 0, s), 0);
        put(HEAD LINE);
        assert_int_equal(shown("olga", 0, s), 0);
        put(HEAD LINE "end 1\n");
        assert_int_equal(shown("olga", 0, s), 1);
        assert_int_equal(memberships_shown(PATH_MEMBERS_RUN, geteuid() + 1, "olga", 0, s, 2), 0);
}

/* ---- the list ---- */

static Membership of(uid_t uid, gid_t gid, const char *jti)
{
        Membership m = sample;

        m.uid = uid;
        m.gid = gid;
        m.jti = jti;
        return m;
}

static void add(MemberList *l, Membership m)
{
        assert_int_equal(member_list_add(l, &m), 0);
}

static void what_is_given_again_keeps_since_when(void **state)
{
        MemberList l = {}, given = {};
        Membership again = of(1, 5, "g-1");
        bool changed = false;

        add(&l, of(1, 5, "g-1"));
        again.since_usec = 999999999;
        add(&given, again);
        assert_int_equal(member_list_merge(&l, &given, &changed), 0);
        assert_false(changed);
        assert_int_equal(l.items[0].of.since_usec, sample.since_usec);
        l.items[0].why = "expired";
        given.items[0].of.end_sec++;
        assert_int_equal(member_list_merge(&l, &given, &changed), 0);
        assert_true(changed);
        assert_int_equal(l.n, 1);
        assert_int_equal(l.items[0].of.end_sec, sample.end_sec + 1);
        assert_null(l.items[0].why); /* it is there again */
        member_list_done(&l);
        member_list_done(&given);
}

/* Whoever retires the former key ends nothing that another has signed since. */
static void what_is_given_again_is_signed_by_the_newest_key(void **state)
{
        MemberList l = {}, given = {};
        bool changed = false;

        add(&l, of(1, 5, "g-1"));
        add(&given, of(1, 5, "g-1"));
        strcpy(given.items[0].of.kid, "k-2");
        given.items[0].of.nbf_sec++;
        assert_int_equal(member_list_merge(&l, &given, &changed), 0);
        assert_true(changed);
        assert_string_equal(l.items[0].of.kid, "k-2");
        assert_int_equal(l.items[0].of.nbf_sec, sample.nbf_sec + 1);
        assert_int_equal(member_list_merge(&l, &given, &changed), 0);
        assert_false(changed);
        member_list_done(&l);
        member_list_done(&given);
}

static void a_list_stays_sorted_and_whole(void **state)
{
        MemberList l = {}, given = {};
        bool changed = false;

        add(&l, of(1, 5, "g-2"));
        add(&l, of(3, 5, "g-1"));
        add(&given, of(1, 5, "g-1"));
        add(&given, of(1, 5, "g-2"));
        add(&given, of(2, 9, "g-1"));
        add(&given, of(4, 1, "g-1"));
        assert_int_equal(member_list_merge(&l, &given, &changed), 0);
        assert_true(changed);
        assert_int_equal(l.n, 5);
        assert_int_equal(member_list_run(&l, 0), 2);
        assert_int_equal(member_list_find(&l, 1, 5), 0);
        assert_int_equal(member_list_find(&l, 2, 9), 2);
        assert_int_equal(member_list_find(&l, 4, 1), 4);
        assert_int_equal(member_list_find(&l, 2, 5), l.n);
        member_list_remove(&l, 0, 2);
        assert_int_equal(member_list_find(&l, 1, 5), l.n);
        assert_int_equal(member_list_find(&l, 2, 9), 0);
        member_list_done(&l);
        member_list_done(&given);
}

static int on_count(void *userdata, const Membership *m)
{
        ++*(size_t *)userdata;
        return 0;
}

/* Those that are being ended stay in the list until they are dead. */
static void no_more_is_given_than_the_file_holds(void **state)
{
        MemberList l = {}, given = {};
        bool changed = false;

        for (uint32_t i = 0; i < MEMBERS_LINES_MAX - 1; i++)
                add(&l, of(1, 10 + i, "g-1"));
        add(&given, of(1, 5, "g-1"));
        assert_int_equal(member_list_merge(&l, &given, &changed), 0);
        assert_int_equal(l.n, MEMBERS_LINES_MAX);
        changed = false;
        add(&given, of(1, 6, "g-1"));
        assert_int_equal(member_list_merge(&l, &given, &changed), -E2BIG);
        assert_int_equal(l.n, MEMBERS_LINES_MAX);
        assert_false(changed);
        member_list_done(&l);
        member_list_done(&given);
}

static void the_largest_file_that_is_written_is_read(void **state)
{
        const size_t n = MEMBERS_LINES_MAX;
        _cleanup_free_ const Membership **lines = calloc(n + 1, sizeof(*lines));
        _cleanup_free_ char *text = NULL;
        char name[33], jti[65], issuer[513], boot[MEMBERS_BOOT_SIZE];
        Membership longest = { .uid = UINT32_MAX,
                               .gid = UINT32_MAX,
                               .since_usec = INT64_MAX,
                               .end_sec = INT64_MAX,
                               .boot_end_usec = INT64_MAX };
        size_t size = 0, seen = 0;

        memset(name, 'a', sizeof(name));
        memset(jti, 'j', sizeof(jti));
        memset(issuer, 'i', sizeof(issuer));
        name[32] = jti[64] = issuer[512] = '\0';
        longest.name = longest.group = name;
        longest.jti = jti;
        longest.issuer = issuer;
        assert_non_null(lines);
        for (size_t i = 0; i <= n; i++)
                lines[i] = &longest;
        assert_int_equal(memberships_format(lines, n + 1, BOOT, &text, &size), -E2BIG);
        assert_int_equal(memberships_format(lines, n, BOOT, &text, &size), 0);
        assert_int_equal(memberships_parse(text, size, boot, on_count, &seen), 0);
        assert_int_equal(seen, n);
}

/* ---- processes ---- */

#define STATUS(uids, gids, groups)                                                                 \
        "Name:\tsh\\nGid:\\t7\nState:\tS\nUid:\t" uids "\nGid:\t" gids                             \
        "\nFDSize:\t64\nGroups:\t" groups "\nNStgid:\t42\n"

static Carries carries(const char *text, gid_t gid)
{
        ProcessIds ids = {};

        assert_int_equal(process_ids_parse(text, &ids), 0);
        return process_carries(&ids, gid);
}

static void a_group_is_carried_as_real_or_supplementary_one(void **state)
{
        const char *text = STATUS("1\t2\t3\t4", "10\t11\t12\t13", "20 21 ");

        assert_int_equal(carries(text, 10), CARRIES);
        assert_int_equal(carries(text, 20), CARRIES);
        assert_int_equal(carries(text, 21), CARRIES);
        assert_int_equal(carries(text, 2), CARRIES_NOT);
        assert_int_equal(carries(text, 7), CARRIES_NOT);
        assert_int_equal(carries(text, 42), CARRIES_NOT);
        assert_int_equal(carries(STATUS("1\t1\t1\t1", "1\t1\t1\t1", " "), 42), CARRIES_NOT);
        assert_int_equal(carries(STATUS("1\t1\t1\t1", "1\t1\t1\t1", ""), 42), CARRIES_NOT);
}

static void the_setgid_bit_of_a_program_is_told_apart(void **state)
{
        for (gid_t gid = 11; gid <= 13; gid++)
                assert_int_equal(carries(STATUS("1\t1\t1\t1", "10\t11\t12\t13", "20 "), gid),
                                 CARRIES_BY_PROGRAM);
}

static void any_of_the_four_uids_counts(void **state)
{
        ProcessIds ids = {};

        assert_int_equal(process_ids_parse(STATUS("1\t2\t3\t4", "5\t5\t5\t5", ""), &ids), 0);
        for (uid_t uid = 1; uid <= 4; uid++)
                assert_true(process_has_uid(&ids, uid));
        assert_false(process_has_uid(&ids, 0));
        assert_false(process_has_uid(&ids, 5));
}

static void a_text_that_was_cut_says_nothing(void **state)
{
        const char *text = STATUS("1\t2\t3\t4", "10\t11\t12\t13", "20 21 ");
        const size_t whole = (size_t)(strstr(text, "21 \n") - text) + 4;
        ProcessIds ids = {};

        for (size_t n = 0; n <= whole; n++) {
                _cleanup_free_ char *cut = strndup(text, n);

                assert_int_equal(process_ids_parse(cut, &ids), n < whole ? -EBADMSG : 0);
        }
}

static void a_start_stands_behind_any_name(void **state)
{
        const char *text =
                "42 (a) b 1 2 (x) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 9 9\n";
        Process p = {};

        assert_int_equal(process_parse(text, &p), 0);
        assert_int_equal(p.pid, 42);
        assert_int_equal(p.parent, 1);
        assert_int_equal(p.session, 42);
        assert_int_equal(p.start, 777);
        assert_int_equal(process_parse("42 (x) S 1 42", &p), -EBADMSG);
        assert_int_equal(process_parse("", &p), -EBADMSG);
}

static void this_process_is_found_in_proc(void **state)
{
        ProcessText t = {};
        ProcessIds ids = {};
        Process p = {};

        assert_int_equal(process_ids_read(getpid(), &t, &ids), 0);
        assert_int_equal(ids.uid[0], getuid());
        assert_int_equal(process_carries(&ids, getgid()), CARRIES);
        assert_int_equal(process_read(getpid(), &p), 0);
        assert_true(p.start > 0);
        assert_int_equal(p.parent, getppid());
        assert_true(process_shares_namespace(getpid(), "user"));
        assert_false(process_shares_namespace(getpid(), "other"));
        process_text_done(&t);
}

static int setup(void **state)
{
        return root_make_dirs();
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(the_file_of_an_agent_of_before_is_read),
                cmocka_unit_test(half_a_file_is_none),
                cmocka_unit_test(what_would_break_the_file_is_not_written),
                cmocka_unit_test(each_group_is_shown_once_until_its_last_end),
                cmocka_unit_test(what_is_not_to_be_believed_shows_nothing),
                cmocka_unit_test(what_is_given_again_keeps_since_when),
                cmocka_unit_test(what_is_given_again_is_signed_by_the_newest_key),
                cmocka_unit_test(a_list_stays_sorted_and_whole),
                cmocka_unit_test(no_more_is_given_than_the_file_holds),
                cmocka_unit_test(the_largest_file_that_is_written_is_read),
                cmocka_unit_test(a_group_is_carried_as_real_or_supplementary_one),
                cmocka_unit_test(the_setgid_bit_of_a_program_is_told_apart),
                cmocka_unit_test(any_of_the_four_uids_counts),
                cmocka_unit_test(a_text_that_was_cut_says_nothing),
                cmocka_unit_test(a_start_stands_behind_any_name),
                cmocka_unit_test(this_process_is_found_in_proc),
        };

        return cmocka_run_group_tests(tests, setup, NULL);
}
