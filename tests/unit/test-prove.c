/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sightings against stays, processes against stays, and what is not there (prove.h: X1 to X4). */

#include "prove-fixture.h"

/* ---- inside ---- */

static void a_session_inside_its_grant_is_proved(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10.1, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        seen(&p, WITNESS_LOGIND, "svc-deploy", "", 439, 10, 300);
        assert_proved(&p);
        assert_int_equal(p.n_sessions, 1);
        assert_int_equal(p.accounts.n, 1);
        proof_done(&p);
}

static void where_nobody_came_nothing_is_missing(void **state)
{
        Proof p = proof_new();

        assert_proved(&p);
        proof_done(&p);
}

/* The end of a session takes its time: at the bound, and a moment behind it. */
static void an_end_within_the_promise_is_inside(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 612);
        assert_proved(&p);
        proof_done(&p);
}

static void an_end_behind_the_promise_is_a_leak(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 612.000001);
        assert_found(&p, FINDING_OVERTIME);
        assert_int_equal(p.findings.items[0].seq, 17);
        proof_done(&p);
}

static void a_session_that_is_open_when_its_grant_is_over_is_a_leak(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, -1);
        assert_found(&p, FINDING_OVERTIME);
        proof_done(&p);
}

/* sshd was killed and closed nothing; nobody else saw the end, and it does not run any more. */
static void an_end_that_nobody_saw_is_no_leak(void **state)
{
        Proof p = proof_new();

        seen(&p, WITNESS_PAM, "svc-deploy", "sudo", 440, 10, -1)->end_is_known = false;
        assert_found(&p, FINDING_UNKNOWN);
        assert_int_equal(p.findings.items[0].end_usec, 0);
        proof_done(&p);

        p = proof_new();
        stay(&p, "svc-deploy", "sudo", 439, 10, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "sudo", 439, 10, -1)->end_is_known = false;
        runs(&p, 439, 0, PROVE_UNSET, PROVE_UNSET, "cron.service", 700); /* the pid is another's */
        assert_proved(&p);
        proof_done(&p);
}

static void its_leader_that_still_runs_shows_that_it_is_open(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "sudo", 439, 10, 600)->scope = "nhi-g-1-1.scope";
        seen(&p, WITNESS_PAM, "svc-deploy", "sudo", 439, 10, -1)->end_is_known = false;
        runs(&p, 439, 0, PROVE_UNSET, PROVE_UNSET, "init.scope", 9);
        assert_found(&p, FINDING_OVERTIME);
        proof_done(&p);
}

static void logind_sees_the_end_that_pam_did_not(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, -1)->end_is_known = false;
        seen(&p, WITNESS_LOGIND, "svc-deploy", "", 439, 10, 700);
        proof_judge(&p);
        assert_int_equal(p.findings.n, 1); /* of both witnesses one */
        assert_int_equal(p.findings.items[0].kind, FINDING_OVERTIME);
        assert_int_equal(p.findings.items[0].end_usec, at(700));
        assert_int_equal(p.findings.items[0].seen_by, 1u << WITNESS_PAM | 1u << WITNESS_LOGIND);
        proof_done(&p);
}

/* ---- outside ---- */

static void a_login_that_the_log_does_not_know_is_a_leak(void **state)
{
        Proof p = proof_new();

        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        seen(&p, WITNESS_LOGIND, "svc-deploy", "", 439, 10.2, 300);
        seen(&p, WITNESS_AUDIT, "svc-deploy", "ssh", 439, 10.1, 300);
        assert_found(&p, FINDING_UNKNOWN);
        assert_string_equal(p.findings.items[0].account, "svc-deploy");
        assert_int_equal(p.findings.items[0].seen_by,
                         1u << WITNESS_PAM | 1u << WITNESS_LOGIND | 1u << WITNESS_AUDIT);
        proof_done(&p);
}

static void each_witness_alone_finds_it(void **state)
{
        static const Witness alone[] = { WITNESS_PAM,   WITNESS_LOGIND, WITNESS_SSHD,
                                         WITNESS_AUDIT, WITNESS_WTMP,   WITNESS_SESSIONS };

        for (size_t i = 0; i < ELEMENTSOF(alone); i++) {
                Proof p = proof_new();

                seen(&p, alone[i], "svc-deploy", "", 439, 10, 300);
                assert_found(&p, FINDING_UNKNOWN);
                proof_done(&p);
        }
}

/* Another's session at the same time, and an own one of another process, cover nothing. */
static void no_other_session_covers_it(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-other", "ssh", 439, 10, 600)->is_witnessed = true;
        stay(&p, "svc-deploy", "ssh", 440, 10, 600)->is_witnessed = true;
        stay(&p, "svc-deploy", "ssh", 439, 100, 600)->is_witnessed = true; /* a pid used again */
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        assert_found(&p, FINDING_UNKNOWN);
        proof_done(&p);
}

