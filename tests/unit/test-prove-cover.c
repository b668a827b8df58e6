/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where there is no evidence, and the share of the time of which there is some (prove.h: X2). */

#include "nhictl/prove/report.h"
#include "prove-fixture.h"

/* ---- the agent ---- */

static void an_agent_that_was_away_is_a_gap(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_AGENT_STOP, 100, 90);
        lives(&p, LIFE_AGENT_START, 160, 100);
        assert_gap(&p, GAP_AGENT, 100, 160);
        assert_true(p.covered > 0.983 && p.covered < 0.984);
        proof_done(&p);
}

static void an_agent_that_was_started_anew_is_none(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_AGENT_STOP, 100, 90);
        lives(&p, LIFE_AGENT_START, 110, 100);
        assert_proved(&p);
        proof_done(&p);
}

static void a_moment_longer_is_no_restart(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_AGENT_STOP, 100, 90);
        lives(&p, LIFE_AGENT_START, 110.000001, 100);
        assert_gap(&p, GAP_AGENT, 100, 110.000001);
        proof_done(&p);
}

/* It wrote no stop: since its last record nobody knows, unless PID 1 does. */
static void a_crash_is_a_gap_from_the_last_record_on(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_AGENT_START, 500, 40);
        assert_gap(&p, GAP_AGENT, 40, 500);
        proof_done(&p);
}

static void or_from_where_pid_1_saw_it_exit(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_AGENT_START, 500, 40);
        lives(&p, LIFE_AGENT_EXIT, 450, 0);
        assert_gap(&p, GAP_AGENT, 450, 500);
        proof_done(&p);
}

/* It ends sessions before it serves, and writes that down. */
static void what_it_writes_before_its_start_is_no_sign_of_life(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_AGENT_EXIT, 450, 0);
        lives(&p, LIFE_AGENT_START, 500, 499.9);
        assert_gap(&p, GAP_AGENT, 450, 500);
        proof_done(&p);
}

static void an_agent_that_does_not_answer_is_away_now(void **state)
{
        Proof p = proof_new();

        p.agent_answers = false;
        p.log_last_usec = at(3000);
        assert_gap(&p, GAP_AGENT, 3000, 3600);
        proof_done(&p);
}

static void one_that_stopped_is_away_however_short(void **state)
{
        Proof p = proof_new();

        p.agent_answers = false;
        lives(&p, LIFE_AGENT_STOP, 3599, 3590);
        assert_gap(&p, GAP_AGENT, 3599, 3600);
        proof_done(&p);
}

/* From the last entry of a boot to the first of the next nobody could come in. */
static void while_the_host_is_off_nothing_is_missing(void **state)
{
        Proof p = proof_new();
        Boot *b = proof_add(&p, boots);

        p.boots.items[0].last_usec = at(105);
        *b = (Boot){ .first_usec = at(900), .last_usec = at(3600) };
        lives(&p, LIFE_AGENT_STOP, 100, 90);
        lives(&p, LIFE_AGENT_START, 908, 100);
        assert_proved(&p);
        proof_done(&p);
}

static void but_a_boot_without_the_agent_is_a_gap(void **state)
{
        Proof p = proof_new();
        Boot *b = proof_add(&p, boots);

        p.boots.items[0].last_usec = at(105);
        *b = (Boot){ .first_usec = at(900), .last_usec = at(3600) };
        lives(&p, LIFE_AGENT_STOP, 100, 90);
        lives(&p, LIFE_AGENT_START, 960, 100);
        assert_gap(&p, GAP_AGENT, 900, 960);
        proof_done(&p);
}

/* ---- the log ---- */

static void what_was_before_the_log_is_a_gap(void **state)
{
        Proof p = proof_new();

        p.log_first_usec = at(1800);
        assert_gap(&p, GAP_LOG_BEGIN, 0, 1800);
        assert_true(p.covered == 0.5);
        proof_done(&p);
}

static void a_log_that_failed_is_a_gap_until_it_was_resumed(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_LOG_FAILED, 100, 0);
        lives(&p, LIFE_LOG_FAILED, 150, 0); /* said again at a start */
        lives(&p, LIFE_LOG_RESUMED, 200, 90);
        assert_gap(&p, GAP_LOG_FAILED, 100, 200);
        proof_done(&p);
}

