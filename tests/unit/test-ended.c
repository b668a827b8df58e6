/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is written down of grants that went with a set, or that a revocation list took. */

#include "tests/unit/outage-fixture.h"
#include "tests/unit/recorded.h"

#include "nhi-agentd/refusals.h"

#define THE_ACCOUNT "{\"kind\":\"account\",\"name\":\"svc-deploy\"}"

static int setup(void **state)
{
        sets_refused_usec = REFUSALS_BACK_USEC;
        return outage_setup(state);
}

static IssuerState *issuer(const Outage *t)
{
        return &t->f->agent->issuers[0];
}

/* So many are left to be told at once. */
static void leave(const Outage *t, Refusals *r, const char *code, unsigned burst, unsigned n)
{
        for (unsigned i = n; i < burst; i++)
                assert_false(refusals_counted(r, code, burst, agent_now(t->f->agent)));
}

static void take_grants_for(Fixture *f, int64_t ver_offset, size_t n, int64_t lifetime_sec)
{
        _cleanup_free_ char *grants = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&grants, &size);

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *grant = NULL;
                char jti[32];

                (void)snprintf(jti, sizeof(jti), "g-%zu", i);
                grant = fixture_grant(jti, "svc-deploy", lifetime_sec, FIXTURE_LOGIN);
                (void)fprintf(out, "%s%s", i ? "," : "", grant);
        }
        assert_int_equal(fclose(out), 0);
        fixture_offer(f, fixture_set(f, ver_offset, FIXTURE_ACCOUNT, grants));
        assert_int_equal(strncmp(f->line, "accepted ", 9), 0);
        assert_int_equal(f->agent->issuers[0].set->n_grants, n);
        fixture_settle(f);
}

static void take_grants(Fixture *f, int64_t ver_offset, size_t n)
{
        take_grants_for(f, ver_offset, n, 600);
}

static void take_list(Fixture *f, int64_t ver_offset, const char *entries)
{
        fixture_offer(f, fixture_list(f, ver_offset, entries));
        assert_int_equal(strncmp(f->line, "accepted ", 9), 0);
        fixture_settle(f);
}

/* One record that counts so many, of this event, for this issuer. */
static void must_tell_count(Outage *t, const char *event, unsigned n)
{
        static char entry[JOURNAL_ENTRY_MAX];
        char name[64], count[64];
        unsigned n_found = 0;
        ssize_t size;

        (void)snprintf(name, sizeof(name), "\nNHI_EVENT=%s\n", event);
        (void)snprintf(count, sizeof(count), "\nNHI_COUNT=%u\n", n);
        (void)recorded_n(t->f);
        listen_anew(t);
        sets_flush_refused(t->f->agent->sets);
        (void)recorded_n(t->f);
        while ((size = recv(t->journal, entry, sizeof(entry) - 1, 0)) > 0) {
                entry[size] = '\0';
                n_found += strstr(entry, name) && strstr(entry, count) &&
                           strstr(entry, FIXTURE_ISSUER);
        }
        assert_int_equal(n_found, 1);
}

static void who_holds_an_issuer_s_key_does_not_fill_the_log_with_ends(void **state) /* A5, A14 */
{
        enum { N_TURNS = 4, N_EACH = 300, N_LEFT = N_EACH + 10 };
        Outage *t = *state;
        uint64_t n_before;

        leave(t, &issuer(t)->ended, "revoked", REFUSALS_GRANTS, N_LEFT);
        n_before = recorded_n(t->f);
        for (int i = 0; i < N_TURNS; i++) {
                take_grants(t->f, 2 * i, N_EACH);
                assert_non_null(agent_grant(t->f->agent, "g-299"));
                take_grants(t->f, 2 * i + 1, 0);
                assert_null(agent_grant(t->f->agent, "g-299"));
        }
        /* Each set, which says the rest, and no more ends. */
        assert_int_equal(recorded_n(t->f), n_before + 2 * N_TURNS + N_LEFT);
        must_tell_count(t, "grant-ended", N_TURNS * N_EACH - N_LEFT);
}

