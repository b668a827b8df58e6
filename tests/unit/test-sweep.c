/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* However many sessions end in one second, /proc is read for all of them together. */

#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/session/registry.h"

#define N_SESSIONS 1000u
#define STATE      PATH_ROOT "/run/sweep.json"

typedef struct World {
        sd_event *event;
        Sessions *sessions;
        size_t n_ended;
} World;

static Now on_now(void *userdata)
{
        return (Now){ now_realtime_usec(), now_boottime_usec() };
}

static Decision on_judge(void *userdata, const Grant *tied, const AccessRequest *request)
{
        return (Decision){ .reason = REASON_EXPIRED };
}

static void on_record(void *userdata, const Event *e)
{
        ((World *)userdata)->n_ended += e->kind == EVENT_SESSION_END;
}

static const Grant *on_grant(void *userdata, const char *jti)
{
        return NULL;
}

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));
        const SessionsHost host = { .userdata = w,
                                    .judge = on_judge,
                                    .now = on_now,
                                    .record = on_record,
                                    .grant = on_grant };

        assert_non_null(w);
        fixture_clean();
        fixture_dirs();
        assert_true(sd_event_new(&w->event) >= 0);
        assert_int_equal(sessions_new(w->event, &host, STATE, &w->sessions), 0);
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;

        sessions_free(w->sessions);
        sd_event_unref(w->event);
        free(w);
        fixture_clean();
        return 0;
}

/* Of an audit session that no process bears, in no cgroup. */
static Session *add_session(World *w, uint32_t audit_session)
{
        Session *s = NULL;

        assert_int_equal(session_new(w->sessions, &s), 0);
        s->state = SESSION_ACTIVE;
        s->loginuid = 70001;
        s->audit_session = audit_session;
        s->end_sec = now_realtime_usec() / (int64_t)USEC_PER_SEC;
        s->boot_end_usec = INT64_MAX;
        s->tie.request.account = "svc-deploy";
        s->tie.request.class = "ssh";
        s->tie.grant.jti = "g-1";
        return s;
}

static void a_thousand_endings_take_one_look(void **state) /* T08 */
{
        const uint64_t deadline = now_monotonic_usec() + 60 * USEC_PER_SEC;
        World *w = *state;

        for (uint32_t i = 0; i < N_SESSIONS; i++)
                (void)add_session(w, 2000000000u + i);
        sessions_review(w->sessions);
        while (sessions_count(w->sessions) > 0 && now_monotonic_usec() < deadline)
                assert_true(sd_event_run(w->event, 20000) >= 0);
        assert_int_equal(w->n_ended, N_SESSIONS);
        assert_int_equal(w->sessions->look.n_taken, 1);
}

static void a_look_from_before_the_last_signal_says_nothing(void **state) /* E1 */
{
        World *w = *state;
        Session *s = add_session(w, 2000000000u);
        Look *l = &w->sessions->look;

        assert_int_equal(sweep_session(s, 0), 0);
        assert_int_equal(sweep_session(s, 0), 0);
        assert_int_equal(l->n_taken, 1);
        s->changed_usec = now_monotonic_usec() + 1;
        l->end_usec = l->begin_usec; /* it cost nothing: the next one need not wait */
        assert_int_equal(sweep_session(s, 0), 0);
        assert_int_equal(l->n_taken, 2);
}

static void a_look_that_took_long_is_not_taken_again_at_once(void **state)
{
        World *w = *state;
        Session *s = add_session(w, 2000000000u);
        Look *l = &w->sessions->look;

        assert_int_equal(sweep_session(s, 0), 0);
        s->changed_usec = now_monotonic_usec() + 1;
        l->begin_usec = 1;                              /* since the machine began */
        assert_int_equal(sweep_session(s, 0), -EAGAIN); /* and not 0: nobody knows */
        assert_int_equal(l->n_taken, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(a_thousand_endings_take_one_look),
                TEST(a_look_from_before_the_last_signal_says_nothing),
                TEST(a_look_that_took_long_is_not_taken_again_at_once),
#undef TEST
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
