/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Refused offers, and entries that are left out, counted where they come too fast; then through the
 * agent, to its journal and its log. */

#include "tests/unit/outage-fixture.h"

#include "nhi-agentd/evidence-internal.h"
#include "nhi-agentd/refusals.h"

#define BACK REFUSALS_BACK_USEC

static Now clocks(int64_t usec)
{
        return (Now){ .real_usec = 1800000000 * USEC + usec, .boot_usec = 5 * USEC + usec };
}

/* How many of n at this time are written down. */
static unsigned told_of(Refusals *r, const char *code, unsigned n, int64_t usec)
{
        unsigned n_told = 0;

        for (unsigned i = 0; i < n; i++)
                n_told += !refusals_counted(r, code, REFUSALS_BURST, clocks(usec));
        return n_told;
}

static void the_first_are_told_and_the_rest_is_counted_exactly(void **state) /* C1, C2 */
{
        Refusals r = {};
        Refusal got;

        assert_int_equal(told_of(&r, "key", REFUSALS_BURST, 0), REFUSALS_BURST);
        assert_false(refusals_next(&r, &got));
        assert_int_equal(told_of(&r, "key", 1, 0), 0);
        assert_int_equal(told_of(&r, "key", 999, 3 * USEC), 0);
        assert_true(refusals_next(&r, &got));
        assert_string_equal(got.code, "key");
        assert_int_equal(got.n, 1000);
        assert_int_equal(got.first_sec, 1800000000);
        assert_int_equal(got.last_sec, 1800000003);
        assert_false(refusals_next(&r, &got));
        assert_int_equal(told_of(&r, "key", 1, 4 * USEC), 0);
        assert_true(refusals_next(&r, &got));
        assert_int_equal(got.n, 1);
        assert_int_equal(got.first_sec, 1800000004);
}

static void one_a_minute_is_told_again_and_all_after_a_while(void **state)
{
        Refusals r = {};

        assert_int_equal(told_of(&r, "key", 100, 0), REFUSALS_BURST);
        assert_int_equal(told_of(&r, "key", 100, BACK - 1), 0);
        assert_int_equal(told_of(&r, "key", 100, BACK), 1);
        assert_int_equal(told_of(&r, "key", 100, 2 * BACK - 1), 0);
        assert_int_equal(told_of(&r, "key", 100, 5 * BACK), 4);
        assert_int_equal(told_of(&r, "key", 100, 1000 * BACK), REFUSALS_BURST);
        assert_int_equal(told_of(&r, "key", 100, 1001 * BACK - 1), 0);
}

static void the_noise_of_one_code_hides_no_other(void **state)
{
        Refusals r = {};

        (void)told_of(&r, "key", 1000, 0);
        assert_int_equal(told_of(&r, "equivocation", 1, 0), 1);
        assert_int_equal(told_of(&r, "version-floor", 1, 0), 1);
}

static void however_many_codes_there_are_it_is_bounded(void **state)
{
        const unsigned n_own = REFUSALS_CODES_MAX - 1;
        unsigned n_told = 0, n_counted = 0;
        Refusals r = {};
        Refusal got;
        char code[32];

        for (unsigned i = 0; i < 100; i++) {
                (void)snprintf(code, sizeof(code), "code-%u", i);
                n_told += told_of(&r, code, 50, 0);
        }
        assert_int_equal(n_told, REFUSALS_CODES_MAX * REFUSALS_BURST);
        while (refusals_next(&r, &got)) {
                n_counted += (unsigned)got.n;
                assert_true(got.n == 50 - REFUSALS_BURST || streq(got.code, REFUSALS_OTHERS));
        }
        assert_int_equal(n_told + n_counted, 5000);

        /* Places come back with the allowance. */
        for (unsigned i = 0; i < n_own; i++) {
                (void)snprintf(code, sizeof(code), "new-%u", i);
                assert_int_equal(told_of(&r, code, 50, REFUSALS_BURST * BACK), REFUSALS_BURST);
        }
}

