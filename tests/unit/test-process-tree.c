/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The processes of a session without a cgroup: promises T1 to T3 of
 * nhi-agentd/session/process-tree.h; and the table of processes that they are looked up in. */

#include "nhi-agentd/session/process-tree.h"

#include "lib/base/io.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define LEADER_START 1000u
#define CHAIN        10000

static ProcessTree tree_of_leader(void)
{
        ProcessTree t = { .since = LEADER_START };

        assert_int_equal(
                process_tree_add(&t, &(Process){ .pid = 10, .session = 10, .start = LEADER_START },
                                 true),
                0);
        return t;
}

static bool look(ProcessTree *t, Process *items, size_t n)
{
        ProcessTable table = { .items = items, .n = n };
        bool changed;

        assert_int_equal(processes_index(&table), 0);
        changed = process_tree_update(t, &table);
        table.items = NULL; /* the caller's */
        processes_done(&table);
        return changed;
}

#define LOOK(t, ...)                                                                               \
        ({                                                                                         \
                Process items_[] = { __VA_ARGS__ };                                                \
                look(t, items_, ELEMENTSOF(items_));                                               \
        })
#define INIT    ((Process){ .pid = 1, .session = 1, .start = 1 })
#define LEADING ((Process){ .pid = 10, .parent = 1, .session = 10, .start = LEADER_START })

static bool has(const ProcessTree *t, pid_t pid, uint64_t start)
{
        return process_tree_has(t, &(Process){ .pid = pid, .start = start });
}

static void children_and_theirs_are_part_of_it(void **state)
{
        ProcessTree t = tree_of_leader();

        assert_true(LOOK(&t, INIT, LEADING,
                         { .pid = 11, .parent = 12, .session = 10, .start = 1002 },
                         { .pid = 12, .parent = 10, .session = 10, .start = 1001 },
                         { .pid = 13, .parent = 1, .session = 13, .start = 1003 }));
        assert_true(has(&t, 11, 1002)); /* its number stands before its parent's */
        assert_true(has(&t, 12, 1001));
        assert_false(has(&t, 13, 1003));
        assert_int_equal(process_tree_count(&t), 3);
        process_tree_done(&t);
}

static void who_leads_a_session_of_its_own_takes_its_children_along(void **state)
{
        ProcessTree t = tree_of_leader();

        LOOK(&t, INIT, LEADING, { .pid = 20, .parent = 10, .session = 20, .start = 1001 });
        /* It is an orphan now, and what it began has lost it. */
        LOOK(&t, INIT, { .pid = 20, .parent = 1, .session = 20, .start = 1001 },
             { .pid = 21, .parent = 1, .session = 20, .start = 1002 });
        assert_true(has(&t, 20, 1001));
        assert_true(has(&t, 21, 1002));
        process_tree_done(&t);
}

static void an_orphan_in_the_session_of_one_that_is_gone_is_part_of_it(void **state) /* T3 */
{
        ProcessTree t = tree_of_leader();

        LOOK(&t, INIT, LEADING, { .pid = 20, .parent = 10, .session = 20, .start = 1001 });
        LOOK(&t, INIT, { .pid = 21, .parent = 1, .session = 20, .start = 1002 });
        assert_true(has(&t, 21, 1002));
        LOOK(&t, INIT, { .pid = 22, .parent = 1, .session = 20, .start = 1003 });
        assert_true(has(&t, 22, 1003));
        assert_int_equal(process_tree_count(&t), 1);
        LOOK(&t, INIT);
        assert_int_equal(process_tree_count(&t), 0);
        assert_int_equal(t.n, 0); /* nobody is in its session any more: the number is free */
        process_tree_done(&t);
}

static void a_process_that_began_before_is_not_part_of_it(void **state) /* T1 S07 */
{
        ProcessTree t = tree_of_leader();

        /* Its parent is the leader, which became what it is by exec. */
        LOOK(&t, INIT, { .pid = 9, .parent = 10, .session = 10, .start = 999 }, LEADING,
             { .pid = 11, .parent = 10, .session = 10, .start = LEADER_START });
        assert_false(has(&t, 9, 999));
        assert_true(has(&t, 11, LEADER_START));
        process_tree_done(&t);
}

