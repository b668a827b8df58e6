/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/gate/gate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static Gates *parsed(const char *text)
{
        Gates *g = NULL;

        if (gates_parse(text, strlen(text), &g) != 0)
                fail_msg("refused: %s", text);
        return g;
}

/* Groups of the tests: "ops" is 500, "broken" cannot be looked up, every other is not there. */
static unsigned n_lookups;
static int lookup(void *userdata, const char *group, gid_t *ret)
{
        n_lookups++;
        if (strcmp(group, "broken") == 0)
                return -EIO;
        if (strcmp(group, "ops") != 0)
                return -ENOENT;
        *ret = 500;
        return 0;
}

static GateSubject subject(const char *name, uid_t uid, bool in_ops)
{
        static const gid_t ops[] = { 100, 500 };

        return (GateSubject){
                .name = name, .uid = uid, .gids = ops, .n_gids = in_ops ? 2 : 1, .lookup = lookup
        };
}

static GateMode mode_of(const char *text, const char *name, const char *class)
{
        GateSubject s = subject(name, 1000, false);
        Gates *g = parsed(text);
        GateMode mode = gates_match(g, &s, class, NULL, 0);

        gates_free(g);
        return mode;
}

#define HEADER "nhi-gates 1\n"

static void the_file_of_a_host_without_gates_gates_nobody(void **state)
{
        assert_int_equal(mode_of(HEADER "end 0\n", "john", "ssh"), GATE_UNGATED);
}

static void gates_match_accounts_and_classes(void **state)
{
        static const char text[] = HEADER "gate prod enforce ssh,su* svc-*,deploy\n"
                                          "gate rest observe * *\nend 2\n";

        assert_int_equal(mode_of(text, "svc-a", "ssh"), GATE_ENFORCE);
        assert_int_equal(mode_of(text, "deploy", "sudo"), GATE_ENFORCE);
        assert_int_equal(mode_of(text, "svc-a", "cron"), GATE_OBSERVE);
        assert_int_equal(mode_of(text, "john", "ssh"), GATE_OBSERVE);
        assert_int_equal(mode_of(HEADER "gate a enforce ssh svc-*\nend 1\n", "john", "ssh"),
                         GATE_UNGATED);
}

static void an_enforced_gate_wins_wherever_it_stands(void **state)
{
        assert_int_equal(mode_of(HEADER "gate a observe * *\ngate b enforce ssh svc-a\nend 2\n",
                                 "svc-a", "ssh"),
                         GATE_ENFORCE);
        assert_int_equal(mode_of(HEADER "gate b enforce ssh svc-a\ngate a observe * *\nend 2\n",
                                 "svc-a", "ssh"),
                         GATE_ENFORCE);
}

static void an_account_of_ours_is_enforced_for_every_class(void **state)
{
        static const char text[] = HEADER "gate a observe * *\naccount svc-x 70001\nend 2\n";
        GateSubject by_uid = subject("alias", 70001, false), unresolved = subject("z", -1, false);
        Gates *g = parsed(text);

        assert_int_equal(mode_of(text, "svc-x", "pam:anything"), GATE_ENFORCE);
        assert_int_equal(gates_match(g, &by_uid, "ssh", NULL, 0), GATE_ENFORCE);
        assert_int_equal(gates_match(g, &unresolved, "ssh", NULL, 0), GATE_OBSERVE);
        gates_free(g);
        /* Nobody has that uid, so nobody unresolved may be taken for it. */
        g = parsed(HEADER "account svc-x 4294967295\nend 1\n");
        assert_int_equal(gates_match(g, &unresolved, "ssh", NULL, 0), GATE_UNGATED);
        gates_free(g);
}