/* ---- through the agent ---- */

typedef char *(*Make)(Fixture *f);

static char *rubbish(Fixture *f)
{
        return strdup("a.b.c");
}

static char *old_set(Fixture *f)
{
        return fixture_set(f, 1, "", "");
}

static char *old_list(Fixture *f)
{
        return fixture_list(f, 1, "");
}

/* How many refusals the journal has got after so many offers. It holds ten datagrams. */
static unsigned offer_many(Outage *t, Make make, unsigned n)
{
        unsigned n_told = 0;

        for (unsigned i = 0; i < n; i++) {
                const char *line = fixture_offer(t->f, make(t->f));

                if (strncmp(line, "refused ", 8) != 0)
                        fail_msg("%s", line);
                n_told += told(t, "set-refused", NULL);
        }
        return n_told;
}

/* Events of this name that hold these words, since the last call. */
static unsigned told_with(Outage *t, const char *event, const char *words)
{
        static char entry[JOURNAL_ENTRY_MAX];
        char name[64];
        unsigned n = 0;
        ssize_t size;

        fixture_settle(t->f);
        (void)snprintf(name, sizeof(name), "\nNHI_EVENT=%s\n", event);
        while ((size = recv(t->journal, entry, sizeof(entry) - 1, 0)) > 0) {
                entry[size] = '\0';
                n += strstr(entry, name) && strstr(entry, words);
        }
        return n;
}

static int setup_refusals(void **state)
{
        int r = outage_setup(state);
        Outage *t = *state;

        sets_refused_usec = BACK;
        assert_int_equal(strncmp(fixture_offer(t->f, fixture_set(t->f, 10, "", "")), "acc", 3), 0);
        assert_int_equal(strncmp(fixture_offer(t->f, fixture_list(t->f, 10, "")), "acc", 3), 0);
        (void)told(t, "set-accepted", NULL);
        return r;
}

static void whoever_makes_offers_does_not_fill_the_log(void **state) /* A14 */
{
        static const Make kinds[] = { rubbish, old_set };
        Outage *t = *state;
        const Agent *a = t->f->agent;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                assert_int_equal(offer_many(t, kinds[i], 60), REFUSALS_BURST);
        /* The same code of another kind of thing. */
        assert_int_equal(offer_many(t, old_list, 60), 0);
        assert_string_equal(a->issuers[0].refused.code, "version-floor");
        assert_string_equal(a->issuers[0].list_refused.code, "version-floor");
        assert_int_equal(a->tally.n_sets_refused, 2 * REFUSALS_BURST);
        agent_ahead_usec = BACK;
        assert_int_equal(offer_many(t, old_set, 10), 1);
}

static bool has_flushed(void *userdata)
{
        return ((Fixture *)userdata)->agent->tally.n_sets_refused == 60;
}

static void what_was_counted_is_told_after_a_while(void **state)
{
        Outage *t = *state;

        sets_refused_usec = USEC_PER_SEC / 10;
        assert_true(offer_many(t, rubbish, 60) < 60);
        assert_true(fixture_until(t->f, has_flushed, t->f));
}

static void what_was_counted_is_told_when_the_agent_stops(void **state)
{
        Outage *t = *state;

        assert_int_equal(offer_many(t, rubbish, 60), REFUSALS_BURST);
        agent_stop(t->f->agent);
        assert_int_equal(told(t, "set-refused", t->f->agent->issuers[0].refused.code), 1);
        assert_int_equal(t->f->agent->tally.n_sets_refused, 60);
}

/* ---- what is accepted ---- */

static bool is_on_disk(void *userdata)
{
        const Fixture *f = userdata;

        return fixture_is_settled(userdata) && log_n_pending(f->agent->evidence->log) == 0;
}

/* Records in the log, when none is on its way there any more. */
static uint64_t n_recorded(Fixture *f)
{
        EvidenceView v;

        assert_true(fixture_until(f, is_on_disk, f));
        evidence_view(f->agent->evidence, &v);
        assert_int_equal(v.error, 0);
        return v.head.chain.seq;
}