static void a_session_that_was_denied_and_began_is_a_leak(void **state)
{
        Proof p = proof_new();
        Refusal *r = proof_add(&p, refusals);

        *r = (Refusal){
                .account = "olga", .class = "sudo", .pid = 77, .time_usec = at(9), .seq = 5
        };
        seen(&p, WITNESS_PAM, "olga", "sudo", 77, 10, 11);
        assert_found(&p, FINDING_DENIED);
        assert_int_equal(p.findings.items[0].seq, 5);
        proof_done(&p);
}

/* pam_unix opens its session before pam_nhi refuses its own; sshd then goes. */
static void a_session_that_was_refused_at_its_last_step_is_none(void **state)
{
        Proof p = proof_new();
        Refusal *r = proof_add(&p, refusals);

        *r = (Refusal){ .account = "olga",
                        .class = "sudo",
                        .pid = 77,
                        .time_usec = at(10.2),
                        .of_session = true };
        seen(&p, WITNESS_PAM, "olga", "sudo", 77, 10, 11);
        assert_proved(&p);
        assert_int_equal(p.n_refused, 1);
        proof_done(&p);
}

static void unless_it_goes_on(void **state)
{
        Proof p = proof_new();
        Refusal *r = proof_add(&p, refusals);

        *r = (Refusal){ .account = "olga",
                        .class = "sudo",
                        .pid = 77,
                        .time_usec = at(10.2),
                        .of_session = true };
        seen(&p, WITNESS_PAM, "olga", "sudo", 77, 10, 60);
        assert_found(&p, FINDING_DENIED);
        proof_done(&p);
}

/* With the agent dead and the log failed a gate is closed: nobody may have been let in. */
static void no_failure_excuses_a_login(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_AGENT_STOP, 5, 4);
        lives(&p, LIFE_LOG_FAILED, 5, 0);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        proof_judge(&p);
        assert_int_equal(proof_answer(&p), PROVE_LEAK);
        proof_done(&p);
}

/* X4 */
static void what_is_not_ours_is_counted(void **state)
{
        Proof p = proof_new();

        seen(&p, WITNESS_PAM, "root", "ssh", 11, 10, 20);
        seen(&p, WITNESS_LOGIND, "root", "", 11, 10, 20);
        seen(&p, WITNESS_PAM, "olga", "ssh", 12, 10, 20);
        seen(&p, WITNESS_PAM, "bob", "sudo", 13, 10, 20);
        seen(&p, WITNESS_PAM, "bob", "sudo", 14, 30, 40);
        assert_proved(&p);
        assert_int_equal(p.strangers.n, 3);
        assert_int_equal(p.strangers.items[0].mode, GATE_EXEMPT);
        assert_int_equal(p.strangers.items[0].n, 1); /* one session, two witnesses */
        assert_int_equal(p.strangers.items[2].n, 2);
        proof_done(&p);
}

/* su: logind names whom somebody became, PAM's witness who it was. */
static void a_session_of_su_is_its_callers(void **state)
{
        Proof p = proof_new();

        seen(&p, WITNESS_LOGIND, "svc-deploy", "", 88, 10, 20);
        seen(&p, WITNESS_PAM, "bob", "su", 88, 10, 20);
        assert_proved(&p);
        assert_int_equal(p.strangers.n, 1);
        assert_string_equal(p.strangers.items[0].account, "bob");
        proof_done(&p);
}

static void one_account_alone_is_asked_for(void **state)
{
        Proof p = proof_new();

        p.account = "olga";
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        runs(&p, 500, 70001, 70001, 4, "ssh.service", 10);
        assert_proved(&p);
        proof_done(&p);
}

/* ---- wtmp: no leader's pid, a terminal at any time of a session ---- */

static void a_terminal_within_a_session_is_inside(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        seen(&p, WITNESS_WTMP, "svc-deploy", "ssh", 445, 200, 300);
        assert_proved(&p);
        proof_done(&p);
}

static void a_terminal_before_or_behind_all_sessions_is_a_leak(void **state)
{
        static const double times[] = { -1000 + 900, 613 };

        for (size_t i = 0; i < ELEMENTSOF(times); i++) {
                Proof p = proof_new();
                Stay *s = stay(&p, "svc-deploy", "ssh", 439, 10, 600);

                p.since_usec = at(-1000);
                s->has_started = false;
                seen(&p, WITNESS_WTMP, "svc-deploy", "ssh", 445, times[i], times[i] + 5);
                assert_found(&p, FINDING_UNKNOWN);
                proof_done(&p);
        }
}

