/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why: one table of reason codes. The token is what logs, replies and nhictl carry; the sentence is
 * what a denied person reads; the advice is what to do next. REASON_NO_GRANT is 0: a zeroed
 * decision denies for it. */

/* X(NAME, "token", "sentence", "what to do next") */
#define REASONS(X)                                                                                 \
        X(NO_GRANT, "no-grant", "there is no active grant for this account",                       \
          "ask for one: nhictl grant ACCOUNT --for 30m ...")                                       \
        X(GRANTED, "granted", "a grant allows this", "")                                           \
        X(NOT_YET, "not-yet", "the grant has not begun", "wait until its begin: nhictl mine")      \
        X(EXPIRED, "expired", "the grant has ended", "ask for a new grant")                        \
        X(REVOKED, "revoked", "the grant was revoked", "ask whoever revoked it")                   \
        X(GIVEN_BACK, "given-back", "the grant was given back by its holder",                      \
          "ask for a new grant")                                                                   \
        X(LOCKED, "locked", "the account or grant is locked on this host",                         \
          "ask an administrator of this host: nhictl status")                                      \
        X(OUTSIDE_WINDOW, "outside-window", "the grant is not valid at this time of the week",     \
          "see its windows: nhictl mine")                                                          \
        X(SERVICE_NOT_GRANTED, "service-not-granted", "the grant is not for this service",         \
          "ask for a grant with --service")                                                        \
        X(FROM_NOT_GRANTED, "from-not-granted", "the grant is not for this origin address",        \
          "connect from a granted address or ask for --from")                                      \
        X(KEY_NOT_GRANTED, "key-not-granted", "this ssh key does not belong to the grant",         \
          "use the granted key or ask for --ssh-key")                                              \
        X(RUN_AS_NOT_GRANTED, "run-as-not-granted", "the grant is not for this target user",       \
          "ask for a grant with --run-as")                                                         \
        X(GROUP_NOT_GRANTED, "run-as-group-not-granted", "the grant is not for this target group", \
          "run without -g or ask for a grant that names the group")                                \
        X(COMMAND_NOT_GRANTED, "command-not-granted", "the grant is not for this command",         \
          "run exactly a granted command: nhictl mine")                                            \
        X(EDIT_NOT_GRANTED, "edit-not-granted", "the grant does not allow to edit this file",      \
          "ask for a grant whose edit list names the file")                                        \
        X(PLUGIN_MISSING, "sudo-plugin-missing",                                                   \
          "the grant is narrower than root and sudo_nhi is not configured on this host",           \
          "an administrator runs: nhictl sudo enable")                                             \
        X(UNIT_NOT_GRANTED, "unit-not-granted", "the grant is not for this systemd unit",          \
          "ask for a grant with --unit")                                                           \
        X(USER_MANAGER_NOT_GRANTED, "user-manager-not-granted",                                    \
          "no grant allows a user manager for this account", "nothing: logins work without it")    \
        X(MAX_SESSIONS, "max-sessions", "the grant's sessions are all used",                       \
          "ask for a new grant")                                                                   \
        X(UID_MISMATCH, "uid-mismatch", "the account's uid is not the one the set defines",        \
          "an administrator runs: nhictl doctor")                                                  \
        X(SET_STALE, "set-stale", "the host has not heard from its source for too long",           \
          "an administrator looks at: nhictl status")                                              \
        X(NO_SET, "no-set", "the host has no verified grant set yet",                              \
          "an administrator looks at: nhictl status")                                              \
        X(CLOCK, "clock", "the host's clock is behind what its source has proved",                 \
          "an administrator sets the clock")                                                       \
        X(BAD_NAME, "bad-name", "the account name is not usable", "check the name")                \
        X(BAD_REQUEST, "bad-request", "the request was malformed",                                 \
          "an administrator checks that module and agent are of one version")                      \
        X(BUSY, "busy", "the agent has too many requests", "try again")                            \
        X(FLOOD, "too-many-denials", "too many requests of this kind were denied in a short time", \
          "stop what repeats them; a second later each is judged again")                           \
        X(SESSION_UNKNOWN, "session-unknown", "the session could not be tied to the grant",        \
          "an administrator looks at nhictl status and at the journal of nhi-agentd")              \
        X(EVIDENCE_FAILED, "evidence-failed", "the decision could not be recorded",                \
          "an administrator looks at: nhictl status")

typedef enum Reason {
#define REASON_ENUM(name, token, sentence, advice) REASON_##name,
        REASONS(REASON_ENUM)
#undef REASON_ENUM
                REASON_N
} Reason;

/* Never NULL: an unknown value gives those of BAD_REQUEST. */
const char *reason_token(Reason r);
const char *reason_sentence(Reason r);
const char *reason_advice(Reason r);
/* -1 where there is no such token. */
int reason_from_token(const char *token);