static void who_signs_grants_that_end_at_once_does_not_fill_the_log(void **state) /* A5, A14 */
{
        enum { N_TURNS = 2, N_EACH = 100, N_LEFT = N_EACH + 10 };
        Outage *t = *state;
        uint64_t n_before;

        leave(t, &issuer(t)->ended, "expired", REFUSALS_GRANTS, N_LEFT);
        n_before = recorded_n(t->f);
        for (int i = 0; i < N_TURNS; i++) {
                take_grants_for(t->f, i, N_EACH, 20 * (i + 1)); /* the same, for longer */
                assert_int_equal(t->f->agent->n_active, N_EACH);
                agent_ahead_usec = (20 * (i + 1) + 1) * USEC;
                agent_time_passed(t->f->agent);
                fixture_settle(t->f);
                assert_int_equal(t->f->agent->n_active, 0);
        }
        assert_int_equal(recorded_n(t->f), n_before + N_TURNS + N_LEFT);
        must_tell_count(t, "grant-ended", N_TURNS * N_EACH - N_LEFT);
}

static void what_one_set_takes_is_told_grant_by_grant(void **state)
{
        Outage *t = *state;
        uint64_t n_before;

        take_grants(t->f, 1, 300);
        n_before = recorded_n(t->f);
        take_grants(t->f, 2, 0);
        assert_int_equal(recorded_n(t->f), n_before + 1 + 300);
}

static void what_is_counted_of_a_large_allowance_comes_back_by_its_share(void **state)
{
        enum { BACK = REFUSALS_GRANTS / 1024 };
        Outage *t = *state;

        leave(t, &issuer(t)->ended, "revoked", REFUSALS_GRANTS, 0);
        for (unsigned minute = 1; minute <= 2; minute++) {
                uint64_t n_before;

                agent_ahead_usec = minute * REFUSALS_BACK_USEC;
                take_grants(t->f, 2 * minute, 100);
                n_before = recorded_n(t->f);
                take_grants(t->f, 2 * minute + 1, 0);
                assert_int_equal(recorded_n(t->f), n_before + 1 + BACK);
        }
}

static void who_holds_a_revocation_key_does_not_fill_the_log_with_ends(void **state) /* A5, A14 */
{
        enum { N_TURNS = 4, N_EACH = 60, N_LEFT = N_EACH + 10 };
        Outage *t = *state;
        uint64_t n_before;

        take_grants(t->f, 0, N_EACH);
        leave(t, &issuer(t)->named, "revoked", REFUSALS_LISTS, N_LEFT);
        n_before = recorded_n(t->f);
        for (int i = 0; i < N_TURNS; i++) {
                take_list(t->f, 2 * i, THE_ACCOUNT);
                assert_int_equal(t->f->agent->n_active, 0);
                take_list(t->f, 2 * i + 1, "");
        }
        assert_int_equal(recorded_n(t->f), n_before + 2 * N_TURNS + N_LEFT);
        must_tell_count(t, "grant-ended", N_TURNS * N_EACH - N_LEFT);
        /* What sets take has not become silent by that. */
        n_before = recorded_n(t->f);
        take_grants(t->f, 9, 0);
        assert_int_equal(recorded_n(t->f), n_before + 1 + N_EACH);
}

static void lists_without_end_are_counted_and_each_is_in_force(void **state) /* A5, A14 */
{
        enum { N_LISTS = 12, N_LEFT = 5 };
        Outage *t = *state;
        uint64_t n_before;

        leave(t, &issuer(t)->lists, "more", REFUSALS_LISTS, N_LEFT);
        n_before = recorded_n(t->f);
        for (int i = 0; i < N_LISTS; i++) {
                take_list(t->f, i, THE_ACCOUNT);
                assert_int_equal(issuer(t)->list->ver, t->f->base_sec * 1000 + i);
        }
        assert_int_equal(recorded_n(t->f), n_before + N_LEFT);
        must_tell_count(t, "revocations", N_LISTS - N_LEFT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, outage_teardown)
                TEST(who_holds_an_issuer_s_key_does_not_fill_the_log_with_ends),
                TEST(who_signs_grants_that_end_at_once_does_not_fill_the_log),
                TEST(what_one_set_takes_is_told_grant_by_grant),
                TEST(what_is_counted_of_a_large_allowance_comes_back_by_its_share),
                TEST(who_holds_a_revocation_key_does_not_fill_the_log_with_ends),
                TEST(lists_without_end_are_counted_and_each_is_in_force),
#undef TEST
        };

        return cmocka_run_group_tests_name("ended", tests, NULL, NULL);
}