/* ---- sets: what later sets made of an end ---- */

static SetFact *set_with(Proof *p, double when, const char *jti, double end)
{
        SetFact *f = set_of(p, "h", jti, "svc-deploy", end);

        f->time_usec = at(when);
        return f;
}

static void a_grant_that_was_prolonged_holds_longer(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        set_with(&p, 5, "g-1", 600);
        set_with(&p, 300, "g-1", 1200);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 1200);
        assert_proved(&p);
        proof_done(&p);
}

static void a_set_that_came_when_it_was_over_prolongs_nothing(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        set_with(&p, 601, "g-1", 1200);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 1200);
        assert_found(&p, FINDING_OVERTIME);
        proof_done(&p);
}

static void a_session_that_outlives_a_revocation_is_a_leak(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        set_with(&p, 100, NULL, 0);
        set_with(&p, 200, "g-1", 600); /* nothing brings it back */
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        assert_found(&p, FINDING_OVERTIME);
        proof_done(&p);
}

static void another_issuers_set_revokes_nothing(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        set_with(&p, 5, NULL, 0)->issuer = "another";
        set_with(&p, 100, NULL, 0)->issuer = "another";
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        assert_proved(&p);
        proof_done(&p);
}

static void without_the_set_an_end_is_not_judged(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        set_with(&p, 100, "g-1", 1200)->is_known = false;
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 1000);
        assert_found(&p, FINDING_UNSIGNED);
        proof_done(&p);
}

/* It may have revoked the grant: within the time that the record names nothing is proved either. */
static void nor_an_earlier_one_behind_it(void **state)
{
        static const struct {
                double end;
                bool is_proved;
        } rows[] = { { 99, true }, { 200, false } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Proof p = proof_new();

                stay(&p, "svc-deploy", "ssh", 439, 10, 600)->end_usec = at(50);
                set_with(&p, 100, "g-1", 1200)->is_known = false;
                seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, rows[i].end);
                if (rows[i].is_proved)
                        assert_proved(&p);
                else
                        assert_found(&p, FINDING_UNSIGNED);
                proof_done(&p);
        }
}

/* X3: the log's own word is no grant. */
static void a_stay_without_a_set_is_not_proved(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 3000)->set = "";
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 2900);
        assert_found(&p, FINDING_UNSIGNED);
        proof_done(&p);
}

static void nor_one_whose_set_is_away(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 3000);
        p.sets.items[0].is_known = false;
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, -1)->end_is_known = false;
        assert_found(&p, FINDING_UNSIGNED);
        proof_done(&p);
}

/* But what the log itself does not say was allowed is a leak in any case. */
static void beyond_the_records_own_word_a_stay_without_a_set_is_a_leak(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600)->set = "";
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 700);
        assert_found(&p, FINDING_OVERTIME);
        proof_done(&p);
}

static void the_record_prolongs_no_grant(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600)->until_usec = at(3000);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 2900);
        assert_found(&p, FINDING_OVERTIME);
        proof_done(&p);
}

static void a_grant_that_was_revoked_before_lets_nobody_in(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        p.sets.items[0].time_usec = at(1);
        set_with(&p, 5, NULL, 0);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 500);
        assert_found(&p, FINDING_NOT_IN_SET);
        proof_done(&p);
}

/* It was decided a moment before, and went with the revocation. */
static void unless_it_was_decided_just_before(void **state)
{
        static const struct {
                double end;
                FindingKind kind;
        } rows[] = { { 15, FINDING_N }, { 25, FINDING_OVERTIME } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Proof p = proof_new();

                stay(&p, "svc-deploy", "ssh", 439, 10, 600);
                set_with(&p, 9, NULL, 0);
                seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, rows[i].end);
                if (rows[i].kind == FINDING_N)
                        assert_proved(&p);
                else
                        assert_found(&p, rows[i].kind);
                proof_done(&p);
        }
}

static void a_newer_set_that_is_away_may_have_revoked_it(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        set_with(&p, 5, NULL, 0)->is_known = false;
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 500);
        assert_found(&p, FINDING_UNSIGNED);
        proof_done(&p);
}

static void another_accounts_grant_is_none(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        p.sets.items[0].grants[0].account = "svc-other";
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 500);
        assert_found(&p, FINDING_NOT_IN_SET);
        proof_done(&p);
}

static void a_grant_that_has_not_begun_is_none(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        p.sets.items[0].grants[0].begin_usec = at(71);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 500);
        assert_found(&p, FINDING_NOT_IN_SET);
        proof_done(&p);
}