static void who_was_overlooked_once_is_back(void **state)
{
        ProcessTree t = tree_of_leader();

        LOOK(&t, INIT, { .pid = 11, .parent = 10, .session = 10, .start = 1001 });
        assert_false(has(&t, 10, LEADER_START));
        LOOK(&t, INIT, LEADING, { .pid = 11, .parent = 10, .session = 10, .start = 1001 });
        assert_true(has(&t, 10, LEADER_START));
        assert_int_equal(process_tree_count(&t), 2);
        process_tree_done(&t);
}

static void a_number_that_was_given_away_is_somebody_else(void **state) /* T2 S05 */
{
        ProcessTree t = tree_of_leader();

        LOOK(&t, INIT, LEADING, { .pid = 20, .parent = 10, .session = 20, .start = 1001 });
        LOOK(&t, INIT, LEADING, { .pid = 20, .parent = 1, .session = 20, .start = 5000 },
             { .pid = 21, .parent = 20, .session = 20, .start = 5001 });
        assert_false(has(&t, 20, 1001));
        assert_false(has(&t, 20, 5000));
        assert_false(has(&t, 21, 5001));
        assert_int_equal(process_tree_count(&t), 1);
        process_tree_done(&t);
}

static void a_zombie_is_nobody(void **state)
{
        ProcessTree t = tree_of_leader();

        LOOK(&t, INIT, { .pid = 10, .session = 10, .start = LEADER_START, .is_zombie = true },
             { .pid = 11, .parent = 10, .session = 10, .start = 1001, .is_zombie = true });
        assert_int_equal(process_tree_count(&t), 0);
        process_tree_done(&t);
}

/* An elevation's leader is in the session of the shell that it was typed into. */
static void the_session_that_a_leader_was_begun_in_is_not_its_own(void **state) /* S07 */
{
        ProcessTree t = { .since = 2000 };

        assert_int_equal(
                process_tree_add(&t, &(Process){ .pid = 30, .session = 10, .start = 1999 }, false),
                0);
        LOOK(&t, INIT, LEADING, { .pid = 30, .parent = 10, .session = 10, .start = 1999 },
             { .pid = 31, .parent = 30, .session = 31, .start = 2001 },
             { .pid = 32, .parent = 10, .session = 10, .start = 2002 });
        assert_true(has(&t, 31, 2001));
        assert_false(has(&t, 32, 2002));
        assert_false(has(&t, 10, LEADER_START));
        process_tree_done(&t);
}

static void a_look_at_the_same_changes_nothing(void **state)
{
        ProcessTree t = tree_of_leader();

        assert_false(LOOK(&t, INIT, LEADING));
        assert_true(LOOK(&t, INIT, LEADING, { .pid = 20, .parent = 10, .start = 1001 }));
        assert_false(LOOK(&t, INIT, LEADING, { .pid = 20, .parent = 10, .start = 1001 }));
        process_tree_done(&t);
}

/* Ten thousand in one session, each begun by the next, and all of it anew. */
static void a_look_at_many_takes_a_moment(void **state)
{
        Process *items = calloc(CHAIN + 2, sizeof(*items));
        const clock_t begin = clock(); /* of the processor: others may have it meanwhile */
        ProcessTree t = tree_of_leader();

        assert_non_null(items);
        for (unsigned round = 0; round < 10; round++) {
                items[0] = INIT;
                items[1] = LEADING;
                for (pid_t i = 0; i < CHAIN; i++)
                        items[i + 2] = (Process){ .pid = 100 + i,
                                                  .parent = i == CHAIN - 1 ? 10 : 101 + i,
                                                  .session = 10,
                                                  .start = LEADER_START + 1 + round };
                assert_true(look(&t, items, CHAIN + 2));
                assert_int_equal(process_tree_count(&t), CHAIN + 1);
                assert_true(has(&t, 100, LEADER_START + 1 + round));
        }
        assert_true(clock() - begin < 2 * CLOCKS_PER_SEC);
        process_tree_done(&t);
        free(items);
}