/* A set of which this host takes no grant. */
static void take_set_of_nothing(Fixture *f, int64_t ver_offset, size_t n)
{
        _cleanup_free_ char *grants = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&grants, &size);

        for (size_t i = 0; i < n; i++)
                (void)fprintf(out, "%s{\"jti\":\"g-%zu\"}", i ? "," : "", i);
        assert_int_equal(fclose(out), 0);
        assert_int_equal(
                strncmp(fixture_offer(f, fixture_set(f, ver_offset, "", grants)), "acc", 3), 0);
        assert_int_equal(f->agent->issuers[0].set->n_quarantined, n);
        fixture_settle(f);
}

static void who_holds_an_issuer_s_key_does_not_fill_the_log_with_entries(void **state) /* A5, A14 */
{
        enum { N_SETS = 12, N_EACH = 300 };
        const unsigned n_told = REFUSALS_ENTRIES, n_counted = N_SETS * N_EACH - n_told;
        Outage *t = *state;
        const uint64_t n_before = n_recorded(t->f);
        char count[32];

        for (int i = 0; i < N_SETS; i++)
                take_set_of_nothing(t->f, 20 + i, N_EACH);
        /* Each set, and no more entries. */
        assert_int_equal(n_recorded(t->f), n_before + N_SETS + n_told);

        listen_anew(t);
        sets_flush_refused(t->f->agent->sets);
        (void)snprintf(count, sizeof(count), "\nNHI_COUNT=%u\n", n_counted);
        assert_int_equal(told_with(t, "quarantine", count), 1);
}

static void who_holds_a_revocation_key_does_not_fill_the_log_with_entries(
        void **state) /* A5, A14 */
{
        enum { N_EACH = REVOCATIONS_SKIPPED_MAX, N_LISTS = REFUSALS_ENTRIES / N_EACH + 10 };
        Outage *t = *state;
        const uint64_t n_before = n_recorded(t->f);
        char entries[2048] = "";

        for (size_t i = 0; i < N_EACH; i++)
                (void)snprintf(entries + strlen(entries), sizeof(entries) - strlen(entries),
                               "%s{\"kind\":\"unknown-%zu\",\"name\":\"x\"}", i ? "," : "", i);
        for (int i = 0; i < N_LISTS; i++) {
                fixture_offer(t->f, fixture_list(t->f, 20 + i, entries));
                assert_int_equal(strncmp(t->f->line, "accepted ", 9), 0);
                fixture_settle(t->f);
        }
        assert_int_equal(n_recorded(t->f), n_before + N_LISTS + REFUSALS_ENTRIES);
}

static void what_one_set_leaves_out_is_told_entry_by_entry(void **state) /* C1 */
{
        Outage *t = *state;
        const uint64_t n_before = n_recorded(t->f);

        take_set_of_nothing(t->f, 20, SET_QUARANTINE_MAX);
        assert_int_equal(n_recorded(t->f), n_before + 1 + SET_QUARANTINE_MAX);
}

int main(void)
{
#define PURE(test)  cmocka_unit_test(test)
#define AGENT(test) cmocka_unit_test_setup_teardown(test, setup_refusals, outage_teardown)
        const struct CMUnitTest tests[] = {
                PURE(the_first_are_told_and_the_rest_is_counted_exactly),
                PURE(one_a_minute_is_told_again_and_all_after_a_while),
                PURE(the_noise_of_one_code_hides_no_other),
                PURE(however_many_codes_there_are_it_is_bounded),
                AGENT(whoever_makes_offers_does_not_fill_the_log),
                AGENT(what_was_counted_is_told_after_a_while),
                AGENT(what_was_counted_is_told_when_the_agent_stops),
                AGENT(who_holds_an_issuer_s_key_does_not_fill_the_log_with_entries),
                AGENT(who_holds_a_revocation_key_does_not_fill_the_log_with_entries),
                AGENT(what_one_set_leaves_out_is_told_entry_by_entry),
        };

        return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
