/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The PAM module. Each entry point is options, one exchange, one table from verdict to PAM code.
 *
 *  E1 Who is ungated, exempt or only observed MUST be left alone, whatever else is wrong, and MUST
 *     NOT wait for the agent.
 *  E2 Who is gated MUST be denied unless the agent said "allow".
 *  E3 PAM callers that are not root (a database, a screen locker) MUST be left alone: they give
 *     nobody access to this host, and cannot ask the agent. */

#include "lib/base/macro.h"
#include "pam_nhi/environ.h"
#include "pam_nhi/exchange.h"
#include "pam_nhi/member.h"
#include "pam_nhi/tell.h"

#define PAM_EXPORT __attribute__((visibility("default")))

/* Outside elevation the account is the same in every phase (P06). */
static bool name_changed(const Call *c)
{
        if (c->elevation || !c->binding)
                return false;
        return !streq(c->binding->user, c->user ? c->user : "");
}

/* Was the account that the first phase saw gated? Then becoming an ungated one is no way out. */
static bool was_gated(const Call *c)
{
        Subject before;
        GateMode mode;

        subject_init_name(&before, c->binding->user);
        mode = subject_mode(&before, c->class, NULL, 0);
        subject_done(&before);
        return mode == GATE_ENFORCE;
}

static bool is_gated(const Call *c)
{
        return c->mode == GATE_ENFORCE || c->caller_mode == GATE_ENFORCE ||
               (name_changed(c) && was_gated(c));
}

static Cause subject_cause(const Subject *s)
{
        if (s->state == SUBJECT_BAD || (s->name[0] && !name_is_sane(s->name)))
                return CAUSE_BAD_NAME;
        if (s->state == SUBJECT_ABSENT)
                return CAUSE_UNKNOWN_NAME;
        return s->state == SUBJECT_RESOLVED ? CAUSE_GRANTED : CAUSE_CANNOT_ASK;
}

/* What stands in the way of asking at all; CAUSE_GRANTED where nothing does. */
static Cause check_question(const Call *c)
{
        Cause cause = CAUSE_GRANTED;

        if (!name_is_sane(c->user))
                return CAUSE_BAD_NAME;
        if (!c->class)
                return CAUSE_BAD_SERVICE;
        if (c->mode == GATE_ENFORCE)
                cause = subject_cause(&c->subject);
        if (cause == CAUSE_GRANTED && c->caller_mode == GATE_ENFORCE)
                cause = subject_cause(&c->caller);
        if (cause != CAUSE_GRANTED)
                return cause;
        if (name_changed(c))
                return CAUSE_NAME_CHANGED;
        return c->options.unknown ? CAUSE_BAD_OPTION : CAUSE_GRANTED;
}

static Cause judge(Call *c)
{
        Cause cause = check_question(c);

        if (cause != CAUSE_GRANTED)
                return cause;
        if (c->phase == PHASE_CLOSE_SESSION) {
                if (c->mode == GATE_ENFORCE)
                        exchange_notify(c, WIRE_MODE_ENFORCE);
                return CAUSE_GRANTED;
        }
        return exchange_ask(c);
}

/* Evidence of what is left alone: observed ones where access is decided, exempt ones once a login.
 */
static void notice(Call *c)
{
        bool deciding = c->phase == PHASE_ACCOUNT || c->phase == PHASE_OPEN_SESSION;

        if (!deciding || !c->class)
                return;
        if (c->mode == GATE_OBSERVE)
                exchange_notify(c, WIRE_MODE_OBSERVE);
        if (c->mode == GATE_EXEMPT && c->binding && !c->binding->noticed) {
                c->binding->noticed = true;
                exchange_notify(c, WIRE_MODE_EXEMPT);
        }
}

static int run(pam_handle_t *pamh, Phase phase, int flags, int argc, const char **argv)
{
        int saved = errno;
        Cause cause = CAUSE_LEFT_ALONE;
        Call c;

        if (geteuid() != 0)
                return law_code(phase, OUTCOME_LEFT_ALONE);

        call_init(&c, pamh, phase, flags, argc, argv);
        if (is_gated(&c))
                cause = judge(&c);
        else
                notice(&c);
        environ_put(&c, cause);
        tell_log(&c, cause);
        tell_exempt_problem(&c, cause);
        tell_person(&c, cause);
        if (cause == CAUSE_GRANTED || cause == CAUSE_LEFT_ALONE)
                tell_members(&c);
        call_done(&c);
        errno = saved;
        return law_code(phase, cause_outcome(cause));
}

PAM_EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        return run(pamh, PHASE_AUTHENTICATE, flags, argc, argv);
}

PAM_EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        return law_code(PHASE_SETCRED, OUTCOME_LEFT_ALONE);
}

PAM_EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        return run(pamh, PHASE_ACCOUNT, flags, argc, argv);
}

PAM_EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        return run(pamh, PHASE_OPEN_SESSION, flags, argc, argv);
}

PAM_EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        return run(pamh, PHASE_CLOSE_SESSION, flags, argc, argv);
}

PAM_EXPORT int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
        return law_code(PHASE_CHAUTHTOK, OUTCOME_LEFT_ALONE);
}