/* The hour begins at 11:20 UTC. */
static void a_window_is_judged_when_the_session_began(void **state)
{
        static const struct {
                const char *window;
                double start, end;
                FindingKind kind;
        } rows[] = {
                { "11:00..11:30 UTC", 10, 605, FINDING_N },
                { "11:00..11:30 UTC", 10, 613, FINDING_OVERTIME },
                { "11:00..11:30 UTC", 601, 605, FINDING_N }, /* decided at 11:29:59 */
                { "11:00..11:30 UTC", 603, 605, FINDING_NOT_IN_SET },
                { "11:30..12:00 UTC", 10, 12, FINDING_NOT_IN_SET },
                { "11:30..12:00 UTC", 601, 1000, FINDING_N },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Proof p = proof_new();
                Window *w = proof_add(&p, windows);

                assert_int_equal(window_parse(rows[i].window, w), 0);
                stay(&p, "svc-deploy", "ssh", 439, rows[i].start, 3000);
                p.sets.items[0].grants[0].n_windows = 1;
                seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, rows[i].start, rows[i].end);
                if (rows[i].kind == FINDING_N)
                        assert_proved(&p);
                else
                        assert_found(&p, rows[i].kind);
                proof_done(&p);
        }
}

static void a_record_that_cites_a_set_without_the_grant_is_a_leak(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600)->set = "h";
        set_with(&p, 5, NULL, 0);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        assert_found(&p, FINDING_NOT_IN_SET);
        proof_done(&p);
}

/* ---- X3 ---- */

static void a_session_that_only_the_log_knows_is_not_proved(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        assert_found(&p, FINDING_UNWITNESSED);
        proof_done(&p);
}

/* What logind says now is no witness of a beginning; but PID 1 is of a unit's. */
static void a_unit_is_witnessed_by_its_invocation(void **state)
{
        Proof p = proof_new();
        UnitRun *u = proof_add(&p, units);

        *u = (UnitRun){
                .invocation = "abc", .where = "here", .start_usec = at(9), .end_usec = at(60)
        };
        stay(&p, "svc-backup", "unit", 439, 10, 600)->invocation = "abc";
        assert_proved(&p);
        proof_done(&p);
}

static void a_unit_that_goes_on_is_a_leak(void **state)
{
        Proof p = proof_new();
        UnitRun *u = proof_add(&p, units);

        *u = (UnitRun){
                .invocation = "abc", .where = "here", .start_usec = at(9), .end_usec = at(660)
        };
        stay(&p, "svc-backup", "unit", 439, 10, 600)->invocation = "abc";
        assert_found(&p, FINDING_OVERTIME);
        proof_done(&p);
}

/* ---- processes ---- */

static void what_runs_in_a_session_under_a_grant_is_inside(void **state)
{
        Proof p = proof_new();
        Stay *s = stay(&p, "svc-deploy", "ssh", 439, 3000, 4000);

        s->scope = "session-7.scope";
        s->audit_session = 7;
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 3000, -1);
        runs(&p, 500, 70001, 70001, 7, "session-7.scope", 3001);
        runs(&p, 501, 0, 70001, 7, "somewhere.scope", 3002); /* moved, and became root */
        assert_proved(&p);
        proof_done(&p);
}

static void a_process_that_was_moved_and_outlived_its_grant_is_a_leak(void **state)
{
        Proof p = proof_new();
        Stay *s = stay(&p, "svc-deploy", "ssh", 439, 10, 600);

        s->scope = "session-7.scope";
        s->audit_session = 7;
        s->end_usec = at(601);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 601);
        runs(&p, 500, 70001, 70001, 7, "console.service", 20);
        assert_found(&p, FINDING_OUTLIVED);
        assert_string_equal(p.findings.items[0].where, "pid 500 (sleep) in console.service");
        proof_done(&p);
}

static void what_is_left_in_a_scope_of_ours_is_a_leak(void **state)
{
        Proof p = proof_new();
        Stay *s = stay(&p, "olga", "sudo", 439, 10, 600);

        s->scope = "nhi-g-1-1.scope";
        seen(&p, WITNESS_PAM, "olga", "sudo", 439, 10, 20);
        runs(&p, 500, 0, 1002, 7, "nhi-g-1-1.scope", 20);
        assert_found(&p, FINDING_OUTLIVED);
        proof_done(&p);
}

/* Audit sessions and scopes are numbered anew at each boot. */
static void a_session_of_the_boot_before_says_nothing_of_now(void **state)
{
        Proof p = proof_new();
        Stay *s = stay(&p, "svc-deploy", "ssh", 439, 10, 4000);

        s->audit_session = 7;
        s->boot = "boot-before";
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 20);
        runs(&p, 500, 70001, 70001, 7, "ssh.service", 20);
        assert_found(&p, FINDING_PROCESS);
        proof_done(&p);
}

