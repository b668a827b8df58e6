/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* From what came out to the PAM code: the law, as a table (pam_nhi(8)). */

typedef enum Phase {
        PHASE_AUTHENTICATE = 0,
        PHASE_SETCRED,
        PHASE_ACCOUNT,
        PHASE_OPEN_SESSION,
        PHASE_CLOSE_SESSION,
        PHASE_CHAUTHTOK,
        PHASE_N
} Phase;

typedef enum Outcome {
        OUTCOME_DENIED = 0, /* zeroed means denied */
        OUTCOME_GRANTED,
        OUTCOME_FAULT, /* agent absent, slow, malformed reply; or we could not ask it */
        OUTCOME_BAD_NAME,
        OUTCOME_LEFT_ALONE, /* ungated, exempt, observed, or the caller is not root */
        OUTCOME_N
} Outcome;

/* Every way in which a phase can come out that is not in the agent's own words.
 * X(NAME, outcome, "reason token", "sentence", "what to do next") */
#define CAUSES(X)                                                                                  \
        X(DENIED, DENIED, "denied", "access is denied", "see: nhictl why")                         \
        X(GRANTED, GRANTED, "granted", "", "")                                                     \
        X(LEFT_ALONE, LEFT_ALONE, "left-alone", "", "")                                            \
        X(BAD_NAME, BAD_NAME, "bad-name", "the account name is not usable", "check the name")      \
        X(UNKNOWN_NAME, BAD_NAME, "unknown-name", "there is no such account on this host",         \
          "check the name, or ask for a grant")                                                    \
        X(NAME_CHANGED, DENIED, "name-changed", "the account changed during the login",            \
          "log in again")                                                                          \
        X(BAD_SERVICE, DENIED, "bad-service", "the PAM service name is not usable",                \
          "an administrator checks the program that asked")                                        \
        X(BAD_OPTION, FAULT, "bad-option", "pam_nhi was given an option that it does not know",    \
          "an administrator corrects the pam_nhi lines in /etc/pam.d")                             \
        X(AGENT_ABSENT, FAULT, "agent-absent", "access needs a grant and nhi-agentd is not there", \
          "an administrator with an exempt account runs: systemctl status nhi-agentd")             \
        X(AGENT_SLOW, FAULT, "agent-slow", "access needs a grant and nhi-agentd did not answer",   \
          "an administrator with an exempt account runs: systemctl status nhi-agentd")             \
        X(AGENT_MALFORMED, FAULT, "agent-malformed", "nhi-agentd's answer made no sense",          \
          "an administrator checks that module and agent are of one version")                      \
        X(CANNOT_ASK, FAULT, "cannot-ask", "nhi-agentd could not be asked",                        \
          "try again; an administrator looks at the log")

typedef enum Cause {
#define CAUSE_ENUM(name, outcome, token, sentence, advice) CAUSE_##name,
        CAUSES(CAUSE_ENUM)
#undef CAUSE_ENUM
                CAUSE_N
} Cause;

Outcome cause_outcome(Cause cause);
const char *cause_token(Cause cause);
const char *cause_sentence(Cause cause);
const char *cause_advice(Cause cause);

/* What an entry point returns. Total: whatever is out of range is PAM_PERM_DENIED. */
int law_code(Phase phase, Outcome outcome);
/* The phase's word in log lines. Never NULL. */
const char *phase_word(Phase phase);
