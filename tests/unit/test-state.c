/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/macro.h"
#include "nhi-agentd/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static int setup(void **state)
{
        State *s = NULL;

        assert_int_equal(state_new(&s), 0);
        *state = s;
        return 0;
}

static int teardown(void **state)
{
        state_free(*state);
        return 0;
}

static void state_survives_its_text(void **state)
{
        State *s = *state, *back = NULL;
        _cleanup_free_ char *text = NULL, *again = NULL;
        size_t size = 0;

        s->time_floor_sec = 1763760000;
        assert_int_equal(state_set_floor(s, "https://b", &(SetFloor){ 7, HASH_A }), 0);
        assert_int_equal(state_add_ended(s, 0, "g-2", 100, 90), 0);
        assert_int_equal(state_add_ended(s, 0, "g-1", 0, 80), 0);
        assert_int_equal(state_lock(s, "svc-x", true), 1);
        assert_int_equal(state_format(s, NULL, NULL, 0, &text, &size), 0);
        assert_int_equal(state_parse(text, size, &back), 0);
        assert_int_equal(back->time_floor_sec, 1763760000);
        assert_int_equal(state_floor(back, "https://b")->ver, 7);
        assert_int_equal(state_ended(back, 0, "g-2")->exp_sec, 100);
        assert_int_equal(state_ended(back, 0, "g-1")->exp_sec, 0);
        assert_null(state_ended(back, 0, "g-3"));
        assert_string_equal(back->locked[0], "svc-x");
        assert_int_equal(state_format(back, NULL, NULL, 0, &again, &size), 0);
        assert_string_equal(text, again);
        state_free(back);
}

static void a_prospective_floor_is_in_the_text_and_not_in_the_state(void **state)
{
        State *s = *state, *back = NULL;
        _cleanup_free_ char *text = NULL, *other = NULL;
        size_t size = 0;

        assert_int_equal(state_set_floor(s, "a", &(SetFloor){ 7, HASH_A }), 0);
        assert_int_equal(state_format(s, "a", &(SetFloor){ 8, HASH_B }, 5, &text, &size), 0);
        assert_int_equal(state_floor(s, "a")->ver, 7);
        assert_int_equal(state_parse(text, size, &back), 0);
        assert_int_equal(state_floor(back, "a")->ver, 8);
        assert_int_equal(back->time_floor_sec, 5);
        assert_int_equal(back->n_issuers, 1);
        state_free(back);
        assert_int_equal(state_format(s, "new", &(SetFloor){ 9, HASH_B }, 5, &other, &size), 0);
        assert_int_equal(state_parse(other, size, &back), 0);
        assert_int_equal(back->n_issuers, 2);
        state_free(back);
}

static void given_back_is_never_undone_by_an_expiry(void **state)
{
        State *s = *state;

        assert_int_equal(state_add_ended(s, 0, "g", 0, 1), 0);
        assert_int_equal(state_add_ended(s, 0, "g", 500, 2), 0);
        assert_int_equal(state_ended(s, 0, "g")->exp_sec, 0);
        assert_int_equal(state_add_ended(s, 0, "h", 500, 1), 0);
        assert_int_equal(state_add_ended(s, 0, "h", 400, 2), 0);
        assert_int_equal(state_ended(s, 0, "h")->exp_sec, 500);
        assert_int_equal(state_add_ended(s, 0, "h", 600, 3), 0);
        assert_int_equal(state_ended(s, 0, "h")->exp_sec, 600);
        assert_int_equal(s->n_ended, 2);
}

static bool needs_b(void *userdata, const char *jti)
{
        return streq(jti, "b");
}

static void what_is_old_and_not_needed_is_forgotten(void **state)
{
        State *s = *state;

        assert_int_equal(state_add_ended(s, 0, "a", 1, 99), 0);
        assert_int_equal(state_add_ended(s, 0, "b", 1, 99), 0);
        assert_int_equal(state_add_ended(s, 0, "c", 1, 100), 0);
        state_prune_ended(s, 100, needs_b, NULL);
        assert_null(state_ended(s, 0, "a"));
        assert_non_null(state_ended(s, 0, "b"));
        assert_non_null(state_ended(s, 0, "c"));
}