/* Only the agent makes them, and records each. */
static void a_scope_of_ours_that_no_record_knows_is_a_leak(void **state)
{
        Proof p = proof_new();

        runs(&p, 500, 0, 1002, 7, "nhi-g-1-1.scope", 20);
        assert_found(&p, FINDING_PROCESS);
        assert_string_equal(p.findings.items[0].account, "olga");
        proof_done(&p);
}

/* As long as logind knows the session, that is seen; what it left behind is not. */
static void what_is_left_of_a_session_that_logind_forgot_is_a_leak(void **state)
{
        Proof p = proof_new();

        seen(&p, WITNESS_SESSIONS, "bob", "ssh", 9, 10, -1)->logind = "8";
        runs(&p, 500, 70001, 70001, 8, "session-8.scope", 20);
        runs(&p, 501, 70001, 70001, 7, "session-7.scope", 20);
        assert_found(&p, FINDING_PROCESS);
        assert_int_equal(p.findings.items[0].pid, 501);
        proof_done(&p);
}

/* Nobody but logind saw it, and what holds for its account depends on how it came. */
static void a_session_of_unknown_kind_is_judged_where_all_kinds_agree(void **state)
{
        Proof p = proof_new();

        mode(&p, "managers", -100, false, true);
        gate_is(&p, "managers", true);
        seen(&p, WITNESS_LOGIND, "half", "", 5, 10, 20);
        assert_found(&p, FINDING_UNJUDGED);
        proof_done(&p);
}

/* The leader may have waited for a password, longer than two witnesses of one session lie apart. */
static void a_session_of_now_began_when_logind_says(void **state)
{
        Proof p = proof_new();

        seen(&p, WITNESS_PAM, "bob", "su", 88, 3000, -1);
        seen(&p, WITNESS_LOGIND, "svc-deploy", "", 88, 3000, -1)->logind = "4";
        p.sightings.items[1].end_is_known = false;
        seen(&p, WITNESS_SESSIONS, "svc-deploy", "su", 88, 2000, -1)->logind = "4";
        assert_proved(&p);
        assert_int_equal(p.strangers.n, 1);
        proof_done(&p);
}

static void a_process_outside_of_any_session_is_a_leak(void **state)
{
        static const char *const units[] = { "ssh.service", "pay.service", "cron.service",
                                             "user@70001.service", "init.scope" };

        for (size_t i = 0; i < ELEMENTSOF(units); i++) {
                Proof p = proof_new();

                runs(&p, 500, 70001, PROVE_UNSET, PROVE_UNSET, units[i], 20);
                assert_found(&p, FINDING_PROCESS);
                proof_done(&p);
        }
}

static void so_is_what_became_root_after_such_a_login(void **state)
{
        Proof p = proof_new();

        runs(&p, 500, 0, 70001, 4, "ssh.service", 20);
        assert_found(&p, FINDING_PROCESS);
        proof_done(&p);
}

/* The uid may be that of somebody else, in a container; but nothing is proved of it. */
static void what_runs_in_a_container_is_not_judged(void **state)
{
        Proof p = proof_new();

        runs(&p, 500, 70001, PROVE_UNSET, PROVE_UNSET, "docker-1.scope", 20);
        p.processes.items[0].is_contained = true;
        assert_found(&p, FINDING_UNJUDGED);
        proof_done(&p);
}

/* X4 */
static void a_session_from_before_whose_end_nobody_saw_is_not_judged(void **state)
{
        Proof p = proof_new();

        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, -100, -1)->end_is_known = false;
        assert_found(&p, FINDING_UNJUDGED);
        proof_done(&p);

        p = proof_new();
        stay(&p, "svc-deploy", "ssh", 439, -100, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, -100, -1)->end_is_known = false;
        seen(&p, WITNESS_SSHD, "svc-other", "ssh", 440, -100, -1)->end_is_known = false;
        seen(&p, WITNESS_PAM, "svc-other", "systemd-user", 441, -100, -1)->end_is_known = false;
        assert_proved(&p);
        proof_done(&p);
}

static void nor_is_one_that_was_refused_and_whose_end_nobody_saw(void **state)
{
        Proof p = proof_new();
        Refusal *r = proof_add(&p, refusals);

        *r = (Refusal){ .account = "svc-deploy",
                        .class = "ssh",
                        .pid = 77,
                        .time_usec = at(10.2),
                        .of_session = true };
        seen(&p, WITNESS_SSHD, "svc-deploy", "ssh", 77, 10, -1)->end_is_known = false;
        assert_found(&p, FINDING_UNJUDGED);
        proof_done(&p);
}

