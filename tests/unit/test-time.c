/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An agent whose clocks the test sets (Makefile: --wrap): what ends stays over, whatever either
 * clock says afterwards. */

#include "tests/unit/doors-fixture.h"

#include "nhi-agentd/core/decide.h"
#include "nhi-agentd/state.h"

#define DAY (86400 * (int64_t)USEC_PER_SEC)
#define SEC ((int64_t)USEC_PER_SEC)

static struct {
        int64_t real_usec, boot_usec; /* added */
        Now frozen;                   /* 0: the clocks run */
} clocks;

int64_t __real_now_realtime_usec(void);
int64_t __wrap_now_realtime_usec(void);
int64_t __real_now_boottime_usec(void);
int64_t __wrap_now_boottime_usec(void);

int64_t __wrap_now_realtime_usec(void)
{
        return (clocks.frozen.real_usec ?: __real_now_realtime_usec()) + clocks.real_usec;
}

int64_t __wrap_now_boottime_usec(void)
{
        return (clocks.frozen.boot_usec ?: __real_now_boottime_usec()) + clocks.boot_usec;
}

static int setup_clocks(void **state)
{
        memset(&clocks, 0, sizeof(clocks));
        return setup(state);
}

static Decision judge(Fixture *f)
{
        const HostView view = agent_host_view(f->agent);
        const AccessRequest q = {
                .kind = REQUEST_ACCOUNT,
                .account = "svc-deploy",
                .uid = 70001,
                .class = "ssh",
                .is_local = true,
        };

        return decide(&f->agent->store, &view, &q, agent_now(f->agent));
}

static void a_clock_that_was_set_forward_and_back_revives_nothing(void **state) /* T03 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        assert_int_equal(judge(f).verdict, VERDICT_ALLOW);
        clocks.real_usec = DAY;
        assert_int_equal(judge(f).verdict, VERDICT_DENY);
        agent_refresh(f->agent);
        clocks.real_usec = 0;
        assert_int_equal(judge(f).verdict, VERDICT_DENY);
        fixture_settle(f);
        fixture_restart(f); /* nor does a restart */
        assert_int_equal(judge(f).verdict, VERDICT_DENY);
        fixture_deploy(f, "g-2", 1); /* a step by mistake closes nothing for good */
        assert_int_equal(judge(f).verdict, VERDICT_ALLOW);
}

static void a_clock_that_is_set_back_a_day_moves_no_end_out(void **state) /* T01 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        clocks.boot_usec = 601 * SEC;
        clocks.real_usec = 601 * SEC;
        agent_refresh(f->agent);
        clocks.real_usec -= DAY;
        assert_int_equal(judge(f).verdict, VERDICT_DENY);
        agent_refresh(f->agent);
        assert_int_equal(judge(f).verdict, VERDICT_DENY);
}

static void what_ended_in_suspension_is_over_at_resume(void **state) /* T04 */
{
        Fixture *f = *state;

        fixture_deploy(f, "g-1", 0);
        clocks.boot_usec = 590 * SEC;
        clocks.real_usec = 540 * SEC; /* the wall clock came back slow, not so that it shows */
        assert_int_equal(judge(f).verdict, VERDICT_ALLOW);
        clocks.boot_usec += 11 * SEC;
        clocks.real_usec += 11 * SEC;
        assert_int_equal(judge(f).verdict, VERDICT_DENY);
        assert_int_equal(judge(f).reason, REASON_EXPIRED);
        clocks.real_usec = 0; /* not at all: then nothing is judged by it */
        assert_int_equal(judge(f).reason, REASON_CLOCK);
}

static void the_end_is_exact_on_the_wall_clock(void **state) /* T07 */
{
        Fixture *f = *state;
        const Grant *g;

        fixture_deploy(f, "g-1", 0);
        g = agent_grant(f->agent, "g-1");
        assert_non_null(g);
        clocks.frozen =
                (Now){ .real_usec = g->exp_sec * SEC - 1, .boot_usec = __real_now_boottime_usec() };
        assert_int_equal(judge(f).verdict, VERDICT_ALLOW);
        clocks.frozen.real_usec++;
        assert_int_equal(judge(f).verdict, VERDICT_DENY);
}