static void locks_are_bounded_and_idempotent(void **state)
{
        State *s = *state;
        char name[32];

        for (unsigned i = 0; i < STATE_LOCKED_MAX; i++) {
                (void)snprintf(name, sizeof(name), "n%u", i);
                assert_int_equal(state_lock(s, name, true), 1);
        }
        assert_int_equal(state_lock(s, "one-more", true), -ENOSPC);
        assert_int_equal(state_lock(s, "n5", true), 0);
        assert_int_equal(state_lock(s, "n5", false), 1);
        assert_int_equal(state_lock(s, "n5", false), 0);
        assert_int_equal(state_lock(s, "one-more", true), 1);
}

static void issuers_are_bounded(void **state)
{
        State *s = *state;
        char name[32];

        for (unsigned i = 0; i < STATE_ISSUERS_MAX; i++) {
                (void)snprintf(name, sizeof(name), "i%u", i);
                assert_int_equal(state_set_floor(s, name, &(SetFloor){ 1, HASH_A }), 0);
        }
        assert_int_equal(state_set_floor(s, "more", &(SetFloor){ 1, HASH_A }), -ENOSPC);
        assert_int_equal(state_set_floor(s, "i3", &(SetFloor){ 2, HASH_A }), 0);
}

#define REST "\"ended\":[],\"locked\":[]}"

static void a_text_that_is_not_whole_is_refused(void **state) /* K08 */
{
        static const char *const texts[] = {
                "",
                "{}",
                "{\"format\":2,\"time_floor\":0,\"issuers\":[]," REST,
                "{\"format\":1,\"time_floor\":-1,\"issuers\":[]," REST,
                "{\"format\":1,\"time_floor\":1e3,\"issuers\":[]," REST,
                "{\"format\":1,\"time_floor\":0,\"issuers\":{}," REST,
                "{\"format\":1,\"time_floor\":0,\"issuers\":[{\"issuer\":\"a\",\"ver\":0,"
                "\"hash\":\"" HASH_A "\"}]," REST,
                "{\"format\":1,\"time_floor\":0,\"issuers\":[{\"issuer\":\"a\",\"ver\":1,"
                "\"hash\":\"../../x\"}]," REST,
                "{\"format\":1,\"time_floor\":0,\"issuers\":[],\"more\":1," REST,
                "{\"format\":1,\"format\":1,\"time_floor\":0,\"issuers\":[]," REST,
                "{\"format\":1,\"time_floor\":0,\"issuers\":[],\"ended\":[{\"jti\":\"/\","
                "\"exp\":1,\"at\":1}],\"locked\":[]}",
                "{\"format\":1,\"time_floor\":0,\"issuers\":[],\"ended\":[],\"locked\":[1]}",
        };
        State *back = NULL;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (state_parse(texts[i], strlen(texts[i]), &back) != -EBADMSG)
                        fail_msg("text %zu was taken", i);
        assert_null(back);
}

static size_t add_batch(State *s, StateEnded *batch, size_t n)
{
        size_t taken = 0;

        assert_int_equal(state_add_ended_batch(s, batch, n, &taken), 0);
        return taken;
}

#define ENDED(jti, exp) ((StateEnded){ (char *)(uintptr_t)(jti), exp, 7, 0 })

static void a_batch_of_ended_grants_stands_in_order(void **state)
{
        StateEnded batch[] = { ENDED("a", 1), ENDED("c", 9), ENDED("e", 0) };
        State *s = NULL;

        assert_int_equal(state_new(&s), 0);
        assert_int_equal(state_add_ended(s, 0, "b", 1, 1), 0);
        assert_int_equal(state_add_ended(s, 0, "c", 5, 1), 0);
        assert_int_equal(state_add_ended(s, 0, "d", 1, 1), 0);
        assert_int_equal(add_batch(s, batch, 3), 3);
        assert_int_equal(s->n_ended, 5);
        for (size_t i = 1; i < s->n_ended; i++)
                assert_true(strcmp(s->ended[i - 1].jti, s->ended[i].jti) < 0);
        assert_int_equal(state_ended(s, 0, "c")->exp_sec,
                         9); /* it had come back, and ended again */
        assert_int_equal(add_batch(s, batch, 3), 3);
        assert_int_equal(s->n_ended, 5);
        state_free(s);
}

