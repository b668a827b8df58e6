/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The drill: a source falls silent, for less than the offline limit and for longer. What goes on,
 * what is said, what ends, and what it is like when the source is back. Fail rules "source
 * unreachable" and "agent restart"; V21. */

#include "tests/unit/outage-fixture.h"

#include "nhi-agentd/heard.h"
#include "nhi-agentd/metrics/page.h"
#include "nhi-agentd/session/registry.h"
#include "nhi-agentd/staleness.h"
#include "tests/unit/session-fixture.h"

#define MOMENT 60          /* seconds that a slow machine may take for what comes before */
#define LIMIT  (24 * HOUR) /* the default: nhictl's ledger gives a set so long */

/* A grant from begin to end, in seconds since the test began, malloc'ed. */
static char *grant_made(const Outage *t, const char *jti, int64_t begin_sec, int64_t end_sec)
{
        char *text = NULL;

        assert_true(asprintf(&text,
                             "{\"jti\":\"%s\",\"account\":\"svc-deploy\",\"owner\":\"payments\","
                             "\"reason\":\"CHG-42\",\"nbf\":%lld,\"exp\":%lld,"
                             "\"authorization_details\":[" FIXTURE_LOGIN "]}",
                             jti, (long long)(t->f->base_sec + begin_sec),
                             (long long)(t->f->base_sec + end_sec)) > 0);
        return text;
}

static void offer_set(Outage *t, int64_t at_sec, const char *grants)
{
        const char *line = fixture_offer(t->f, set_made(t, at_sec, LIMIT, grants));

        if (strncmp(line, "accepted ", 9) != 0)
                fail_msg("%s", line);
        fixture_settle(t->f);
}

static const AccessRequest login = { .kind = REQUEST_ACCOUNT,
                                     .account = "svc-deploy",
                                     .uid = 70001,
                                     .class = "ssh",
                                     .is_local = true };

static Decision ask(const Outage *t)
{
        Agent *a = t->f->agent;
        const HostView view = agent_host_view(a);

        return decide(&a->store, &view, &login, agent_now(a));
}

static void allowed(const Outage *t, const char *jti)
{
        const Decision d = ask(t);

        assert_int_equal(d.verdict, VERDICT_ALLOW);
        assert_string_equal(d.grant->jti, jti);
}

static void denied(const Outage *t, Reason reason)
{
        const Decision d = ask(t);

        assert_int_equal(d.verdict, VERDICT_DENY);
        assert_string_equal(reason_token(d.reason), reason_token(reason));
}

/* Under what allows now. */
static Session *session_begin(Outage *t)
{
        const Decision d = ask(t);

        return fixture_session(t->f, &login, &d);
}

static bool session_goes_on(const Outage *t)
{
        const Session *s = t->f->agent->sessions->sessions;

        return s && s->state == SESSION_ACTIVE;
}

/* The fetcher's last word before it fell silent. */
static void last_word(Outage *t)
{
        FeedTiding word = {};

        heard_take(t->f->agent, &word, 1);
}

static int64_t silent_sec(const Outage *t)
{
        return heard_age_usec(&t->f->agent->issuers[0], agent_now(t->f->agent)) / USEC;
}

static void six_hours_without_a_source_lose_nothing(void **state)
{
        Outage *t = *state;
        _cleanup_free_ char *grant = grant_made(t, "g-1", 0, 23 * HOUR);
        const Session *s;
        Backstop armed;

        fixture_sessions(t->f);
        offer_set(t, 0, grant);
        last_word(t);
        s = session_begin(t);
        armed = s->backstop;
        listen_anew(t);

        for (int64_t hour = 1; hour <= 6; hour++) {
                at(t, hour * HOUR);
                allowed(t, "g-1");
                assert_in_range(silent_sec(t), hour * HOUR - MOMENT, hour * HOUR);
                assert_int_equal(told(t, "session-end", NULL), 0);
                assert_true(session_goes_on(t));
                assert_true(backstop_is_right(s));
                assert_memory_equal(&s->backstop, &armed, sizeof(armed));
                assert_int_equal(t->f->agent->n_active, 1);
        }

        /* Back: nothing was said, nothing is. */
        free(TAKE_PTR(grant));
        grant = grant_made(t, "g-1", 0, 23 * HOUR);
        offer_set(t, 6 * HOUR, grant);
        last_word(t);
        assert_in_range(silent_sec(t), 0, MOMENT);
        assert_int_equal(told(t, "source-fresh", NULL), 0);
        allowed(t, "g-1");
        assert_true(session_goes_on(t));
        assert_true(backstop_is_right(s)); /* by its grant: the set's end was not its own */
}

static void six_hours_without_a_source_say_nothing(void **state)
{
        Outage *t = *state;
        _cleanup_free_ char *grant = grant_made(t, "g-1", 0, 23 * HOUR);

        offer_set(t, 0, grant);
        for (int64_t hour = 1; hour <= 6; hour++)
                at(t, hour * HOUR);
        assert_int_equal(told(t, "source-stale", NULL), 0);
        assert_int_equal(staleness_level(&t->f->agent->issuers[0], agent_now(t->f->agent)), 0);
}

static void an_agent_that_begins_anew_in_an_outage_goes_on(void **state) /* S09 */
{
        Outage *t = *state;
        _cleanup_free_ char *grant = grant_made(t, "g-1", 0, 23 * HOUR);

        offer_set(t, 0, grant);
        at(t, 3 * HOUR);
        fixture_restart(t->f);
        allowed(t, "g-1");
        at(t, 6 * HOUR);
        allowed(t, "g-1");
        fixture_restart(t->f);
        allowed(t, "g-1");
        at(t, 23 * HOUR);
        denied(t, REASON_EXPIRED);
}