static void what_is_saved_is_loaded(void **state) /* S09 */
{
        ProcessTree t = tree_of_leader(), loaded = {};
        json_t *o;

        LOOK(&t, INIT, LEADING, { .pid = 20, .parent = 10, .session = 20, .start = 1001 });
        o = process_tree_to_json(&t);
        assert_non_null(o);
        assert_int_equal(process_tree_from_json(o, &loaded), 0);
        assert_int_equal(loaded.since, LEADER_START);
        LOOK(&loaded, INIT, { .pid = 21, .parent = 1, .session = 20, .start = 1002 });
        assert_true(has(&loaded, 21, 1002));
        json_decref(o);
        process_tree_done(&t);
        process_tree_done(&loaded);
}

static void a_damaged_tree_is_refused(void **state)
{
        static const char *const damaged[] = {
                "{}",
                "{\"since\":1,\"items\":{}}",
                "{\"since\":1,\"items\":[[1,2]]}",
                "{\"since\":1,\"items\":[[\"1\",2,true]]}",
        };
        ProcessTree t = {};

        for (size_t i = 0; i < ELEMENTSOF(damaged); i++) {
                json_t *o = json_loads(damaged[i], 0, NULL);

                assert_non_null(o);
                assert_int_equal(process_tree_from_json(o, &t), -EBADMSG);
                json_decref(o);
        }
        assert_null(t.items);
}

/* ---- the table ---- */

static void a_process_is_read_with_its_parent_session_and_start(void **state)
{
        ProcessTable look_now = {};
        const uint64_t before = process_start_now();
        const pid_t child = fork();
        const Process *p;
        Process alone;

        if (child == 0) {
                (void)setsid();
                (void)pause();
                _exit(0);
        }
        do
                assert_int_equal(process_read(child, &alone), 0);
        while (alone.session != child);
        assert_int_equal(processes_read(&look_now), 0);
        p = process_find(&look_now, child);
        assert_non_null(p);
        assert_int_equal(p->parent, getpid());
        assert_int_equal(p->session, child);
        assert_true(p->start + 1 >= before && p->start <= process_start_now());
        assert_int_equal(p->start, alone.start);
        assert_false(p->is_zombie);
        assert_int_equal(kill(child, SIGKILL), 0);
        do
                assert_int_equal(process_read(child, &alone), 0);
        while (!alone.is_zombie);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(process_read(child, &alone), -ESRCH);
        processes_done(&look_now);
}

static void nobody_is_found_in_an_empty_table(void **state)
{
        assert_null(process_find(&(ProcessTable){}, 1));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(children_and_theirs_are_part_of_it),
                cmocka_unit_test(who_leads_a_session_of_its_own_takes_its_children_along),
                cmocka_unit_test(an_orphan_in_the_session_of_one_that_is_gone_is_part_of_it),
                cmocka_unit_test(a_process_that_began_before_is_not_part_of_it),
                cmocka_unit_test(who_was_overlooked_once_is_back),
                cmocka_unit_test(a_number_that_was_given_away_is_somebody_else),
                cmocka_unit_test(a_zombie_is_nobody),
                cmocka_unit_test(the_session_that_a_leader_was_begun_in_is_not_its_own),
                cmocka_unit_test(a_look_at_the_same_changes_nothing),
                cmocka_unit_test(a_look_at_many_takes_a_moment),
                cmocka_unit_test(what_is_saved_is_loaded),
                cmocka_unit_test(a_damaged_tree_is_refused),
                cmocka_unit_test(a_process_is_read_with_its_parent_session_and_start),
                cmocka_unit_test(nobody_is_found_in_an_empty_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
