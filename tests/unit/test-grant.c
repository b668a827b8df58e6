/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/core/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SEC  INT64_C(1000000)
#define T0   INT64_C(1763942400) /* a Monday, 00:00 */
#define BOOT (1000 * SEC)

static Now at(int64_t sec_after)
{
        return (Now){ .real_usec = (T0 + sec_after) * SEC, .boot_usec = BOOT + sec_after * SEC };
}

/* From T0 for an hour, in a set that holds for two. */
static Grant hour_grant(void)
{
        return (Grant){ .jti = "g-1",
                        .account = "svc",
                        .nbf_sec = T0,
                        .exp_sec = T0 + 3600,
                        .set_exp_sec = T0 + 7200,
                        .boot_end_usec = BOOT + 3600 * SEC };
}

static void store_finds_all_grants_of_an_account_and_no_other(void **state)
{
        const Grant g[] = { { .jti = "a", .account = "alpha" },
                            { .jti = "a", .account = "beta" },
                            { .jti = "b", .account = "beta" },
                            { .jti = "a", .account = "delta" } };
        const Grant *const index[] = { &g[0], &g[1], &g[2], &g[3] };
        const GrantStore s = { .grants = index, .n_grants = 4 };
        size_t n = 9;

        assert_ptr_equal(*grant_store_find(&s, "beta", &n), &g[1]);
        assert_int_equal(n, 2);
        assert_ptr_equal(*grant_store_find(&s, "alpha", &n), &g[0]);
        assert_int_equal(n, 1);
        assert_ptr_equal(*grant_store_find(&s, "delta", &n), &g[3]);
        assert_null(grant_store_find(&s, "gamma", &n));
        assert_int_equal(n, 0);
        assert_null(grant_store_find(&s, "zeta", &n));
        assert_null(grant_store_find(&s, "", &n));
        assert_null(grant_store_find(&s, NULL, &n));
}

static void store_finds_accounts_by_name(void **state)
{
        const Account a[] = { { .name = "a1" }, { .name = "a2" }, { .name = "b" } };
        const Account *const index[] = { &a[0], &a[1], &a[2] };
        const GrantStore s = { .accounts = index, .n_accounts = 3 };

        for (size_t i = 0; i < 3; i++)
                assert_ptr_equal(grant_store_account(&s, a[i].name), &a[i]);
        assert_null(grant_store_account(&s, "a"));
        assert_null(grant_store_account(&s, "c"));
        assert_null(grant_store_account(&s, NULL));
        assert_null(grant_store_account(NULL, "a1"));
}

static void store_zeroed_holds_nothing(void **state)
{
        const GrantStore s = { 0 };
        size_t n = 9;

        assert_null(grant_store_find(&s, "svc", &n));
        assert_int_equal(n, 0);
        assert_null(grant_store_account(&s, "svc"));
}

static void account_kinds_have_names(void **state)
{
        assert_string_equal(account_kind_name(KIND_WORKLOAD), "workload");
        assert_string_equal(account_kind_name(KIND_HUMAN), "human");
        assert_string_equal(account_kind_name(KIND_AGENT), "agent");
        assert_string_equal(account_kind_name(KIND_UNKNOWN), "unknown");
        assert_string_equal(account_kind_name((AccountKind)77), "unknown");
}

static void grant_is_active_from_its_begin_with_leeway_of_60s(void **state) /* T06 */
{
        Grant g = hour_grant();
        int64_t end = 7, boot = 7;
        Now just_not = at(-60);

        g.nbf_sec = T0;
        assert_true(grant_is_active(&g, at(-60), &end, &boot));
        just_not.real_usec -= 1;
        assert_false(grant_is_active(&g, just_not, &end, &boot));
        assert_int_equal(end, 0);
        assert_int_equal(boot, 0);
        assert_false(grant_is_active(&g, at(-61), &end, &boot));
        assert_true(grant_is_active(&g, at(0), &end, &boot));
        assert_int_equal(end, T0 + 3600);
        assert_int_equal(boot, BOOT + 3600 * SEC);
}

static void grant_ends_in_the_very_usec_of_its_exp(void **state) /* T07 */
{
        Grant g = hour_grant();
        Now now = at(3600);
        int64_t end, boot;

        g.boot_end_usec = INT64_MAX;
        assert_false(grant_is_active(&g, now, &end, &boot));
        now.real_usec -= 1;
        assert_true(grant_is_active(&g, now, &end, &boot));
        assert_int_equal(boot, now.boot_usec + 1);
}

