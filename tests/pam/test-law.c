/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The law as a table (L1 L2, P01): every cell, every cause, and what is in no table. */

#include "pam_nhi/law.h"

#include "lib/base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <security/pam_modules.h>

typedef struct Line {
        Phase phase;
        int granted, denied, fault, bad_name;
} Line;

/* The law, line by line. */
static const Line lines[PHASE_N] = {
        { PHASE_AUTHENTICATE, PAM_IGNORE, PAM_PERM_DENIED, PAM_AUTHINFO_UNAVAIL, PAM_USER_UNKNOWN },
        { PHASE_SETCRED, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE },
        { PHASE_ACCOUNT, PAM_SUCCESS, PAM_PERM_DENIED, PAM_AUTHINFO_UNAVAIL, PAM_USER_UNKNOWN },
        { PHASE_OPEN_SESSION, PAM_SUCCESS, PAM_PERM_DENIED, PAM_AUTHINFO_UNAVAIL, PAM_PERM_DENIED },
        { PHASE_CLOSE_SESSION, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS, PAM_SUCCESS },
        { PHASE_CHAUTHTOK, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE, PAM_IGNORE },
};

static void law_answers_each_cell_as_it_is_written_P01(void **state)
{
        for (size_t i = 0; i < ELEMENTSOF(lines); i++) {
                const Line *l = &lines[i];

                assert_int_equal(law_code(l->phase, OUTCOME_GRANTED), l->granted);
                assert_int_equal(law_code(l->phase, OUTCOME_DENIED), l->denied);
                assert_int_equal(law_code(l->phase, OUTCOME_FAULT), l->fault);
                assert_int_equal(law_code(l->phase, OUTCOME_BAD_NAME), l->bad_name);
                assert_int_equal(law_code(l->phase, OUTCOME_LEFT_ALONE), PAM_IGNORE);
        }
}

static void law_fails_in_three_words_that_sudo_and_sshd_respect_L1(void **state)
{
        static const Phase deciding[] = { PHASE_AUTHENTICATE, PHASE_ACCOUNT, PHASE_OPEN_SESSION };
        static const Outcome failures[] = { OUTCOME_DENIED, OUTCOME_FAULT, OUTCOME_BAD_NAME };

        for (size_t p = 0; p < ELEMENTSOF(deciding); p++)
                for (size_t o = 0; o < ELEMENTSOF(failures); o++) {
                        const int code = law_code(deciding[p], failures[o]);

                        assert_true(code == PAM_PERM_DENIED || code == PAM_AUTHINFO_UNAVAIL ||
                                    code == PAM_USER_UNKNOWN);
                }
}

static void law_never_proves_who_somebody_is_L2(void **state)
{
        for (int o = 0; o < OUTCOME_N; o++)
                assert_int_not_equal(law_code(PHASE_AUTHENTICATE, (Outcome)o), PAM_SUCCESS);
}

static void law_denies_what_is_in_no_line_and_no_column(void **state)
{
        static const int beyond[] = { -1, 99, INT32_MIN, INT32_MAX };

        assert_int_equal(law_code(PHASE_N, OUTCOME_GRANTED), PAM_PERM_DENIED);
        assert_int_equal(law_code(PHASE_ACCOUNT, OUTCOME_N), PAM_PERM_DENIED);
        for (size_t i = 0; i < ELEMENTSOF(beyond); i++) {
                assert_int_equal(law_code((Phase)beyond[i], OUTCOME_GRANTED), PAM_PERM_DENIED);
                assert_int_equal(law_code(PHASE_ACCOUNT, (Outcome)beyond[i]), PAM_PERM_DENIED);
        }
}

static void law_takes_an_unknown_cause_for_a_denial(void **state)
{
        static const int beyond[] = { CAUSE_N, -1, 99 };

        assert_int_equal(CAUSE_DENIED, 0);
        for (size_t i = 0; i < ELEMENTSOF(beyond); i++) {
                const Cause cause = (Cause)beyond[i];

                assert_int_equal(cause_outcome(cause), OUTCOME_DENIED);
                assert_string_equal(cause_token(cause), cause_token(CAUSE_DENIED));
                assert_string_equal(cause_sentence(cause), cause_sentence(CAUSE_DENIED));
                assert_string_equal(cause_advice(cause), cause_advice(CAUSE_DENIED));
        }
}

static void law_grants_by_one_cause_and_leaves_alone_by_one(void **state)
{
        for (int c = 0; c < CAUSE_N; c++) {
                const Outcome outcome = cause_outcome((Cause)c);

                assert_int_equal(outcome == OUTCOME_GRANTED, c == CAUSE_GRANTED);
                assert_int_equal(outcome == OUTCOME_LEFT_ALONE, c == CAUSE_LEFT_ALONE);
                if (outcome == OUTCOME_GRANTED || outcome == OUTCOME_LEFT_ALONE)
                        continue;
                /* Who is kept out hears why, and what to do. */
                assert_true(*cause_token((Cause)c) && *cause_sentence((Cause)c) &&
                            *cause_advice((Cause)c));
        }
}

static void law_has_a_word_for_every_phase(void **state)
{
        for (int p = 0; p < PHASE_N; p++)
                assert_string_not_equal(phase_word((Phase)p), "unknown");
        assert_string_equal(phase_word(PHASE_ACCOUNT), "account");
        assert_string_equal(phase_word(PHASE_N), "unknown");
        assert_string_equal(phase_word((Phase)-1), "unknown");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(law_answers_each_cell_as_it_is_written_P01),
                cmocka_unit_test(law_fails_in_three_words_that_sudo_and_sshd_respect_L1),
                cmocka_unit_test(law_never_proves_who_somebody_is_L2),
                cmocka_unit_test(law_denies_what_is_in_no_line_and_no_column),
                cmocka_unit_test(law_takes_an_unknown_cause_for_a_denial),
                cmocka_unit_test(law_grants_by_one_cause_and_leaves_alone_by_one),
                cmocka_unit_test(law_has_a_word_for_every_phase),
        };

        return cmocka_run_group_tests_name("law", tests, NULL, NULL);
}