static void without_the_journal_it_failed_behind_its_last_record(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_LOG_RESUMED, 200, 90);
        assert_gap(&p, GAP_LOG_FAILED, 90, 200);
        proof_done(&p);
}

static void one_that_is_not_resumed_has_failed_still(void **state)
{
        Proof p = proof_new();

        p.log_has_failed = true;
        lives(&p, LIFE_LOG_FAILED, 3000, 0);
        assert_gap(&p, GAP_LOG_FAILED, 3000, 3600);
        proof_done(&p);
}

/* Its stop is written first, and then it exits. */
static void it_is_away_from_the_first_sign_on(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_AGENT_STOP, 100, 90);
        lives(&p, LIFE_AGENT_EXIT, 130, 0);
        lives(&p, LIFE_AGENT_START, 160, 100);
        assert_gap(&p, GAP_AGENT, 100, 160);
        proof_done(&p);
}

static void a_log_that_has_failed_did_so_behind_its_last_record(void **state)
{
        Proof p = proof_new();

        p.log_has_failed = true;
        assert_gap(&p, GAP_LOG_FAILED, 3590, 3600);
        proof_done(&p);
}

/* Where it begins is known when the log has been read: some gaps are found before. */
static void gaps_are_cut_to_the_time_in_the_end(void **state)
{
        Proof p = proof_new();

        p.since_usec = 0;
        proof_gap(&p, GAP_CLOCK, at(-100), at(50), "");
        proof_gap(&p, GAP_CLOCK, at(-100), at(-50), "");
        p.since_usec = at(0);
        assert_gap(&p, GAP_CLOCK, 0, 50);
        proof_done(&p);
}

/* ---- gates ---- */

static void a_gate_that_observed_is_a_gap(void **state)
{
        Proof p = proof_new();

        gate_is(&p, "operators", true);
        mode(&p, "operators", 100, true, false);
        mode(&p, "operators", 200, false, true);
        mode(&p, "jobs", -50, false, true); /* before the time that is asked for */
        gate_is(&p, "jobs", true);
        assert_gap(&p, GAP_GATE, 100, 200);
        assert_string_equal(p.gaps.items[0].detail, "operators");
        proof_done(&p);
}

static void a_gate_that_observes_now_is_one_since(void **state)
{
        Proof p = proof_new();

        gate_is(&p, "operators", false);
        mode(&p, "operators", 100, true, false);
        assert_gap(&p, GAP_GATE, 100, 3600);
        proof_done(&p);
}

static void a_gate_of_which_the_log_says_nothing_was_as_it_is(void **state)
{
        Proof p = proof_new();

        gate_is(&p, "operators", false);
        gate_is(&p, "jobs", true);
        assert_gap(&p, GAP_GATE, 0, 3600);
        proof_done(&p);
}

static void before_a_gate_was_there_nothing_is_proved(void **state)
{
        Proof p = proof_new();

        gate_is(&p, "operators", true);
        mode(&p, "operators", 100, false, false);
        mode(&p, "operators", 200, false, true);
        assert_gap(&p, GAP_GATE, 0, 200);
        proof_done(&p);
}

static void a_gate_that_was_removed_is_a_gap_from_then_on(void **state)
{
        Proof p = proof_new();

        mode(&p, "operators", 100, true, false);
        p.modes.items[0].is_gone = true;
        assert_gap(&p, GAP_GATE, 100, 3600);
        proof_done(&p);
}

static void but_none_where_it_was_gone_before(void **state)
{
        Proof p = proof_new();

        mode(&p, "operators", -100, true, false);
        p.modes.items[0].is_gone = true;
        assert_proved(&p);
        proof_done(&p);
}

/* Its file was edited while the agent was away: that is nowhere written. */
static void a_mode_that_nobody_recorded_holds_since_the_last_start(void **state)
{
        Proof p = proof_new();

        gate_is(&p, "operators", false);
        mode(&p, "operators", -100, false, true);
        lives(&p, LIFE_AGENT_STOP, 995, 990);
        lives(&p, LIFE_AGENT_START, 1000, 995);
        assert_gap(&p, GAP_GATE, 1000, 3600);
        proof_done(&p);

        p = proof_new();
        gate_is(&p, "operators", true);
        mode(&p, "operators", -100, true, false);
        lives(&p, LIFE_AGENT_STOP, 995, 990);
        lives(&p, LIFE_AGENT_START, 1000, 995);
        assert_gap(&p, GAP_GATE, 0, 1000);
        proof_done(&p);
}

