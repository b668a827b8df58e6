/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/control/denials.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int setup(void **state)
{
        Denials *d = NULL;
        int r = denials_new(&d);

        *state = d;
        return r;
}

static int teardown(void **state)
{
        assert_null(denials_free(*state));
        return 0;
}

static Event denial_of(const char *account, uint64_t id)
{
        return (Event){
                .kind = EVENT_DENIAL,
                .account = account,
                .uid = 70001,
                .class = "ssh",
                .service = "sshd",
                .phase = "account",
                .mode = "enforce",
                .has_decision = true,
                .decision = { .reason = REASON_EXPIRED },
                .decision_id = id,
        };
}

static void a_denial_is_kept_with_all_that_why_says(void **state)
{
        Denials *d = *state;
        Grant g = { .jti = "g-1" };
        Event e = denial_of("svc", 5);
        DenialView v;

        e.target = "root";
        e.command = "/bin/id";
        e.decision.grant = &g;
        denials_add(d, &e, 1234);
        assert_int_equal(denials_list(d, NULL, &v, 1), 1);
        assert_int_equal(v.time_sec, 1234);
        assert_int_equal(v.uid, 70001);
        assert_int_equal(v.reason, REASON_EXPIRED);
        assert_int_equal(v.decision_id, 5);
        assert_string_equal(v.account, "svc");
        assert_string_equal(v.class, "ssh");
        assert_string_equal(v.service, "sshd");
        assert_string_equal(v.phase, "account");
        assert_string_equal(v.target, "root");
        assert_string_equal(v.command, "/bin/id");
        assert_string_equal(v.mode, "enforce");
        assert_string_equal(v.jti, "g-1");
}

static void only_denials_are_kept(void **state)
{
        Denials *d = *state;
        DenialView v[EVENT_N];

        for (int kind = 0; kind < EVENT_N; kind++) {
                Event e = denial_of("svc", (uint64_t)kind);

                e.kind = (EventKind)kind;
                denials_add(d, &e, 1);
        }
        assert_int_equal(denials_list(d, NULL, v, EVENT_N), 3);
        assert_int_equal(v[0].decision_id, EVENT_WOULD_DENY);
        assert_int_equal(v[1].decision_id, EVENT_DENIALS);
        assert_int_equal(v[2].decision_id, EVENT_DENIAL);
}

static void the_newest_come_first_and_the_oldest_go(void **state)
{
        Denials *d = *state;
        DenialView v[DENIALS_MAX + 1];

        for (uint64_t i = 1; i <= DENIALS_MAX; i++) {
                Event e = denial_of("svc", i);

                denials_add(d, &e, 1);
        }
        assert_int_equal(denials_list(d, NULL, v, DENIALS_MAX + 1), DENIALS_MAX);
        assert_int_equal(v[0].decision_id, DENIALS_MAX);
        assert_int_equal(v[DENIALS_MAX - 1].decision_id, 1);

        Event e = denial_of("svc", DENIALS_MAX + 1);
        denials_add(d, &e, 1);
        assert_int_equal(denials_list(d, NULL, v, DENIALS_MAX + 1), DENIALS_MAX);
        assert_int_equal(v[0].decision_id, DENIALS_MAX + 1);
        assert_int_equal(v[DENIALS_MAX - 1].decision_id, 2);
}

static void an_account_sees_its_own_only(void **state)
{
        Denials *d = *state;
        DenialView v[4];
        Event mine = denial_of("CORP\\x", 1), yours = denial_of("CORP\\y", 2);
        Event nobodys = denial_of(NULL, 3);

        denials_add(d, &mine, 1);
        denials_add(d, &yours, 1);
        denials_add(d, &nobodys, 1);
        assert_int_equal(denials_list(d, "CORP\\x", v, 4), 1);
        assert_int_equal(v[0].decision_id, 1);
        assert_int_equal(denials_list(d, "", v, 4), 0);
        assert_int_equal(denials_list(d, NULL, v, 4), 3);
        assert_int_equal(v[0].uid, UINT32_MAX);
}

static void names_of_the_longest_lawful_size_never_look_alike(void **state)
{
        Denials *d = *state;
        char a[LABEL_SIZE_MAX + 1], b[LABEL_SIZE_MAX + 1];
        DenialView v[2];

        memset(a, '\\', LABEL_SIZE_MAX);
        a[LABEL_SIZE_MAX] = '\0';
        memcpy(b, a, sizeof(b));
        b[LABEL_SIZE_MAX - 1] = 'b';
        Event ea = denial_of(a, 1), eb = denial_of(b, 2);
        denials_add(d, &ea, 1);
        denials_add(d, &eb, 1);
        assert_int_equal(denials_list(d, a, v, 2), 1);
        assert_int_equal(v[0].decision_id, 1);
}

/* O13, U09 */
static void what_is_no_name_is_escaped_and_is_nobodys(void **state)
{
        Denials *d = *state;
        Event e = denial_of("a\nb\033[2J", 1);
        DenialView v;

        e.command = "x\r\n\"y\"";
        denials_add(d, &e, 1);
        assert_int_equal(denials_list(d, "a\nb\033[2J", &v, 1), 0);
        assert_int_equal(denials_list(d, NULL, &v, 1), 1);
        assert_null(strpbrk(v.account, "\n\033"));
        assert_null(strpbrk(v.command, "\r\n\""));
        assert_int_equal(v.uid, UINT32_MAX);
}