static void groups_are_asked_only_when_no_name_has_answered(void **state)
{
        GateSubject in = subject("john", 1000, true), out = subject("john", 1000, false);
        Gates *g = parsed(HEADER "gate a enforce ssh %ops,svc-*\nend 1\n");
        GateSubject named = subject("svc-a", 1001, false);

        n_lookups = 0;
        assert_int_equal(gates_match(g, &named, "ssh", NULL, 0), GATE_ENFORCE);
        assert_int_equal(gates_match(g, &out, "cron", NULL, 0), GATE_UNGATED);
        assert_int_equal(n_lookups, 0);
        assert_int_equal(gates_match(g, &in, "ssh", NULL, 0), GATE_ENFORCE);
        assert_int_equal(gates_match(g, &out, "ssh", NULL, 0), GATE_UNGATED);
        assert_int_equal(n_lookups, 2);
        gates_free(g);
}

static void a_group_that_cannot_be_looked_up_counts_as_matching(void **state)
{
        assert_int_equal(mode_of(HEADER "gate a enforce ssh %broken\nend 1\n", "john", "ssh"),
                         GATE_ENFORCE);
        assert_int_equal(mode_of(HEADER "gate a enforce ssh %absent\nend 1\n", "john", "ssh"),
                         GATE_UNGATED);
}

static void the_system_answers_for_groups_where_the_subject_brings_no_lookup(void **state)
{
        static const gid_t root[] = { 0 };
        GateSubject s = { .name = "x", .uid = 1, .gids = root, .n_gids = 1 };
        Gates *g = parsed(HEADER "gate a enforce ssh %root\nend 1\n");

        assert_int_equal(gates_match(g, &s, "ssh", NULL, 0), GATE_ENFORCE);
        s.n_gids = 0;
        assert_int_equal(gates_match(g, &s, "ssh", NULL, 0), GATE_UNGATED);
        gates_free(g);
        g = parsed(HEADER "gate a enforce ssh %no-such-group-here\nend 1\n");
        assert_int_equal(gates_match(g, &s, "ssh", NULL, 0), GATE_UNGATED);
        gates_free(g);
}

static void what_is_not_known_meets_every_gate(void **state)
{
        static const char text[] = HEADER "gate a enforce ssh svc-*\nend 1\n";

        assert_int_equal(mode_of(text, NULL, "ssh"), GATE_ENFORCE);
        assert_int_equal(mode_of(text, NULL, "cron"), GATE_UNGATED);
        assert_int_equal(mode_of(text, "svc-a", NULL), GATE_ENFORCE);
        assert_int_equal(mode_of(text, "john", NULL), GATE_UNGATED);
        assert_int_equal(mode_of(HEADER "end 0\n", NULL, NULL), GATE_UNGATED);
}

static void a_gate_on_logins_stands_before_the_user_manager(void **state)
{
        assert_int_equal(
                mode_of(HEADER "gate a enforce ssh svc-*\nend 1\n", "svc-a", "systemd-user"),
                GATE_ENFORCE);
        assert_int_equal(
                mode_of(HEADER "gate a enforce login svc-*\nend 1\n", "svc-a", "systemd-user"),
                GATE_ENFORCE);
        assert_int_equal(
                mode_of(HEADER "gate a enforce sudo svc-*\nend 1\n", "svc-a", "systemd-user"),
                GATE_UNGATED);
}

static void the_deciding_gate_is_named(void **state)
{
        Gates *g = parsed(HEADER "gate prod enforce ssh svc-*\nend 1\n");
        GateSubject s = subject("svc-a", 1000, false);
        char name[8];

        (void)gates_match(g, &s, "ssh", name, sizeof(name));
        assert_string_equal(name, "prod");
        (void)gates_match(g, &s, "cron", name, sizeof(name));
        assert_string_equal(name, "");
        (void)gates_match(g, &s, "ssh", name, 3);
        assert_string_equal(name, "pr");
        gates_free(g);
}

