/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* staleness.h: what is said of a set that grows old, and when; the clock is the test's. */

#include "tests/unit/outage-fixture.h"

#include "nhi-agentd/expiry.h"
#include "nhi-agentd/staleness.h"

/* ---- the arithmetic ---- */

static IssuerState aged(GrantSet *set, int64_t iat_sec, int64_t exp_sec)
{
        *set = (GrantSet){ .iat_sec = iat_sec, .heard_sec = iat_sec, .exp_sec = exp_sec };
        return (IssuerState){ .set = set,
                              .judged = { .real_usec = iat_sec * USEC, .boot_usec = 0 } };
}

static void a_level_is_reached_at_its_microsecond_and_not_before(void **state)
{
        static const unsigned levels[] = { STALE_HALF, STALE_LATE, STALE_OVER };
        static const int64_t lives[] = { 1, 3, 7, 3600, 86399, 86400 };
        GrantSet set;

        for (size_t i = 0; i < ELEMENTSOF(lives); i++)
                for (size_t k = 0; k < ELEMENTSOF(levels); k++) {
                        const IssuerState s = aged(&set, 1000, 1000 + lives[i]);
                        Now now = staleness_point(&s, levels[k]);

                        assert_int_equal(staleness_level(&s, now), levels[k]);
                        now.real_usec--;
                        now.boot_usec--;
                        assert_int_equal(staleness_level(&s, now), k ? levels[k - 1] : 0);
                }
}

static void whichever_clock_makes_a_set_older_is_heard(void **state) /* T01 */
{
        GrantSet set;
        const IssuerState s = aged(&set, 1000, 2000);

        assert_int_equal(staleness_level(&s, (Now){ 1500 * USEC, 0 }), STALE_HALF);
        assert_int_equal(staleness_level(&s, (Now){ 0, 800 * USEC }), STALE_LATE);
        assert_int_equal(staleness_level(&s, (Now){ 900 * USEC, 499 * USEC }), 0);
}

static void a_set_without_a_life_is_over(void **state)
{
        GrantSet set;
        const IssuerState s = aged(&set, 2000, 1000);

        assert_int_equal(staleness_level(&s, (Now){ 2000 * USEC, 0 }), STALE_OVER);
}

/* ---- the events ---- */

static void half_four_fifths_and_the_end_are_told_once_each(void **state)
{
        Outage *t = *state;

        take_set(t, 0, 24 * HOUR);
        at(t, 12 * HOUR - 60);
        assert_int_equal(told(t, "source-stale", NULL), 0);
        at(t, 12 * HOUR);
        at(t, 13 * HOUR);
        assert_int_equal(told(t, "source-stale", "50"), 1);
        at(t, 19 * HOUR + 720);
        at(t, 23 * HOUR);
        assert_int_equal(told(t, "source-stale", "80"), 1);
        at(t, 24 * HOUR);
        at(t, 30 * HOUR);
        assert_int_equal(told(t, "set-expired", "100"), 1);
        at(t, 31 * HOUR);
        assert_int_equal(told(t, "source-stale", NULL), 0);
}

static void a_sleeper_is_told_the_last_of_them(void **state) /* T04 */
{
        Outage *t = *state;

        take_set(t, 0, 24 * HOUR);
        listen_anew(t);
        at(t, 100 * HOUR);
        assert_int_equal(told(t, "set-expired", "100"), 1);
        at(t, 101 * HOUR);
        assert_int_equal(told(t, "source-stale", NULL), 0);
}

static void a_restart_does_not_repeat_what_was_told(void **state)
{
        Outage *t = *state;

        take_set(t, 0, 24 * HOUR);
        at(t, 12 * HOUR);
        assert_int_equal(told(t, "source-stale", "50"), 1);
        fixture_restart(t->f);
        at(t, 13 * HOUR);
        assert_int_equal(told(t, "source-stale", NULL), 0);
        at(t, 20 * HOUR);
        assert_int_equal(told(t, "source-stale", "80"), 1);
        fixture_restart(t->f);
        at(t, 20 * HOUR + 1);
        assert_int_equal(told(t, "source-stale", NULL), 0);
}