/* ---- witnesses ---- */

static void a_witness_that_is_missing_is_a_gap(void **state)
{
        Proof p = proof_new();

        p.witnesses[WITNESS_WTMP].is_there = false;
        assert_gap(&p, GAP_WITNESS, 0, 3600);
        proof_done(&p);
}

static void one_that_is_none_here_is_not(void **state)
{
        Proof p = proof_new();

        p.witnesses[WITNESS_AUDIT] = (WitnessState){ .detail = "none" };
        assert_proved(&p);
        proof_done(&p);
}

/* Nobody can tell what runs now; of the time before the others can. */
static void one_of_now_is_missing_now(void **state)
{
        Proof p = proof_new();

        p.witnesses[WITNESS_SESSIONS].is_there = false;
        assert_gap(&p, GAP_WITNESS, 3600, 3600);
        assert_true(p.covered >= 1);
        proof_done(&p);
}

static void a_journal_that_was_rotated_away_is_a_gap(void **state)
{
        Proof p = proof_new();

        p.boots.items[0].first_usec = at(600);
        assert_gap(&p, GAP_WITNESS, 0, 600);
        proof_done(&p);
}

/* The host was up, says the log; a boot of the journal is gone. */
static void a_boot_that_only_the_log_knows_is_a_gap(void **state)
{
        Proof p = proof_new();
        Boot *b = proof_add(&p, boots);
        int64_t *t = proof_add(&p, record_times);

        p.boots.items[0].last_usec = at(100);
        *b = (Boot){ .first_usec = at(900), .last_usec = at(3600) };
        *t = at(500);
        assert_gap(&p, GAP_WITNESS, 100, 900);
        proof_done(&p);
}

static void records_at_its_edges_do_not_count(void **state)
{
        Proof p = proof_new();
        Boot *b = proof_add(&p, boots);
        int64_t *t = proof_add(&p, record_times);

        p.boots.items[0].last_usec = at(100);
        *b = (Boot){ .first_usec = at(900), .last_usec = at(3600) };
        *t = at(160);
        t = proof_add(&p, record_times);
        *t = at(840);
        assert_proved(&p);
        proof_done(&p);
}

/* ---- the share ---- */

static void gaps_that_overlap_count_once(void **state)
{
        Proof p = proof_new();

        proof_gap(&p, GAP_CLOCK, at(0), at(900), "");
        proof_gap(&p, GAP_WITNESS, at(450), at(1800), "");
        proof_gap(&p, GAP_WITNESS, at(500), at(600), "");
        proof_gap(&p, GAP_WITNESS, at(-100), at(4000), "clipped");
        proof_judge(&p);
        assert_true(p.covered <= 0);
        proof_done(&p);

        p = proof_new();
        proof_gap(&p, GAP_CLOCK, at(0), at(900), "");
        proof_gap(&p, GAP_WITNESS, at(450), at(1800), "");
        proof_judge(&p);
        assert_true(p.covered == 0.5);
        proof_done(&p);
}

static void a_gap_outside_of_the_time_is_none(void **state)
{
        Proof p = proof_new();

        proof_gap(&p, GAP_CLOCK, at(-10), at(-1), "");
        proof_gap(&p, GAP_CLOCK, at(3601), at(3700), "");
        assert_proved(&p);
        proof_done(&p);
}

static void a_share_is_never_rounded_up(void **state)
{
        char text[16];

        assert_string_equal(proof_percent(1.0, text), "100.00");
        assert_string_equal(proof_percent(0.999999, text), "99.99");
        assert_string_equal(proof_percent(0.5, text), "50.00");
        assert_string_equal(proof_percent(0, text), "0.00");
        assert_string_equal(proof_percent(-0.1, text), "0.00");
}