static void a_session_of_another_kind_is_not_inside(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        seen(&p, WITNESS_PAM, "svc-deploy", "cron", 439, 20, 300);
        assert_found(&p, FINDING_UNKNOWN);
        assert_string_equal(p.findings.items[0].class, "cron");
        proof_done(&p);
}

/* Her sudo is gated, her logins are not. */
static void who_may_log_in_ungated_may_run(void **state)
{
        Proof p = proof_new();

        runs(&p, 500, 1002, 1002, 4, "user@1002.service", 20);
        runs(&p, 501, 1003, 1003, 5, "ssh.service", 20);
        runs(&p, 502, 0, PROVE_UNSET, PROVE_UNSET, "cron.service", 20);
        runs(&p, 503, 12345, PROVE_UNSET, PROVE_UNSET, "x.service", 20); /* nobody's name */
        assert_proved(&p);
        proof_done(&p);
}

/* sshd said that it accepts, and nothing of the end: PAM's witness saw that. */
static void a_refusal_is_one_for_every_witness(void **state)
{
        Proof p = proof_new();
        Refusal *r = proof_add(&p, refusals);

        *r = (Refusal){ .account = "svc-deploy",
                        .class = "ssh",
                        .pid = 77,
                        .time_usec = at(10.2),
                        .of_session = true };
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 77, 10, 11);
        seen(&p, WITNESS_SSHD, "svc-deploy", "ssh", 77, 10, -1)->end_is_known = false;
        assert_proved(&p);
        assert_int_equal(p.n_refused, 1);
        proof_done(&p);
}

static void in_a_gap_of_the_witnesses_none_is_missed(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        proof_gap(&p, GAP_WITNESS, at(0), at(60), "the journal");
        proof_judge(&p);
        assert_int_equal(p.findings.n, 0);
        assert_int_equal(proof_answer(&p), PROVE_NO_EVIDENCE);
        proof_done(&p);
}

static void that_it_is_there_now_is_no_witness_of_its_beginning(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 4000)->logind = "7";
        seen(&p, WITNESS_SESSIONS, "svc-deploy", "ssh", 0, 10, -1)->logind = "7";
        assert_found(&p, FINDING_UNWITNESSED);
        proof_done(&p);
}

static void a_session_of_now_is_no_session_of_the_boot_before(void **state)
{
        Proof p = proof_new();
        Stay *s = stay(&p, "svc-deploy", "ssh", 439, 10, 4000);

        s->logind = "7";
        s->boot = "boot-before";
        s->has_started = false;
        seen(&p, WITNESS_SESSIONS, "svc-deploy", "ssh", 0, 10, -1)->logind = "7";
        assert_found(&p, FINDING_UNKNOWN);
        proof_done(&p);
}

static void a_terminal_behind_the_end_of_a_session_is_a_leak(void **state)
{
        Proof p = proof_new();
        Stay *s = stay(&p, "svc-deploy", "ssh", 439, 10, 600);

        s->end_usec = at(100);
        s->has_started = false;
        seen(&p, WITNESS_WTMP, "svc-deploy", "ssh", 445, 200, 210);
        assert_found(&p, FINDING_UNKNOWN);
        proof_done(&p);
}

/* ---- which session a process belongs to ---- */

static void another_accounts_process_belongs_to_no_session(void **state)
{
        Proof p = proof_new();
        Stay *s = stay(&p, "svc-deploy", "ssh", 439, 10, 600);

        s->audit_session = 7;
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 20);
        runs(&p, 500, 1003, 1003, 7, "x.service", 20);
        assert_proved(&p);
        proof_done(&p);
}

static void what_bears_no_audit_session_belongs_to_none(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 20);
        runs(&p, 500, 70001, PROVE_UNSET, PROVE_UNSET, "pay.service", 20);
        assert_found(&p, FINDING_PROCESS);
        proof_done(&p);
}

static void the_session_that_is_not_over_counts(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "systemd-user", 1, 10, 600)->scope = "user@70001.service";
        stay(&p, "svc-deploy", "systemd-user", 2, 700, 4000)->scope = "user@70001.service";
        seen(&p, WITNESS_PAM, "svc-deploy", "systemd-user", 1, 10, 600);
        seen(&p, WITNESS_PAM, "svc-deploy", "systemd-user", 2, 700, -1);
        runs(&p, 500, 70001, PROVE_UNSET, PROVE_UNSET, "user@70001.service", 701);
        assert_proved(&p);
        proof_done(&p);
}