static void a_batch_is_taken_as_far_as_there_is_room(void **state)
{
        StateEnded batch[] = { ENDED("x", 1), ENDED("y", 1), ENDED("z", 1) };
        State *s = NULL;
        char jti[16];

        assert_int_equal(state_new(&s), 0);
        for (unsigned i = 0; i < STATE_ENDED_MAX - 2; i++) {
                (void)snprintf(jti, sizeof(jti), "g-%06u", i);
                assert_int_equal(state_add_ended(s, 0, jti, 1, 1), 0);
        }
        assert_int_equal(add_batch(s, batch, 3), 2);
        assert_int_equal(s->n_ended, STATE_ENDED_MAX);
        assert_int_equal(state_add_ended(s, 0, "z", 1, 1), -ENOSPC);
        assert_null(state_ended(s, 0, "z"));
        state_free(s);
}

static bool is_needed_by_nobody(void *userdata, const char *jti)
{
        return false;
}

static State *state_of_two_issuers(void)
{
        const SetFloor floor = { .ver = 1, .hash = HASH_A };
        State *s = NULL;

        assert_int_equal(state_new(&s), 0);
        assert_int_equal(state_set_floor(s, "a", &floor), 0);
        assert_int_equal(state_set_floor(s, "b", &floor), 0);
        s->n_sharing = 2;
        return s;
}

static void an_issuer_takes_no_other_issuers_room_for_ended_grants(void **state)
{
        StateEnded batch[] = { { (char *)(uintptr_t) "x", 1, 7, 1 },
                               { (char *)(uintptr_t) "y", 1, 7, 2 },
                               { (char *)(uintptr_t) "z", 1, 7, 1 } };
        State *s = state_of_two_issuers();
        char jti[16];

        assert_int_equal(state_issuer(s, "a"), 1);
        assert_int_equal(state_issuer(s, "b"), 2);
        assert_int_equal(state_issuer(s, "c"), 0);
        for (unsigned i = 0; i < STATE_ENDED_MAX / 2; i++) {
                (void)snprintf(jti, sizeof(jti), "g-%06u", i);
                assert_int_equal(state_add_ended(s, 1, jti, 1, 1), 0);
        }
        assert_int_equal(state_add_ended(s, 1, "z-more", 1, 1), -ENOSPC);
        assert_int_equal(state_add_ended(s, 2, "z-other", 1, 1), 0);
        assert_int_equal(add_batch(s, batch, 3), 1);
        assert_string_equal(batch[0].jti, "y"); /* those that were taken stand first */
        assert_non_null(state_ended(s, 0, "y"));
        assert_null(state_ended(s, 0, "x"));
        assert_null(state_ended(s, 0, "z"));
        state_free(s);
}

static void whose_an_ended_grant_was_survives_the_text(void **state)
{
        State *s = state_of_two_issuers(), *back = NULL;
        char *text = NULL;
        size_t size = 0;

        assert_int_equal(state_add_ended(s, 1, "g-1", 1, 1), 0);
        assert_int_equal(state_add_ended(s, 2, "g-2", 1, 1), 0);
        assert_int_equal(state_format(s, NULL, NULL, 0, &text, &size), 0);
        assert_int_equal(state_parse(text, size, &back), 0);
        assert_int_equal(state_ended(back, 0, "g-1")->issuer, 1);
        assert_int_equal(state_ended(back, 0, "g-2")->issuer, 2);
        assert_int_equal(back->n_ended_of[2], 1);
        state_prune_ended(back, 100, is_needed_by_nobody, NULL);
        assert_int_equal(back->n_ended_of[2], 0);
        free(text);
        state_free(back);
        state_free(s);
}

static bool is_ended_for(const State *s, const char *issuer, const char *jti, int64_t exp_sec)
{
        return state_grant_is_ended(
                s, &(const Grant){ .jti = jti, .issuer = issuer, .exp_sec = exp_sec });
}

static void what_one_issuer_ended_is_not_another_issuers(void **state)
{
        StateEnded batch[] = { { (char *)(uintptr_t) "g-1", 9, 7, 1 },
                               { (char *)(uintptr_t) "g-3", 9, 7, 2 } };
        State *s = state_of_two_issuers();

        assert_int_equal(state_add_ended(s, 2, "g-1", 0, 1), 0);
        assert_int_equal(state_add_ended(s, 1, "g-2", 5, 1), 0);
        assert_false(is_ended_for(s, "a", "g-1", 5));
        assert_true(is_ended_for(s, "b", "g-1", 5));
        assert_null(state_ended(s, 1, "g-1"));
        assert_int_equal(add_batch(s, batch, 2), 2);
        assert_int_equal(s->n_ended, 4);
        /* Each its own end: neither takes the other's back. */
        assert_true(is_ended_for(s, "a", "g-1", 9));
        assert_false(is_ended_for(s, "a", "g-1", 10));
        assert_true(is_ended_for(s, "b", "g-1", 10));
        assert_int_equal(state_ended(s, 1, "g-1")->exp_sec, 9);
        assert_int_equal(state_ended(s, 2, "g-1")->exp_sec, 0);
        assert_int_equal(add_batch(s, batch, 2), 2);
        assert_int_equal(s->n_ended, 4);
        state_free(s);
}

