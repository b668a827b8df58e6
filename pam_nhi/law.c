/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*  L1 For a gated subject every failure MUST be PERM_DENIED, AUTHINFO_UNAVAIL or USER_UNKNOWN:
 *     sudo and sshd let NEW_AUTHTOK_REQD, AUTHTOK_EXPIRED and SESSION_ERR through.
 *  L2 SUCCESS MUST come from authenticate never: what we check is no proof of who somebody is. */

#include "pam_nhi/law.h"

#include <security/pam_modules.h>

/* The columns of pam_nhi(8), RESULTS. */
static const int law[PHASE_N][OUTCOME_N] = {
        [PHASE_AUTHENTICATE] = { [OUTCOME_GRANTED] = PAM_IGNORE,
                                 [OUTCOME_DENIED] = PAM_PERM_DENIED,
                                 [OUTCOME_FAULT] = PAM_AUTHINFO_UNAVAIL,
                                 [OUTCOME_BAD_NAME] = PAM_USER_UNKNOWN,
                                 [OUTCOME_LEFT_ALONE] = PAM_IGNORE },
        [PHASE_SETCRED] = { [OUTCOME_GRANTED] = PAM_IGNORE,
                            [OUTCOME_DENIED] = PAM_IGNORE,
                            [OUTCOME_FAULT] = PAM_IGNORE,
                            [OUTCOME_BAD_NAME] = PAM_IGNORE,
                            [OUTCOME_LEFT_ALONE] = PAM_IGNORE },
        [PHASE_ACCOUNT] = { [OUTCOME_GRANTED] = PAM_SUCCESS,
                            [OUTCOME_DENIED] = PAM_PERM_DENIED,
                            [OUTCOME_FAULT] = PAM_AUTHINFO_UNAVAIL,
                            [OUTCOME_BAD_NAME] = PAM_USER_UNKNOWN,
                            [OUTCOME_LEFT_ALONE] = PAM_IGNORE },
        [PHASE_OPEN_SESSION] = { [OUTCOME_GRANTED] = PAM_SUCCESS,
                                 [OUTCOME_DENIED] = PAM_PERM_DENIED,
                                 [OUTCOME_FAULT] = PAM_AUTHINFO_UNAVAIL,
                                 [OUTCOME_BAD_NAME] = PAM_PERM_DENIED,
                                 [OUTCOME_LEFT_ALONE] = PAM_IGNORE },
        [PHASE_CLOSE_SESSION] = { [OUTCOME_GRANTED] = PAM_SUCCESS,
                                  [OUTCOME_DENIED] = PAM_SUCCESS,
                                  [OUTCOME_FAULT] = PAM_SUCCESS,
                                  [OUTCOME_BAD_NAME] = PAM_SUCCESS,
                                  [OUTCOME_LEFT_ALONE] = PAM_IGNORE },
        [PHASE_CHAUTHTOK] = { [OUTCOME_GRANTED] = PAM_IGNORE,
                              [OUTCOME_DENIED] = PAM_IGNORE,
                              [OUTCOME_FAULT] = PAM_IGNORE,
                              [OUTCOME_BAD_NAME] = PAM_IGNORE,
                              [OUTCOME_LEFT_ALONE] = PAM_IGNORE },
};

static const char *const phase_words[PHASE_N] = {
        [PHASE_AUTHENTICATE] = "authenticate",
        [PHASE_SETCRED] = "setcred",
        [PHASE_ACCOUNT] = "account",
        [PHASE_OPEN_SESSION] = "open_session",
        [PHASE_CLOSE_SESSION] = "close_session",
        [PHASE_CHAUTHTOK] = "chauthtok",
};

typedef struct CauseRow {
        Outcome outcome;
        const char *token, *sentence, *advice;
} CauseRow;

static const CauseRow causes[CAUSE_N] = {
#define CAUSE_ROW(name, outcome, token, sentence, advice)                                          \
        { OUTCOME_##outcome, token, sentence, advice },
        CAUSES(CAUSE_ROW)
#undef CAUSE_ROW
};

static const CauseRow *cause_row(Cause cause)
{
        return (unsigned)cause < CAUSE_N ? &causes[cause] : &causes[CAUSE_DENIED];
}

Outcome cause_outcome(Cause cause)
{
        return cause_row(cause)->outcome;
}

const char *cause_token(Cause cause)
{
        return cause_row(cause)->token;
}

const char *cause_sentence(Cause cause)
{
        return cause_row(cause)->sentence;
}

const char *cause_advice(Cause cause)
{
        return cause_row(cause)->advice;
}

int law_code(Phase phase, Outcome outcome)
{
        if ((unsigned)phase >= PHASE_N || (unsigned)outcome >= OUTCOME_N)
                return PAM_PERM_DENIED;
        return law[phase][outcome];
}

const char *phase_word(Phase phase)
{
        return (unsigned)phase < PHASE_N ? phase_words[phase] : "unknown";
}