static void an_end_a_moment_ago_is_within_the_promise(void **state)
{
        Proof p = proof_new();

        stay(&p, "svc-deploy", "ssh", 439, 10, 3588)->scope = "session-7.scope";
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, -1);
        runs(&p, 500, 70001, PROVE_UNSET, PROVE_UNSET, "session-7.scope", 20);
        assert_proved(&p);
        proof_done(&p);
}

static void what_outlives_a_session_that_ended_early_is_a_leak(void **state)
{
        Proof p = proof_new();
        Stay *s = stay(&p, "svc-deploy", "ssh", 439, 10, 4000);

        s->scope = "session-7.scope";
        s->end_usec = at(601);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 601);
        runs(&p, 500, 70001, PROVE_UNSET, PROVE_UNSET, "session-7.scope", 20);
        assert_found(&p, FINDING_OUTLIVED);
        proof_done(&p);
}

static void what_began_behind_the_time_is_not_asked_for(void **state)
{
        Proof p = proof_new();

        runs(&p, 500, 70001, PROVE_UNSET, PROVE_UNSET, "ssh.service", 3700);
        assert_proved(&p);
        proof_done(&p);
}

/* A gate before one way in: what came in by it, and nothing else. */
static void a_process_is_judged_by_how_it_came_in(void **state)
{
        Proof p = proof_new();

        runs(&p, 500, 1004, 1004, 5, "user@1004.service", 20);
        runs(&p, 501, 1004, 1004, 5, "ssh.service", 20);
        assert_found(&p, FINDING_PROCESS);
        assert_int_equal(p.findings.items[0].pid, 500);
        proof_done(&p);
}

/* ---- the log is silent ---- */

static void without_a_log_no_session_is_judged(void **state)
{
        Proof p = proof_new();

        p.log_is_evidence = false;
        p.log_wrong = "record 5";
        lives(&p, LIFE_AGENT_EXIT, 5, 0); /* and its start stands in no log */
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 300);
        assert_found(&p, FINDING_UNJUDGED);
        assert_int_equal(p.gaps.n, 1);
        assert_int_equal(p.gaps.items[0].kind, GAP_LOG);
        assert_true(p.covered <= 0);
        proof_done(&p);
}

static void nor_before_its_first_record(void **state)
{
        Proof p = proof_new();

        p.log_first_usec = at(100);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 10, 90);
        assert_found(&p, FINDING_UNJUDGED);
        proof_done(&p);
}

static void nor_behind_a_gate_that_observed(void **state)
{
        Proof p = proof_new();

        mode(&p, "operators", 5, true, false);
        mode(&p, "operators", 50, false, true);
        gate_is(&p, "operators", true);
        seen(&p, WITNESS_PAM, "olga", "sudo", 439, 10, 20);
        assert_found(&p, FINDING_UNJUDGED);
        proof_done(&p);
}

static void but_as_soon_as_it_enforces(void **state)
{
        Proof p = proof_new();

        mode(&p, "operators", 5, true, false);
        mode(&p, "operators", 50, false, true);
        gate_is(&p, "operators", true);
        seen(&p, WITNESS_PAM, "olga", "sudo", 439, 51, 60);
        assert_found(&p, FINDING_UNKNOWN);
        proof_done(&p);
}