static void what_ended_and_nobody_knows_whose_is_over_for_all(void **state)
{
        State *s = state_of_two_issuers(), *back = NULL;
        char *text = NULL;
        size_t size = 0;

        assert_int_equal(state_add_ended(s, 0, "g-1", 9, 1), 0);
        assert_int_equal(state_add_ended(s, 2, "g-1", 5, 1), 0);
        assert_int_equal(state_add_ended(s, 2, "g-2", 5, 1), 0);
        assert_int_equal(state_format(s, NULL, NULL, 0, &text, &size), 0);
        assert_int_equal(state_parse(text, size, &back), 0);
        assert_int_equal(back->n_ended, 3);
        assert_true(is_ended_for(back, "a", "g-1", 9) && is_ended_for(back, "b", "g-1", 9));
        assert_true(is_ended_for(back, "nobody's number", "g-2", 5));
        assert_false(is_ended_for(back, "a", "g-2", 5));
        free(text);
        state_free(back);
        state_free(s);
}

static void what_could_not_be_read_again_is_not_written(void **state)
{
        const SetFloor floor = { .ver = 1, .hash = HASH_A };
        State *s = NULL;
        char *text = NULL, name[32];
        size_t size = 0;

        assert_int_equal(state_new(&s), 0);
        for (unsigned i = 0; i < STATE_ISSUERS_MAX; i++) {
                (void)snprintf(name, sizeof(name), "issuer-%u", i);
                assert_int_equal(state_set_floor(s, name, &floor), 0);
        }
        assert_int_equal(state_format(s, "one more", &floor, 1, &text, &size), -ENOSPC);
        assert_null(text);
        assert_int_equal(state_format(s, name, &floor, 1, &text, &size), 0);
        free(text);
        state_free(s);
}

static void what_is_forgotten_stays_readable_for_who_shares_it(void **state)
{
        State *s = NULL, share = {}, other = {};

        assert_int_equal(state_new(&s), 0);
        assert_int_equal(state_add_ended(s, 0, "g-1", 1, 1), 0);
        assert_int_equal(state_lock(s, "svc", true), 1);
        assert_int_equal(state_share(s, &share), 0);
        assert_int_equal(state_share(s, &other), 0);
        state_prune_ended(s, 100, is_needed_by_nobody, NULL);
        assert_int_equal(state_lock(s, "svc", false), 1);
        assert_null(state_ended(s, 0, "g-1"));
        state_unshare(s, &other);
        assert_non_null(state_ended(&share, 0, "g-1"));
        assert_string_equal(share.locked[0], "svc");
        state_unshare(s, &share);
        assert_int_equal(s->n_graves, 0);
        state_free(s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(state_survives_its_text),
                TEST(a_prospective_floor_is_in_the_text_and_not_in_the_state),
                TEST(given_back_is_never_undone_by_an_expiry),
                TEST(what_is_old_and_not_needed_is_forgotten),
                TEST(locks_are_bounded_and_idempotent),
                TEST(issuers_are_bounded),
                TEST(a_text_that_is_not_whole_is_refused),
                cmocka_unit_test(a_batch_of_ended_grants_stands_in_order),
                cmocka_unit_test(a_batch_is_taken_as_far_as_there_is_room),
                cmocka_unit_test(an_issuer_takes_no_other_issuers_room_for_ended_grants),
                cmocka_unit_test(whose_an_ended_grant_was_survives_the_text),
                cmocka_unit_test(what_one_issuer_ended_is_not_another_issuers),
                cmocka_unit_test(what_ended_and_nobody_knows_whose_is_over_for_all),
                cmocka_unit_test(what_could_not_be_read_again_is_not_written),
                cmocka_unit_test(what_is_forgotten_stays_readable_for_who_shares_it),
        };

        return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