static void what_was_told_is_told_again_where_it_cannot_be_read(void **state)
{
        Outage *t = *state;
        static const char *const texts[] = {
                "",
                "{}",
                "{\"schema\":1,\"issuers\":[{}]}",
                "{\"schema\":1,\"issuers\":[{\"issuer\":\"" FIXTURE_ISSUER
                "\",\"set\":\"0\",\"exp\":\"1\",\"percent\":50}]}",
        };

        take_set(t, 0, 24 * HOUR);
        at(t, 12 * HOUR);
        assert_int_equal(told(t, "source-stale", "50"), 1);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                fixture_write(PATH_STALE_RUN, texts[i]);
                fixture_restart(t->f);
                at(t, 12 * HOUR + 1);
                assert_int_equal(told(t, "source-stale", "50"), 1);
        }
}

static void a_fresh_set_is_told_where_the_one_before_was_old(void **state)
{
        Outage *t = *state;

        take_set(t, 0, 24 * HOUR);
        at(t, 6 * HOUR);
        take_set(t, 6 * HOUR, 24 * HOUR);
        assert_int_equal(told(t, "source-fresh", NULL), 0);
        at(t, 26 * HOUR);
        assert_int_equal(told(t, "source-stale", "80"), 1);
        take_set(t, 26 * HOUR, 24 * HOUR);
        assert_int_equal(told(t, "source-fresh", "80"), 1);
        take_set(t, 26 * HOUR + 1, 24 * HOUR);
        assert_int_equal(told(t, "source-fresh", NULL), 0);
        at(t, 38 * HOUR + 1);
        assert_int_equal(told(t, "source-stale", "50"), 1);
}

static void a_newer_set_that_is_old_itself_is_no_relief(void **state)
{
        Outage *t = *state;

        take_set(t, 0, 24 * HOUR);
        at(t, 20 * HOUR);
        listen_anew(t);
        take_set(t, 6 * HOUR, 24 * HOUR);
        assert_int_equal(told(t, "source-stale", "50"), 1);
        assert_int_equal(told(t, "source-fresh", NULL), 0);
}

static void a_clock_that_was_set_back_tells_nothing_twice(void **state) /* T03 */
{
        Outage *t = *state;

        take_set(t, 0, 24 * HOUR);
        at(t, 20 * HOUR);
        assert_int_equal(told(t, "source-stale", "80"), 1);
        at(t, 2 * HOUR);
        at(t, 13 * HOUR);
        at(t, 21 * HOUR);
        assert_int_equal(told(t, "source-stale", NULL), 0);
        assert_int_equal(told(t, "source-fresh", NULL), 0);
}

/* What the loop would wake for, with nobody else to wake it. */
static void the_timer_is_armed_for_each_level_on_both_clocks(void **state)
{
        static const unsigned levels[] = { STALE_HALF, STALE_LATE, STALE_OVER };
        Outage *t = *state;
        Agent *a = t->f->agent;
        Now now;

        take_set(t, 0, 86399); /* of which no level is a whole second */
        now = agent_now(a);
        for (size_t i = 0; i < ELEMENTSOF(levels); i++) {
                const Now point = staleness_point(&a->issuers[0], levels[i]);
                int64_t real, boot;

                expiry_next(a, now, &real, &boot);
                assert_int_equal(real, point.real_usec);
                assert_int_equal(boot, point.boot_usec);
                now = point;
        }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, outage_setup, outage_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_level_is_reached_at_its_microsecond_and_not_before),
                cmocka_unit_test(whichever_clock_makes_a_set_older_is_heard),
                cmocka_unit_test(a_set_without_a_life_is_over),
                TEST(half_four_fifths_and_the_end_are_told_once_each),
                TEST(a_sleeper_is_told_the_last_of_them),
                TEST(a_restart_does_not_repeat_what_was_told),
                TEST(what_was_told_is_told_again_where_it_cannot_be_read),
                TEST(a_fresh_set_is_told_where_the_one_before_was_old),
                TEST(a_newer_set_that_is_old_itself_is_no_relief),
                TEST(a_clock_that_was_set_back_tells_nothing_twice),
                TEST(the_timer_is_armed_for_each_level_on_both_clocks),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
