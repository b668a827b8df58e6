/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The login behind the caller, as logind knows it. A login is told by its audit session, which su,
 * sudo -i and a channel of a multiplexed ssh connection keep: none of them is a new login. Where
 * the kernel has no audit (some containers), by the session of the caller's cgroup. */

#include "nhictl/confirm/pending.h"

#include <stddef.h>

#define LOGIN_TEXT_MAX      256
#define LOGIN_AUDIT_INVALID UINT32_MAX

typedef struct Login {
        char session[LOGIN_TEXT_MAX]; /* logind's id */
        char user[LOGIN_TEXT_MAX];
        char service[LOGIN_TEXT_MAX]; /* the PAM service: "sshd" */
        char class[LOGIN_TEXT_MAX];   /* "user", "background", ... */
        char remote[LOGIN_TEXT_MAX];  /* "" for a local one */
        uint32_t audit_session;       /* logind's, or LOGIN_AUDIT_INVALID */
        int64_t leader;               /* pid */
        int64_t begun_monotonic_usec;
} Login;

/* X(NAME, "what is wrong and what to do"): why a login confirms nothing. */
#define LOGIN_REFUSALS(X)                                                                          \
        X(NONE, "")                                                                                \
        X(NO_LOGIN, "this was started by no login (cron, a unit, a container without pam_systemd " \
                    "and audit): confirm from a new ssh or console login")                         \
        X(NO_SESSION, "logind knows no session of this login: PAM has no pam_systemd for it, or "  \
                      "logind does not run; confirm from a new ssh or console login that has a "   \
                      "session (loginctl), or go back: nhictl enforce --revert")                   \
        X(NO_PERSON, "this session is of no login of a person: confirm from a new ssh or console " \
                     "login")                                                                      \
        X(ELEVATION, "su, sudo and the like are no new login: confirm from a new ssh or console "  \
                     "login")                                                                      \
        X(OLD, "this login began before the enforcement and proves nothing; a new terminal over "  \
               "an open ssh connection (ControlMaster) is the old login, too. Make a new "         \
               "connection: ssh -o ControlPath=none ...; in Ansible: meta: reset_connection")

typedef enum LoginRefusal {
#define LOGIN_REFUSAL_ENUM(name, sentence) LOGIN_REFUSAL_##name,
        LOGIN_REFUSALS(LOGIN_REFUSAL_ENUM)
#undef LOGIN_REFUSAL_ENUM
} LoginRefusal;

const char *login_refusal_sentence(LoginRefusal r);

/* Who am I? LOGIN_REFUSAL_NONE and *ret, or NO_LOGIN, NO_SESSION. */
LoginRefusal login_find(Login *ret);
/* Does this login prove that one gets in while it is enforced? Pure. */
LoginRefusal login_judge(const Login *login, const Pending *pending);

/* The audit session of a process; LOGIN_AUDIT_INVALID where it has none, or is no more. */
typedef uint32_t (*LoginAuditOf)(int64_t pid);

/* What `loginctl show-session ID...` printed, blocks of NAME=VALUE: the session of this audit
 * session, as logind says or (in containers it does not) as its leader has it; of several the
 * oldest, because sudo -i may have been given one of its own. Where audit_session is
 * LOGIN_AUDIT_INVALID, the session with this id. False where there is none. */
bool login_parse(const char *text, uint32_t audit_session, LoginAuditOf audit_of, const char *id,
                 Login *ret);

/* "session 12 of olga (sshd from 192.0.2.7)". Returns ret. */
char *login_text(const Login *login, char *ret, size_t size);
json_t *login_document(const Login *login);