/* Revoked in the outage, heard of after it, and nothing of before is believed again. */
static void what_was_revoked_meanwhile_is_over_when_the_source_is_back(void **state) /* V18 S02 */
{
        Outage *t = *state;
        _cleanup_free_ char *grant = grant_made(t, "g-1", 0, 23 * HOUR);
        _cleanup_free_ char *old = set_made(t, 0, LIMIT, grant);

        fixture_sessions(t->f);
        offer_set(t, 0, grant);
        (void)session_begin(t);
        at(t, 6 * HOUR);
        assert_true(session_goes_on(t));
        offer_set(t, 6 * HOUR, "");
        denied(t, REASON_NO_GRANT);
        assert_false(session_goes_on(t));
        fixture_offer(t->f, strdup(old));
        assert_int_equal(strncmp(t->f->line, "refused version-floor", 21), 0);
        denied(t, REASON_NO_GRANT);
}

/* One whose grant would go on, were it not for the set's end. */
static void past_the_limit_everything_ends_at_once_and_was_foretold(void **state) /* V21 S01 */
{
        Outage *t = *state;
        _cleanup_free_ char *grant = grant_made(t, "g-late", 3 * HOUR, 27 * HOUR);

        fixture_sessions(t->f);
        offer_set(t, 0, grant);
        at(t, 4 * HOUR);
        (void)session_begin(t);
        at(t, 12 * HOUR);
        assert_int_equal(told(t, "source-stale", "50"), 1);
        at(t, 20 * HOUR);
        assert_int_equal(told(t, "source-stale", "80"), 1);
        at(t, LIMIT - MOMENT);
        allowed(t, "g-late");
        assert_true(session_goes_on(t));
        at(t, LIMIT);
        denied(t, REASON_SET_STALE);
        assert_false(session_goes_on(t));
        assert_int_equal(told(t, "set-expired", "100"), 1);
        at(t, LIMIT + HOUR);
        denied(t, REASON_SET_STALE);
        assert_int_equal(told(t, "set-expired", NULL), 0);
}

static void it_recovers_with_the_first_set_that_comes(void **state) /* S09 */
{
        Outage *t = *state;
        _cleanup_free_ char *grant = grant_made(t, "g-late", 3 * HOUR, 27 * HOUR);
        const Session *s;

        fixture_sessions(t->f);
        offer_set(t, 0, grant);
        at(t, LIMIT + HOUR);
        denied(t, REASON_SET_STALE);
        listen_anew(t);
        offer_set(t, LIMIT + HOUR, grant);
        assert_int_equal(told(t, "source-fresh", "100"), 1);
        allowed(t, "g-late");
        s = session_begin(t);
        assert_int_equal(s->end_sec, t->f->base_sec + 27 * HOUR);
        at(t, LIMIT + 2 * HOUR);
        allowed(t, "g-late");
        assert_true(session_goes_on(t));
        at(t, 27 * HOUR);
        denied(t, REASON_EXPIRED);
        assert_false(session_goes_on(t));
}

/* A clock that is set back while the source is silent gains nothing. */
static void a_clock_that_is_set_back_prolongs_no_outage(void **state) /* T01 */
{
        Outage *t = *state;
        _cleanup_free_ char *grant = grant_made(t, "g-late", 3 * HOUR, 27 * HOUR);
        Agent *a = t->f->agent;
        HostView view;
        Now now;

        offer_set(t, 0, grant);
        at(t, LIMIT);
        now = agent_now(a);
        now.real_usec -= 12 * HOUR * USEC;
        view = agent_host_view(a);
        assert_int_equal(decide(&a->store, &view, &login, now).verdict, VERDICT_DENY);
        assert_int_equal(staleness_level(&a->issuers[0], now), STALE_OVER);
}

#define AGE "\nnhi_source_age_seconds{issuer=\"" FIXTURE_ISSUER "\",source=\"/nowhere\"} "

static void the_numbers_tell_the_outage_as_it_is(void **state)
{
        Outage *t = *state;
        _cleanup_free_ char *grant = grant_made(t, "g-1", 0, 23 * HOUR), *text = NULL;
        const char *age;
        size_t size = 0;

        offer_set(t, 0, grant);
        last_word(t);
        at(t, 6 * HOUR);
        assert_int_equal(metrics_page(t->f->agent, agent_now(t->f->agent), &text, &size), 0);
        assert_non_null(
                strstr(text, "\nnhi_set_life_used_ratio{issuer=\"" FIXTURE_ISSUER "\"} 0.250"));
        age = strstr(text, AGE);
        assert_non_null(age);
        assert_in_range(strtoll(age + strlen(AGE), NULL, 10), 6 * HOUR - MOMENT, 6 * HOUR);
        assert_non_null(strstr(text, "\nnhi_grants 1\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, outage_setup, outage_teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(six_hours_without_a_source_lose_nothing),
                TEST(six_hours_without_a_source_say_nothing),
                TEST(an_agent_that_begins_anew_in_an_outage_goes_on),
                TEST(what_was_revoked_meanwhile_is_over_when_the_source_is_back),
                TEST(past_the_limit_everything_ends_at_once_and_was_foretold),
                TEST(it_recovers_with_the_first_set_that_comes),
                TEST(a_clock_that_is_set_back_prolongs_no_outage),
                TEST(the_numbers_tell_the_outage_as_it_is),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
