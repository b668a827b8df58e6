/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/set.h"

#include "lib/base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const Grant grants_one[] = { { .jti = "g-2", .account = "svc-b", .issuer = "one" },
                                    { .jti = "g-9", .account = "svc-a", .issuer = "one" },
                                    { .jti = "g-1", .account = "svc-b", .issuer = "one" } };
static const Grant grants_two[] = { { .jti = "g-9", .account = "svc-b", .issuer = "two" },
                                    { .jti = "g-0", .account = "svc-b", .issuer = "two" } };
static const Account accounts_one[] = { { .name = "svc-b", .uid = 70002, .issuer = "one" } };
static const Account accounts_two[] = { { .name = "svc-a", .uid = 70001, .issuer = "two" },
                                        { .name = "svc-b", .uid = 70009, .issuer = "two" } };
static const GrantSet one = { .grants = grants_one,
                              .n_grants = 3,
                              .accounts = accounts_one,
                              .n_accounts = 1,
                              .exp_sec = 100 };
static const GrantSet two = { .grants = grants_two,
                              .n_grants = 2,
                              .accounts = accounts_two,
                              .n_accounts = 2,
                              .exp_sec = 200 };

static void store_is_the_union_sorted_by_account_and_jti(void **state)
{
        const GrantSet *const sets[] = { &one, &two };
        GrantStore s;
        size_t n;

        assert_int_equal(grant_store_build(sets, 2, &s), 0);
        assert_int_equal(s.n_grants, 4);
        assert_int_equal(s.set_exp_sec, 200);
        assert_ptr_equal(grant_store_find(&s, "svc-b", &n)[0], &grants_two[1]);
        assert_int_equal(n, 3);
        assert_string_equal(grant_store_find(&s, "svc-b", &n)[1]->jti, "g-1");
        assert_string_equal(grant_store_find(&s, "svc-b", &n)[2]->jti, "g-2");
        assert_int_equal(s.n_accounts, 2);
        assert_ptr_equal(grant_store_account(&s, "svc-a"), &accounts_two[0]);
        grant_store_done(&s);
        assert_null(s.grants);
}

static void store_hears_the_first_issuer_on_one_jti_and_one_name(void **state)
{
        const GrantSet *const sets[] = { &one, &two }, *const other[] = { &two, &one };
        GrantStore s;
        size_t n;

        assert_int_equal(grant_store_build(sets, 2, &s), 0);
        assert_ptr_equal(*grant_store_find(&s, "svc-a", &n), &grants_one[1]);
        assert_int_equal(grant_store_account(&s, "svc-b")->uid, 70002);
        grant_store_done(&s);
        assert_int_equal(grant_store_build(other, 2, &s), 0);
        assert_null(grant_store_find(&s, "svc-a", &n));
        assert_int_equal(grant_store_account(&s, "svc-b")->uid, 70009);
        grant_store_done(&s);
}

static void store_of_nothing_denies(void **state)
{
        const GrantSet *const sets[] = { NULL, NULL };
        const AccessRequest request = { REQUEST_ACCOUNT, .account = "svc-a", .class = "ssh" };
        GrantStore s;

        assert_int_equal(grant_store_build(sets, 2, &s), 0);
        assert_int_equal(s.n_grants, 0);
        assert_int_equal(decide(&s, NULL, &request, (Now){ 1, 1 }).reason, REASON_NO_SET);
        grant_store_done(&s);
        assert_int_equal(grant_store_build(NULL, 0, &s), 0);
        grant_store_done(&s);
        grant_store_done(&s);
}

#define MANY 5000u

/* Ids of 1 to 64 bytes with long common beginnings, in no order. */
static void make_many(Grant *grants, char (*jtis)[65], char (*accounts)[33])
{
        static const Window window = { 0 };

        for (size_t i = 0; i < MANY; i++) {
                const size_t k = i * 2654435761u % MANY;

                (void)snprintf(jtis[i], sizeof(jtis[i]), "%.*s%zu", (int)(k % 50),
                               "g-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJ", k);
                (void)snprintf(accounts[i], sizeof(accounts[i]), "svc-of-a-long-name-%zu", k % 70);
                grants[i] = (Grant){ .jti = jtis[i],
                                     .account = accounts[i],
                                     .nbf_sec = (int64_t)(k % 7),
                                     .exp_sec = (int64_t)(k * 7919 % 1000) + 10,
                                     .windows = k % 100 == 0 ? &window : NULL,
                                     .n_windows = k % 100 == 0 };
        }
}

static void store_has_the_same_grants_by_jti_begin_and_end(void **state)
{
        static Grant grants[MANY];
        static char jtis[MANY][65], accounts[MANY][33];
        const GrantSet set = { .grants = grants, .n_grants = MANY }, *const sets[] = { &set };
        GrantStore s;

        make_many(grants, jtis, accounts);
        assert_int_equal(grant_store_build(sets, 1, &s), 0);
        assert_int_equal(s.n_grants, MANY);
        for (size_t i = 1; i < MANY; i++) {
                const int order = strcmp(s.grants[i - 1]->account, s.grants[i]->account);

                assert_true(strcmp(s.by_jti[i - 1]->jti, s.by_jti[i]->jti) < 0);
                assert_true(order < 0 ||
                            (order == 0 && strcmp(s.grants[i - 1]->jti, s.grants[i]->jti) < 0));
                assert_true(s.by_begin[i - 1]->nbf_sec < s.by_begin[i]->nbf_sec ||
                            (s.by_begin[i - 1]->nbf_sec == s.by_begin[i]->nbf_sec &&
                             strcmp(s.by_begin[i - 1]->jti, s.by_begin[i]->jti) < 0));
                assert_true(s.by_end[i - 1]->exp_sec < s.by_end[i]->exp_sec ||
                            (s.by_end[i - 1]->exp_sec == s.by_end[i]->exp_sec &&
                             strcmp(s.by_end[i - 1]->jti, s.by_end[i]->jti) < 0));
        }
        assert_int_equal(s.n_windowed, MANY / 100);
        for (size_t i = 1; i < s.n_windowed; i++)
                assert_true(s.windowed[i - 1]->exp_sec <= s.windowed[i]->exp_sec);
        for (size_t i = 0; i < MANY; i++)
                assert_ptr_equal(grant_store_grant(&s, jtis[i]), &grants[i]);
        assert_null(grant_store_grant(&s, "g-"));
        assert_null(grant_store_grant(&s, NULL));
        grant_store_done(&s);
        assert_null(grant_store_grant(&s, jtis[0]));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(store_is_the_union_sorted_by_account_and_jti),
                cmocka_unit_test(store_hears_the_first_issuer_on_one_jti_and_one_name),
                cmocka_unit_test(store_of_nothing_denies),
                cmocka_unit_test(store_has_the_same_grants_by_jti_begin_and_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