static void a_damaged_file_is_unusable_as_a_whole(void **state)
{
        static const char *const damaged[] = {
                "",
                "nhi-gates 1",
                "nhi-gates 2\nend 0\n",
                "nhi-gates 10\nend 0\n",
                HEADER,
                HEADER "end 0",
                HEADER "end 1\n",
                HEADER "end\n",
                HEADER "end 0 0\n",
                HEADER "end 0\n\n",
                HEADER "end 0\nend 0\n",
                HEADER "end -0\n",
                HEADER "end 4294967296\n",
                HEADER "gate a enforce ssh x\n",
                HEADER "gate a enforce ssh x\nend 0\n",
                HEADER "gate a enforce ssh x\nend 2\n",
                HEADER "gate a Enforce ssh x\nend 1\n",
                HEADER "gate a ungated ssh x\nend 1\n",
                HEADER "gate a enforce ssh\nend 1\n",
                HEADER "gate a enforce ssh x y\nend 1\n",
                HEADER "gate a  enforce ssh x\nend 1\n",
                HEADER "gate a enforce ssh x \nend 1\n",
                HEADER " gate a enforce ssh x\nend 1\n",
                HEADER "gate a enforce ssh\tx\nend 1\n",
                HEADER "gate a enforce ssh x\r\nend 1\n",
                HEADER "gate a enforce ssh, x\nend 1\n",
                HEADER "gate a enforce ,ssh x\nend 1\n",
                HEADER "gate a enforce ssh x,,y\nend 1\n",
                HEADER "\nend 0\n",
                HEADER "# comment\nend 0\n",
                HEADER "door a enforce ssh x\nend 1\n",
                HEADER "account svc-x\nend 1\n",
                HEADER "account svc-x 70001 1\nend 1\n",
                HEADER "account svc-x -1\nend 1\n",
                HEADER "account svc-x 0x1\nend 1\n",
                HEADER "account svc-x 4294967296\nend 1\n",
                HEADER "account svc/x 70001\nend 1\n",
        };
        static const char with_nul[] = HEADER "gate a enforce ssh x\0\nend 1\n";

        for (size_t i = 0; i < sizeof(damaged) / sizeof(*damaged); i++) {
                Gates *g = NULL;

                if (gates_parse(damaged[i], strlen(damaged[i]), &g) != -EBADMSG || g)
                        fail_msg("taken: %s", damaged[i]);
        }
        assert_int_equal(gates_parse(with_nul, sizeof(with_nul) - 1, &(Gates *){ NULL }), -EBADMSG);
}

static void every_truncation_is_unusable(void **state)
{
        static const char text[] = HEADER "gate a enforce ssh svc-*\naccount svc-x 70001\nend 2\n";
        Gates *g = NULL;

        for (size_t n = 0; n < strlen(text); n++)
                assert_int_equal(gates_parse(text, n, &g), -EBADMSG);
        assert_int_equal(gates_parse(text, strlen(text), &g), 0);
        gates_free(g);
}

static void what_is_written_is_read_again(void **state)
{
        static const char *const classes[] = { "ssh", "su*" }, *const patterns[] = { "svc-*",
                                                                                     "%ops" };
        GatesText t;

        assert_int_equal(gates_text_begin(&t), 0);
        assert_int_equal(gates_text_gate(&t, "prod", GATE_ENFORCE, classes, 2, patterns, 2), 0);
        assert_int_equal(gates_text_account(&t, "svc-x", 70001), 0);
        assert_int_equal(gates_text_end(&t), 0);
        assert_string_equal(t.text, HEADER "gate prod enforce ssh,su* svc-*,%ops\n"
                                           "account svc-x 70001\nend 2\n");
        assert_int_equal(strlen(t.text), t.size);
        assert_int_equal(mode_of(t.text, "svc-a", "sudo"), GATE_ENFORCE);
        gates_text_done(&t);
        assert_null(t.text);
}

