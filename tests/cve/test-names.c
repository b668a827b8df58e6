/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names that are numbers and numbers that are nobody: systemd CVE-2020-13776 (O22), sudo
 * CVE-2019-14287 (O11), authd CVE-2025-5689 (O18), at every door where a name comes in. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/gate/gate.h"
#include "lib/snapshot/build.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const impostors[] = {
        "0x0", "0",   "00",         "1000",        "4294967295", "-1",  "+0",   "#0",
        "-",   "--",  "-root",      "root ",       " root",      "a/b", "../x", ".",
        "..",  "a:b", "a\nb",       "a,b",         "*",          "%s",  "",     "Root",
        "a b", "$x",  "svc.deploy", "caf\303\251", "a\177",      "\t",  "a\\b", "name@host",
};

static void a_name_that_reads_as_a_number_is_no_name_O22(void **state)
{
        char longest[34];

        for (size_t i = 0; i < ELEMENTSOF(impostors); i++)
                if (name_is_strict(impostors[i]))
                        fail_msg("\"%s\" passes", impostors[i]);
        memset(longest, 'a', sizeof(longest));
        longest[32] = '\0';
        assert_true(name_is_strict(longest));
        longest[32] = 'a';
        longest[33] = '\0';
        assert_false(name_is_strict(longest));
}

static void no_such_name_is_ever_published_O22(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(impostors); i++) {
                const SnapshotBuildUser u = { impostors[i], "",    "/",       "/bin/sh",
                                              70001,        70001, INT64_MAX, INT64_MAX };
                uint8_t *data = NULL;
                size_t size = 0;

                assert_int_equal(
                        snapshot_build(&(SnapshotBuild){ .users = &u, .n_users = 1 }, &data, &size),
                        -EINVAL);
                assert_null(data);
        }
}

static void no_such_name_is_ever_remembered_O22(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(impostors); i++) {
                char text[256];
                IdMap *m = NULL;

                snprintf(text, sizeof(text), "user %s 70001 70001 https://x\nend 1\n",
                         impostors[i]);
                assert_int_equal(idmap_parse(text, strlen(text), &m), -EBADMSG);
                assert_null(m);
        }
}

static void a_number_is_no_run_as_target_O11(void **state)
{
        static const char *const targets[] = {
                "#0", "#-1", "#4294967295", "0", "-1", "4294967295"
        };

        for (size_t i = 0; i < ELEMENTSOF(targets); i++)
                assert_false(target_is_valid(targets[i]));
        assert_true(target_is_valid("postgres"));
        assert_true(target_is_valid("*"));
}

static void no_id_of_somebody_else_is_ours_O11_O18(void **state)
{
        static const uint64_t ids[] = { 0,
                                        1,
                                        999,
                                        1000,
                                        60001,
                                        61184,
                                        65519,
                                        65534,
                                        65535,
                                        100000,
                                        524288,
                                        UINT64_C(0x7fffffff),
                                        UINT64_C(0x80000000),
                                        UINT64_C(0xfffffffe),
                                        UINT64_C(0xffffffff),
                                        UINT64_C(0x100000000),
                                        UINT64_C(0x100011171),
                                        UINT64_MAX };

        for (size_t i = 0; i < ELEMENTSOF(ids); i++)
                assert_false(id_is_assignable(ids[i]));
        assert_true(id_is_assignable(65536));
        assert_true(id_is_assignable(99999));
}

/* An ungated person may be called whatever the directory says; no gate and no exemption is met by
 * the number that the name looks like. */
static void a_gate_by_name_is_not_met_by_a_number_O6(void **state)
{
        static const char text[] = "nhi-gates 1\ngate a enforce * root\nend 1\n";
        static const gid_t gids[] = { 100 };
        Gates *g = NULL;

        assert_int_equal(gates_parse(text, strlen(text), &g), 0);
        for (size_t i = 0; i < ELEMENTSOF(impostors); i++) {
                const GateSubject s = {
                        .name = impostors[i], .uid = 1000, .gids = gids, .n_gids = 1
                };

                assert_int_equal(gates_match(g, &s, "ssh", NULL, 0), GATE_UNGATED);
                assert_false(exempt_match("root *\n", impostors[i], "ssh", NULL));
        }
        gates_free(g);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_that_reads_as_a_number_is_no_name_O22),
                cmocka_unit_test(no_such_name_is_ever_published_O22),
                cmocka_unit_test(no_such_name_is_ever_remembered_O22),
                cmocka_unit_test(a_number_is_no_run_as_target_O11),
                cmocka_unit_test(no_id_of_somebody_else_is_ours_O11_O18),
                cmocka_unit_test(a_gate_by_name_is_not_met_by_a_number_O6),
        };

        return cmocka_run_group_tests_name("cve-names", tests, NULL, NULL);
}