static void what_began_a_moment_ago_is_asked_again(void **state)
{
        Proof p = proof_new();

        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 3596, -1);
        proof_judge(&p);
        assert_true(proof_is_young(&p));
        proof_done(&p);

        p = proof_new();
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 3594, -1);
        proof_judge(&p);
        assert_false(proof_is_young(&p));
        proof_done(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_session_inside_its_grant_is_proved),
                cmocka_unit_test(where_nobody_came_nothing_is_missing),
                cmocka_unit_test(an_end_within_the_promise_is_inside),
                cmocka_unit_test(an_end_behind_the_promise_is_a_leak),
                cmocka_unit_test(a_session_that_is_open_when_its_grant_is_over_is_a_leak),
                cmocka_unit_test(an_end_that_nobody_saw_is_no_leak),
                cmocka_unit_test(its_leader_that_still_runs_shows_that_it_is_open),
                cmocka_unit_test(logind_sees_the_end_that_pam_did_not),
                cmocka_unit_test(a_login_that_the_log_does_not_know_is_a_leak),
                cmocka_unit_test(each_witness_alone_finds_it),
                cmocka_unit_test(no_other_session_covers_it),
                cmocka_unit_test(a_session_that_was_denied_and_began_is_a_leak),
                cmocka_unit_test(a_session_that_was_refused_at_its_last_step_is_none),
                cmocka_unit_test(unless_it_goes_on),
                cmocka_unit_test(no_failure_excuses_a_login),
                cmocka_unit_test(what_is_not_ours_is_counted),
                cmocka_unit_test(a_session_of_su_is_its_callers),
                cmocka_unit_test(one_account_alone_is_asked_for),
                cmocka_unit_test(a_terminal_within_a_session_is_inside),
                cmocka_unit_test(a_terminal_before_or_behind_all_sessions_is_a_leak),
                cmocka_unit_test(a_grant_that_was_prolonged_holds_longer),
                cmocka_unit_test(a_set_that_came_when_it_was_over_prolongs_nothing),
                cmocka_unit_test(a_session_that_outlives_a_revocation_is_a_leak),
                cmocka_unit_test(another_issuers_set_revokes_nothing),
                cmocka_unit_test(without_the_set_an_end_is_not_judged),
                cmocka_unit_test(nor_an_earlier_one_behind_it),
                cmocka_unit_test(a_stay_without_a_set_is_not_proved),
                cmocka_unit_test(nor_one_whose_set_is_away),
                cmocka_unit_test(beyond_the_records_own_word_a_stay_without_a_set_is_a_leak),
                cmocka_unit_test(the_record_prolongs_no_grant),
                cmocka_unit_test(a_grant_that_was_revoked_before_lets_nobody_in),
                cmocka_unit_test(unless_it_was_decided_just_before),
                cmocka_unit_test(a_newer_set_that_is_away_may_have_revoked_it),
                cmocka_unit_test(another_accounts_grant_is_none),
                cmocka_unit_test(a_grant_that_has_not_begun_is_none),
                cmocka_unit_test(a_window_is_judged_when_the_session_began),
                cmocka_unit_test(a_record_that_cites_a_set_without_the_grant_is_a_leak),
                cmocka_unit_test(a_session_that_only_the_log_knows_is_not_proved),
                cmocka_unit_test(a_unit_is_witnessed_by_its_invocation),
                cmocka_unit_test(a_unit_that_goes_on_is_a_leak),
                cmocka_unit_test(what_runs_in_a_session_under_a_grant_is_inside),
                cmocka_unit_test(a_process_that_was_moved_and_outlived_its_grant_is_a_leak),
                cmocka_unit_test(what_is_left_in_a_scope_of_ours_is_a_leak),
                cmocka_unit_test(a_session_of_the_boot_before_says_nothing_of_now),
                cmocka_unit_test(a_scope_of_ours_that_no_record_knows_is_a_leak),
                cmocka_unit_test(what_is_left_of_a_session_that_logind_forgot_is_a_leak),
                cmocka_unit_test(a_session_of_unknown_kind_is_judged_where_all_kinds_agree),
                cmocka_unit_test(a_session_of_now_began_when_logind_says),
                cmocka_unit_test(a_process_outside_of_any_session_is_a_leak),
                cmocka_unit_test(so_is_what_became_root_after_such_a_login),
                cmocka_unit_test(what_runs_in_a_container_is_not_judged),
                cmocka_unit_test(a_session_from_before_whose_end_nobody_saw_is_not_judged),
                cmocka_unit_test(nor_is_one_that_was_refused_and_whose_end_nobody_saw),
                cmocka_unit_test(a_session_of_another_kind_is_not_inside),
                cmocka_unit_test(who_may_log_in_ungated_may_run),
                cmocka_unit_test(a_refusal_is_one_for_every_witness),
                cmocka_unit_test(in_a_gap_of_the_witnesses_none_is_missed),
                cmocka_unit_test(that_it_is_there_now_is_no_witness_of_its_beginning),
                cmocka_unit_test(a_session_of_now_is_no_session_of_the_boot_before),
                cmocka_unit_test(a_terminal_behind_the_end_of_a_session_is_a_leak),
                cmocka_unit_test(another_accounts_process_belongs_to_no_session),
                cmocka_unit_test(what_bears_no_audit_session_belongs_to_none),
                cmocka_unit_test(the_session_that_is_not_over_counts),
                cmocka_unit_test(an_end_a_moment_ago_is_within_the_promise),
                cmocka_unit_test(what_outlives_a_session_that_ended_early_is_a_leak),
                cmocka_unit_test(what_began_behind_the_time_is_not_asked_for),
                cmocka_unit_test(a_process_is_judged_by_how_it_came_in),
                cmocka_unit_test(without_a_log_no_session_is_judged),
                cmocka_unit_test(nor_before_its_first_record),
                cmocka_unit_test(nor_behind_a_gate_that_observed),
                cmocka_unit_test(but_as_soon_as_it_enforces),
                cmocka_unit_test(what_began_a_moment_ago_is_asked_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