static void a_leak_outranks_missing_evidence(void **state)
{
        Proof p = proof_new();

        lives(&p, LIFE_AGENT_STOP, 100, 90);
        lives(&p, LIFE_AGENT_START, 160, 100);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 120, 130);
        proof_judge(&p);
        assert_int_equal(proof_answer(&p), PROVE_LEAK);
        proof_done(&p);
}

static void json_says_all_of_it(void **state)
{
        Proof p = proof_new();
        json_t *j;

        lives(&p, LIFE_AGENT_STOP, 100, 90);
        lives(&p, LIFE_AGENT_START, 160, 100);
        seen(&p, WITNESS_PAM, "svc-deploy", "ssh", 439, 120, -1);
        seen(&p, WITNESS_PAM, "\xff\n", "ssh", 440, 120, 130);
        proof_judge(&p);
        j = proof_json(&p);
        assert_non_null(j);
        assert_string_equal(json_string_value(json_object_get(j, "answer")), "leak");
        assert_int_equal(json_array_size(json_object_get(j, "findings")), 1);
        assert_int_equal(json_array_size(json_object_get(j, "gaps")), 1);
        assert_int_equal(json_array_size(json_object_get(j, "witnesses")), WITNESS_N);
        assert_true(json_is_null(
                json_object_get(json_array_get(json_object_get(j, "findings"), 0), "end")));
        assert_string_equal(json_string_value(json_object_get(
                                    json_array_get(json_object_get(j, "not_ours"), 0), "account")),
                            "\xef\xbf\xbd\\u000a");
        json_decref(j);
        proof_done(&p);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_agent_that_was_away_is_a_gap),
                cmocka_unit_test(an_agent_that_was_started_anew_is_none),
                cmocka_unit_test(a_moment_longer_is_no_restart),
                cmocka_unit_test(a_crash_is_a_gap_from_the_last_record_on),
                cmocka_unit_test(or_from_where_pid_1_saw_it_exit),
                cmocka_unit_test(what_it_writes_before_its_start_is_no_sign_of_life),
                cmocka_unit_test(an_agent_that_does_not_answer_is_away_now),
                cmocka_unit_test(one_that_stopped_is_away_however_short),
                cmocka_unit_test(while_the_host_is_off_nothing_is_missing),
                cmocka_unit_test(but_a_boot_without_the_agent_is_a_gap),
                cmocka_unit_test(what_was_before_the_log_is_a_gap),
                cmocka_unit_test(a_log_that_failed_is_a_gap_until_it_was_resumed),
                cmocka_unit_test(without_the_journal_it_failed_behind_its_last_record),
                cmocka_unit_test(one_that_is_not_resumed_has_failed_still),
                cmocka_unit_test(it_is_away_from_the_first_sign_on),
                cmocka_unit_test(a_log_that_has_failed_did_so_behind_its_last_record),
                cmocka_unit_test(gaps_are_cut_to_the_time_in_the_end),
                cmocka_unit_test(a_gate_that_observed_is_a_gap),
                cmocka_unit_test(a_gate_that_observes_now_is_one_since),
                cmocka_unit_test(a_gate_of_which_the_log_says_nothing_was_as_it_is),
                cmocka_unit_test(before_a_gate_was_there_nothing_is_proved),
                cmocka_unit_test(a_gate_that_was_removed_is_a_gap_from_then_on),
                cmocka_unit_test(but_none_where_it_was_gone_before),
                cmocka_unit_test(a_mode_that_nobody_recorded_holds_since_the_last_start),
                cmocka_unit_test(a_witness_that_is_missing_is_a_gap),
                cmocka_unit_test(one_that_is_none_here_is_not),
                cmocka_unit_test(one_of_now_is_missing_now),
                cmocka_unit_test(a_journal_that_was_rotated_away_is_a_gap),
                cmocka_unit_test(a_boot_that_only_the_log_knows_is_a_gap),
                cmocka_unit_test(records_at_its_edges_do_not_count),
                cmocka_unit_test(gaps_that_overlap_count_once),
                cmocka_unit_test(a_gap_outside_of_the_time_is_none),
                cmocka_unit_test(a_share_is_never_rounded_up),
                cmocka_unit_test(a_leak_outranks_missing_evidence),
                cmocka_unit_test(json_says_all_of_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