/* As a damaged state.json may say it. It goes on from there, and not beyond what a clock can say.
 */
static void a_time_that_no_set_can_prove_proves_nothing(void **state)
{
        static const int64_t times[] = { INT64_MAX / SEC, INT64_MAX, TIME_SEC_MAX + 1 };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                agent_prove_time(f->agent, times[i], now_boottime_usec());
                clocks.boot_usec += SEC;
                clocks.real_usec += SEC;
                assert_false(agent_clock_is_behind(f->agent, agent_now(f->agent)));
        }
}

#define GRANTS 10000

/* 10,000 grants of 100 accounts that all end in one second. */
static char *same_second(Fixture *f)
{
        char *grants = NULL, *accounts = NULL, *jws;
        size_t size = 0;
        FILE *out = open_memstream(&accounts, &size);
        const long long now = fixture_now();

        assert_non_null(out);
        for (unsigned i = 0; i < 100; i++)
                (void)fprintf(out,
                              "%s{\"name\":\"svc-%u\",\"kind\":\"workload\",\"owner\":\"p\","
                              "\"uid\":%u,\"gid\":%u,\"home\":\"/var/lib/svc\","
                              "\"shell\":\"/bin/sh\"}",
                              i ? "," : "", i, 71000 + i, 71000 + i);
        (void)fclose(out);
        out = open_memstream(&grants, &size);
        assert_non_null(out);
        for (unsigned i = 0; i < GRANTS; i++)
                (void)fprintf(out,
                              "%s{\"jti\":\"g-%u\",\"account\":\"svc-%u\",\"owner\":\"p\","
                              "\"reason\":\"r\",\"nbf\":%lld,\"exp\":%lld,"
                              "\"authorization_details\":[" FIXTURE_LOGIN "]}",
                              i ? "," : "", i, i % 100, now - 1, now + 600);
        (void)fclose(out);
        jws = fixture_set(f, 0, accounts, grants);
        free(accounts);
        free(grants);
        return jws;
}

static size_t n_allowed(Fixture *f, Now now)
{
        const HostView view = agent_host_view(f->agent);
        size_t n = 0;

        for (unsigned i = 0; i < GRANTS; i++) {
                char account[32], jti[32];
                const AccessRequest q = { .kind = REQUEST_ACCOUNT,
                                          .account = account,
                                          .uid = 71000 + i % 100,
                                          .class = "ssh",
                                          .is_local = true };
                const Grant *g;

                (void)snprintf(account, sizeof(account), "svc-%u", i % 100);
                (void)snprintf(jti, sizeof(jti), "g-%u", i);
                g = agent_grant(f->agent, jti);
                assert_non_null(g);
                n += decide_one(&f->agent->store, g, &view, &q, now).verdict == VERDICT_ALLOW;
        }
        return n;
}

static void ten_thousand_grants_that_end_in_one_second_end_at_once(void **state) /* T08 */
{
        Fixture *f = *state;
        Now end = { .boot_usec = __real_now_boottime_usec() };

        assert_int_equal(strncmp(fixture_offer(f, same_second(f)), "accepted ", 9), 0);
        end.real_usec = agent_grant(f->agent, "g-0")->exp_sec * SEC;
        clocks.frozen = end;
        clocks.frozen.real_usec--;
        assert_int_equal(n_allowed(f, clocks.frozen), GRANTS);
        clocks.frozen = end; /* nothing has run yet: the deadline alone says it */
        assert_int_equal(n_allowed(f, clocks.frozen), 0);
        agent_refresh(f->agent);
        fixture_settle(f);
        clocks.frozen.real_usec -= 300 * SEC; /* and they stay over */
        assert_int_equal(n_allowed(f, clocks.frozen), 0);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup_clocks, fixture_teardown)
        const struct CMUnitTest tests[] = {
                CASE(a_clock_that_was_set_forward_and_back_revives_nothing),
                CASE(a_clock_that_is_set_back_a_day_moves_no_end_out),
                CASE(what_ended_in_suspension_is_over_at_resume),
                CASE(the_end_is_exact_on_the_wall_clock),
                CASE(a_time_that_no_set_can_prove_proves_nothing),
                CASE(ten_thousand_grants_that_end_in_one_second_end_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