static void what_could_not_be_read_is_not_written(void **state)
{
        static const char *const good[] = { "x" }, *const comma[] = { "a,b" },
                                 *const blank[] = { "a b" }, *const empty[] = { "" },
                                 *const line[] = { "a\nend 0" };
        GatesText t;

        assert_int_equal(gates_text_begin(&t), 0);
        assert_int_equal(gates_text_gate(&t, "a b", GATE_ENFORCE, good, 1, good, 1), -EINVAL);
        assert_int_equal(gates_text_gate(&t, "", GATE_ENFORCE, good, 1, good, 1), -EINVAL);
        assert_int_equal(gates_text_gate(&t, "a", GATE_UNGATED, good, 1, good, 1), -EINVAL);
        assert_int_equal(gates_text_gate(&t, "a", GATE_ENFORCE, good, 0, good, 1), -EINVAL);
        assert_int_equal(gates_text_gate(&t, "a", GATE_ENFORCE, good, 1, comma, 1), -EINVAL);
        assert_int_equal(gates_text_gate(&t, "a", GATE_ENFORCE, blank, 1, good, 1), -EINVAL);
        assert_int_equal(gates_text_gate(&t, "a", GATE_ENFORCE, good, 1, empty, 1), -EINVAL);
        assert_int_equal(gates_text_gate(&t, "a", GATE_ENFORCE, good, 1, line, 1), -EINVAL);
        assert_int_equal(gates_text_account(&t, "a/b", 1), -EINVAL);
        assert_int_equal(gates_text_end(&t), 0);
        assert_string_equal(t.text, HEADER "end 0\n");
        gates_text_done(&t);
}

static void limits_hold_at_n_and_not_at_n_plus_1(void **state)
{
        static const char *const one[] = { "x" };
        Gates *g = NULL;
        GatesText t;
        char *more;
        int size;

        assert_int_equal(gates_text_begin(&t), 0);
        for (unsigned i = 0; i < GATES_N_MAX; i++)
                assert_int_equal(gates_text_gate(&t, "a", GATE_OBSERVE, one, 1, one, 1), 0);
        assert_int_equal(gates_text_gate(&t, "a", GATE_OBSERVE, one, 1, one, 1), -E2BIG);
        size = asprintf(&more, "%sgate a observe x x\nend %u\n", t.text, GATES_N_MAX + 1);
        assert_true(size > 0);
        assert_int_equal(gates_parse(more, (size_t)size, &g), -EBADMSG);
        free(more);
        assert_int_equal(gates_text_end(&t), 0);
        assert_int_equal(gates_parse(t.text, t.size, &g), 0);
        gates_free(g);
        gates_text_done(&t);

        assert_int_equal(gates_text_begin(&t), 0);
        for (unsigned i = 0; i < GATES_ACCOUNTS_MAX; i++)
                assert_int_equal(gates_text_account(&t, "svc-x", i), 0);
        assert_int_equal(gates_text_account(&t, "svc-x", 1), -E2BIG);
        assert_int_equal(gates_text_end(&t), 0);
        assert_int_equal(gates_parse(t.text, t.size, &g), 0);
        gates_free(g);
        gates_text_done(&t);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_file_of_a_host_without_gates_gates_nobody),
                cmocka_unit_test(gates_match_accounts_and_classes),
                cmocka_unit_test(an_enforced_gate_wins_wherever_it_stands),
                cmocka_unit_test(an_account_of_ours_is_enforced_for_every_class),
                cmocka_unit_test(groups_are_asked_only_when_no_name_has_answered),
                cmocka_unit_test(a_group_that_cannot_be_looked_up_counts_as_matching),
                cmocka_unit_test(the_system_answers_for_groups_where_the_subject_brings_no_lookup),
                cmocka_unit_test(what_is_not_known_meets_every_gate),
                cmocka_unit_test(a_gate_on_logins_stands_before_the_user_manager),
                cmocka_unit_test(the_deciding_gate_is_named),
                cmocka_unit_test(a_damaged_file_is_unusable_as_a_whole),
                cmocka_unit_test(every_truncation_is_unusable),
                cmocka_unit_test(what_is_written_is_read_again),
                cmocka_unit_test(what_could_not_be_read_is_not_written),
                cmocka_unit_test(limits_hold_at_n_and_not_at_n_plus_1),
        };

        return cmocka_run_group_tests_name("gates", tests, NULL, NULL);
}