static void an_endless_command_is_cut(void **state)
{
        Denials *d = *state;
        char command[8192];
        Event e = denial_of("svc", 1);
        DenialView v;

        memset(command, 'a', sizeof(command));
        command[sizeof(command) - 1] = '\0';
        e.command = command;
        denials_add(d, &e, 1);
        assert_int_equal(denials_list(d, "svc", &v, 1), 1);
        assert_in_range(strlen(v.command), 64, 4096);
}

static Event flood_of(const char *account, uint64_t n, int64_t first_sec)
{
        Event e = denial_of(account, 0);

        e.kind = EVENT_DENIALS;
        e.n_denials = n;
        e.first_sec = first_sec;
        e.last_sec = first_sec + 1;
        return e;
}

static void a_flood_stands_once_with_its_count(void **state) /* A08 */
{
        Denials *d = *state;
        Event single = denial_of("svc", 7);
        DenialView v[4];

        for (int64_t t = 0; t < 1000; t++) {
                Event e = flood_of("svc", 100, 5000 + t);

                denials_add(d, &e, 5001 + t);
        }
        assert_int_equal(denials_list(d, "svc", v, 4), 1);
        assert_int_equal(v[0].n, 100000);
        assert_int_equal(v[0].first_sec, 5000);
        assert_int_equal(v[0].time_sec, 6000);
        denials_add(d, &single, 6000);
        assert_int_equal(denials_list(d, "svc", v, 4), 2);
        assert_int_equal(v[0].n, 1);
        assert_int_equal(v[0].first_sec, 6000);
}

static void after_a_lull_a_flood_is_another_one(void **state)
{
        Denials *d = *state;
        Event e = flood_of("svc", 1, 5000), on = flood_of("svc", 2, 5001 + DENIALS_LULL);
        Event again = flood_of("svc", 4, 5003 + 2 * DENIALS_LULL);
        Event other = flood_of("alice", 8, 5000);
        DenialView v[4];

        denials_add(d, &e, 0);
        denials_add(d, &on, 0);
        assert_int_equal(denials_list(d, NULL, v, 4), 1);
        denials_add(d, &again, 0);
        denials_add(d, &other, 0);
        other.decision.reason = REASON_NO_GRANT;
        denials_add(d, &other, 0);
        assert_int_equal(denials_list(d, NULL, v, 4), 4);
        assert_int_equal(v[3].n, 3);
        assert_int_equal(v[2].n, 4);
}

static void one_account_does_not_push_out_what_others_ask_for(void **state) /* A08 */
{
        Denials *d = *state;
        DenialView v[DENIALS_MAX];

        for (uint64_t i = 0; i < DENIALS_SHARE; i++) {
                Event e = denial_of("alice", i);

                denials_add(d, &e, 1);
        }
        for (uint64_t i = 0; i < 10ull * DENIALS_MAX; i++) {
                Event e = denial_of("mallory", i);

                denials_add(d, &e, 2);
        }
        assert_int_equal(denials_list(d, "alice", v, DENIALS_MAX), DENIALS_SHARE);
        assert_int_equal(denials_list(d, "mallory", v, DENIALS_MAX), DENIALS_MAX - DENIALS_SHARE);
        assert_int_equal(v[0].decision_id, 10 * DENIALS_MAX - 1);

        Event e = denial_of("bob", 5); /* who has less than a share takes the oldest place */
        denials_add(d, &e, 3);
        assert_int_equal(denials_list(d, "bob", v, DENIALS_MAX), 1);
        assert_int_equal(denials_list(d, NULL, v, DENIALS_MAX), DENIALS_MAX);
}

static void user_managers_that_were_refused_stand_once_and_behind(void **state)
{
        Denials *d = *state;
        Event manager = denial_of("svc", 1), other = denial_of("svc", 2);
        DenialView v[8];

        manager.decision.reason = REASON_USER_MANAGER_NOT_GRANTED;
        denials_add(d, &manager, 10);
        denials_add(d, &other, 20);
        denials_add(d, &manager, 30);
        manager.account = "another";
        denials_add(d, &manager, 40);
        assert_int_equal(denials_list(d, NULL, v, ELEMENTSOF(v)), 3);
        assert_string_equal(v[0].account, "another");
        assert_int_equal(v[1].reason, REASON_EXPIRED);
        assert_int_equal(v[2].reason, REASON_USER_MANAGER_NOT_GRANTED);
        assert_int_equal(v[2].n, 2);
        assert_int_equal(v[2].first_sec, 10);
        assert_int_equal(v[2].time_sec, 30);
}

static void an_absent_ring_is_empty(void **state)
{
        Event e = denial_of("svc", 1);
        DenialView v;

        denials_add(NULL, &e, 1);
        assert_int_equal(denials_list(NULL, NULL, &v, 1), 0);
        assert_null(denials_free(NULL));
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(a_denial_is_kept_with_all_that_why_says),
                CASE(only_denials_are_kept),
                CASE(the_newest_come_first_and_the_oldest_go),
                CASE(an_account_sees_its_own_only),
                CASE(names_of_the_longest_lawful_size_never_look_alike),
                CASE(what_is_no_name_is_escaped_and_is_nobodys),
                CASE(an_endless_command_is_cut),
                CASE(a_flood_stands_once_with_its_count),
                CASE(after_a_lull_a_flood_is_another_one),
                CASE(one_account_does_not_push_out_what_others_ask_for),
                CASE(user_managers_that_were_refused_stand_once_and_behind),
                cmocka_unit_test(an_absent_ring_is_empty),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
