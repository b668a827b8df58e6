/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/flood.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SEC USEC_PER_SEC

static const FloodRate rate = { .burst = 3, .per_sec = 2 };
static const FloodSource mallory = { 1000, "mallory", "su" };

typedef struct World {
        Flood *flood;
        size_t n_records;
        uint64_t n_denials;
        FloodTally last;
        char account[300], class[80];
} World;

static void on_emit(void *userdata, const FloodTally *t)
{
        World *w = userdata;

        w->n_records++;
        w->n_denials += t->n;
        w->last = *t;
        (void)snprintf(w->account, sizeof(w->account), "%s", t->source.account);
        (void)snprintf(w->class, sizeof(w->class), "%s", t->source.class);
}

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));

        *state = w;
        return flood_new(on_emit, w, &w->flood);
}

static int teardown(void **state)
{
        World *w = *state;

        assert_null(flood_free(w->flood));
        free(w);
        return 0;
}

static void a_source_has_its_burst_and_not_one_more(void **state) /* A08 */
{
        World *w = *state;

        for (unsigned i = 0; i < rate.burst; i++) {
                assert_false(flood_is_spent(w->flood, &mallory, rate, 9 * SEC));
                assert_true(flood_take(w->flood, &mallory, rate, 9 * SEC));
        }
        assert_true(flood_is_spent(w->flood, &mallory, rate, 9 * SEC));
        assert_false(flood_take(w->flood, &mallory, rate, 9 * SEC));
}

static void an_allowance_comes_back_with_time_up_to_the_burst(void **state)
{
        World *w = *state;

        while (flood_take(w->flood, &mallory, rate, SEC))
                ;
        assert_true(flood_is_spent(w->flood, &mallory, rate, SEC + SEC / 2 - 1));
        assert_false(flood_is_spent(w->flood, &mallory, rate, SEC + SEC / 2));
        assert_true(flood_take(w->flood, &mallory, rate, SEC + SEC / 2));
        assert_false(flood_take(w->flood, &mallory, rate, SEC + SEC / 2));
        for (unsigned i = 0; i < rate.burst; i++)
                assert_true(flood_take(w->flood, &mallory, rate, UINT64_MAX / 2));
        assert_false(flood_take(w->flood, &mallory, rate, UINT64_MAX / 2));
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
        World *w = *state;

        while (flood_take(w->flood, &mallory, rate, 100 * SEC))
                ;
        assert_false(flood_take(w->flood, &mallory, rate, 1));
        assert_false(flood_take(w->flood, &mallory, rate, 100 * SEC));
}

static void an_allowance_is_of_uid_account_and_class(void **state) /* F2 */
{
        static const FloodSource others[] = {
                { 1001, "mallory", "su" },
                { 1000, "alice", "su" },
                { 1000, "mallory", "sudo" },
                { 0, NULL, NULL },
        };
        World *w = *state;

        while (flood_take(w->flood, &mallory, rate, SEC))
                ;
        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                assert_false(flood_is_spent(w->flood, &others[i], rate, SEC));
                assert_true(flood_take(w->flood, &others[i], rate, SEC));
        }
}

static void what_is_counted_is_handed_out_once_and_exactly(void **state) /* A08 F1 */
{
        World *w = *state;

        assert_false(flood_flush(w->flood));
        for (unsigned i = 0; i < 100000; i++)
                flood_count(w->flood, &mallory, 1000, REASON_FLOOD, 50 + i / 50000);
        assert_true(flood_flush(w->flood));
        assert_int_equal(w->n_records, 1);
        assert_int_equal(w->last.n, 100000);
        assert_int_equal(w->last.reason, REASON_FLOOD);
        assert_int_equal(w->last.uid, 1000);
        assert_int_equal(w->last.source.real_uid, 1000);
        assert_int_equal(w->last.first_sec, 50);
        assert_int_equal(w->last.last_sec, 51);
        assert_string_equal(w->account, "mallory");
        assert_string_equal(w->class, "su");
        assert_false(flood_flush(w->flood));
}

static void each_reason_is_counted_by_itself_however_many_there_are(void **state)
{
        World *w = *state;

        for (unsigned i = 0; i < 3 * REASON_N; i++)
                flood_count(w->flood, &mallory, 1000, (Reason)(i % REASON_N), 50);
        (void)flood_flush(w->flood);
        assert_int_equal(w->n_denials, 3 * REASON_N);
        w->n_records = 0;
        for (unsigned i = 0; i < 20; i++)
                flood_count(w->flood, &mallory, 1000, i % 2 ? REASON_NO_GRANT : REASON_EXPIRED, 50);
        (void)flood_flush(w->flood);
        assert_int_equal(w->n_records, 2);
}

static void a_source_that_loses_its_place_is_handed_out_first(void **state) /* F1, O30 */
{
        World *w = *state;
        char name[32];
        FloodSource s = { 0, name, "ssh" };

        flood_count(w->flood, &mallory, 1000, REASON_FLOOD, 50);
        for (unsigned i = 0; i < FLOOD_SOURCES_MAX - 1; i++) { /* at N */
                (void)snprintf(name, sizeof(name), "user%u", i);
                flood_count(w->flood, &s, 1, REASON_NO_GRANT, 51);
        }
        assert_int_equal(w->n_records, 0);
        (void)snprintf(name, sizeof(name), "one-more"); /* at N + 1 */
        flood_count(w->flood, &s, 1, REASON_NO_GRANT, 51);
        assert_int_equal(w->n_records, 1);
        assert_string_equal(w->account, "mallory");
        (void)flood_flush(w->flood);
        assert_int_equal(w->n_denials, FLOOD_SOURCES_MAX + 1);
}

/* A08: more names than there are places do not give one uid more than its share. */
static void one_uid_has_a_share_whatever_it_asks_for(void **state)
{
        const unsigned n = 100000, n_names = FLOOD_SOURCES_MAX + 8;
        const FloodSource others[] = { { 1001, "alice", "su" }, { 0, "name7", "su" } };
        World *w = *state;
        unsigned n_taken = 0;
        char name[32];

        flood_count(w->flood, &others[0], 1001, REASON_FLOOD, 50);
        for (unsigned i = 0; i < n; i++) {
                const FloodSource s = { 1000, name, "su" };

                (void)snprintf(name, sizeof(name), "name%u", i % n_names);
                if (flood_take(w->flood, &s, rate, SEC))
                        n_taken++;
                else
                        flood_count(w->flood, &s, 1, REASON_FLOOD, 50);
        }
        assert_int_equal(n_taken, rate.burst * FLOOD_UID_SHARE);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_true(flood_take(w->flood, &others[i], rate, SEC)); /* F2 */
        assert_int_equal(w->n_records, 0);
        (void)flood_flush(w->flood);
        assert_int_equal(w->n_records, 2);
        assert_int_equal(w->n_denials, n - n_taken + 1);
        assert_int_equal(w->last.source.real_uid, 1000);
        assert_string_equal(w->account, "");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(a_source_has_its_burst_and_not_one_more),
                CASE(an_allowance_comes_back_with_time_up_to_the_burst),
                CASE(a_clock_that_goes_back_gives_nothing),
                CASE(an_allowance_is_of_uid_account_and_class),
                CASE(what_is_counted_is_handed_out_once_and_exactly),
                CASE(each_reason_is_counted_by_itself_however_many_there_are),
                CASE(a_source_that_loses_its_place_is_handed_out_first),
                CASE(one_uid_has_a_share_whatever_it_asks_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