static void grant_is_over_when_the_boot_clock_says_so(void **state) /* T01, T04 */
{
        Grant g = hour_grant();
        Now now = at(0);
        int64_t end, boot;

        now.boot_usec = BOOT + 3600 * SEC; /* the wall clock was set back */
        assert_false(grant_is_active(&g, now, &end, &boot));
        now.boot_usec -= 1;
        assert_true(grant_is_active(&g, now, &end, &boot));
        assert_int_equal(boot, BOOT + 3600 * SEC);
        g.boot_end_usec = 0;
        assert_false(grant_is_active(&g, at(0), &end, &boot));
}

static void grant_ends_with_its_set(void **state) /* V21 */
{
        Grant g = hour_grant();
        int64_t end, boot;

        g.set_exp_sec = T0 + 600;
        assert_true(grant_is_active(&g, at(599), &end, &boot));
        assert_int_equal(end, T0 + 600);
        assert_int_equal(boot, BOOT + 600 * SEC);
        assert_false(grant_is_active(&g, at(600), &end, &boot));
        g.set_exp_sec = 0;
        assert_false(grant_is_active(&g, at(0), &end, &boot));
}

static void grant_ends_with_its_window(void **state)
{
        Grant g = hour_grant();
        Window w[3];
        int64_t end, boot;

        assert_int_equal(window_parse("Mon 00:10..00:20 UTC", &w[0]), 0);
        assert_int_equal(window_parse("00:15..00:30 UTC", &w[1]), 0);
        assert_int_equal(window_parse("00:30..00:40 UTC", &w[2]), 0);
        g.windows = w;
        g.n_windows = 1;
        assert_false(grant_is_active(&g, at(599), &end, &boot));
        assert_true(grant_is_active(&g, at(600), &end, &boot));
        assert_int_equal(end, T0 + 1200);
        assert_int_equal(boot, BOOT + 1200 * SEC);
        assert_false(grant_is_active(&g, at(1200), &end, &boot));

        g.n_windows = 2; /* overlapping */
        assert_true(grant_is_active(&g, at(600), &end, &boot));
        assert_int_equal(end, T0 + 1800);
        g.n_windows = 3; /* adjoining */
        assert_true(grant_is_active(&g, at(600), &end, &boot));
        assert_int_equal(end, T0 + 2400);
}

static void grant_with_an_always_open_window_lasts_till_its_exp(void **state)
{
        Grant g = hour_grant();
        Window w;
        int64_t end, boot;

        assert_int_equal(window_parse("00:00..24:00 UTC", &w), 0);
        g.windows = &w;
        g.n_windows = 1;
        g.exp_sec = TIME_SEC_MAX; /* T09: year 9999 */
        g.set_exp_sec = TIME_SEC_MAX;
        g.boot_end_usec = INT64_MAX;
        assert_true(grant_is_active(&g, at(0), &end, &boot));
        assert_int_equal(end, TIME_SEC_MAX);
}

static void grant_beyond_the_range_of_time_is_over(void **state) /* T09, V13 */
{
        static const int64_t bad[] = { TIME_SEC_MAX + 1, INT64_MAX, -1, 0, INT64_MIN };
        int64_t end, boot;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                Grant g = hour_grant();

                g.exp_sec = bad[i];
                assert_false(grant_is_active(&g, at(0), &end, &boot));
                g = hour_grant();
                g.set_exp_sec = bad[i];
                assert_false(grant_is_active(&g, at(0), &end, &boot));
                g = hour_grant();
                g.nbf_sec = bad[i];
                if (bad[i] != 0)
                        assert_false(grant_is_active(&g, at(0), &end, &boot));
        }
}

static void grant_zeroed_or_absent_is_never_active(void **state) /* P1 */
{
        const Grant g = { 0 };
        int64_t end = 7, boot = 7;

        assert_false(grant_is_active(&g, (Now){ 0 }, &end, &boot));
        assert_false(grant_is_active(&g, at(0), &end, &boot));
        assert_false(grant_is_active(NULL, at(0), &end, &boot));
        assert_int_equal(end, 0);
        assert_int_equal(boot, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(store_finds_all_grants_of_an_account_and_no_other),
                cmocka_unit_test(store_finds_accounts_by_name),
                cmocka_unit_test(store_zeroed_holds_nothing),
                cmocka_unit_test(account_kinds_have_names),
                cmocka_unit_test(grant_is_active_from_its_begin_with_leeway_of_60s),
                cmocka_unit_test(grant_ends_in_the_very_usec_of_its_exp),
                cmocka_unit_test(grant_is_over_when_the_boot_clock_says_so),
                cmocka_unit_test(grant_ends_with_its_set),
                cmocka_unit_test(grant_ends_with_its_window),
                cmocka_unit_test(grant_with_an_always_open_window_lasts_till_its_exp),
                cmocka_unit_test(grant_beyond_the_range_of_time_is_over),
                cmocka_unit_test(grant_zeroed_or_absent_is_never_active),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
