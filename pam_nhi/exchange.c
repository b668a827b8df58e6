/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*  X1 An answer that is not a lawful "allow" for this very question MUST NOT grant.
 *  X2 A notice MUST NOT wait for the agent. */

#include "pam_nhi/exchange.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/wire/client.h"

#define VERDICT_ALLOW 1u /* lib/wire/format.h: VERDICT */

/* Heap, because callers' stacks can be small; never cleared as a whole: most of it is room. */
typedef struct Exchange {
        WireExchange wire;
        uint8_t gids[WIRE_GIDS_MAX * sizeof(uint32_t)];
        WireRequest request;
        WireReply reply;
} Exchange;

static const WirePhase wire_phases[PHASE_N] = {
        [PHASE_AUTHENTICATE] = WIRE_PHASE_AUTHENTICATE,
        [PHASE_ACCOUNT] = WIRE_PHASE_ACCOUNT,
        [PHASE_OPEN_SESSION] = WIRE_PHASE_OPEN_SESSION,
        [PHASE_CLOSE_SESSION] = WIRE_PHASE_CLOSE_SESSION,
};

/* A label that is too long is cut: it decides nothing, and must not be a way to be denied. */
static WireText label_of(const char *text, size_t size_max)
{
        WireText t = wire_text(text);

        if (t.size > size_max)
                t.size = size_max;
        return t;
}

static WireText item_label(const Call *c, int item, size_t size_max)
{
        const void *text = NULL;

        if (pam_get_item(c->pamh, item, &text) != PAM_SUCCESS)
                return (WireText){ 0 };
        return label_of(text, size_max);
}

/* The session is the subject's, and is tied to one grant: whoever calls is only asked about. */
static WirePhase phase_for(const Call *c, const Subject *s)
{
        if (s == &c->caller && c->phase == PHASE_OPEN_SESSION)
                return WIRE_PHASE_ACCOUNT;
        return wire_phases[c->phase];
}

/* Fill in the question about s. 0, or non-zero where it cannot be put. Groups go along where a gate
 * had them looked up: asking a directory for them costs more than all the rest of a login. */
static int request_build(Call *c, const Subject *s, WireMode mode, Exchange *x)
{
        x->request = (WireRequest){
                .type = WIRE_PAM,
                .phase = phase_for(c, s),
                .mode = mode,
                .subject_uid = s->account.uid,
                .real_uid = c->real_uid,
                .egid = getegid(),
                .service = wire_text(c->service),
                .subject = wire_text(s->name),
                .target = wire_text(c->user),
                .ruser = item_label(c, PAM_RUSER, 256),
                .rhost = item_label(c, PAM_RHOST, 1024),
                .tty = item_label(c, PAM_TTY, 256),
                /* The PAM environment's, which sshd fills; the process's is the person's. */
                .auth_info = label_of(pam_getenv(c->pamh, "SSH_AUTH_INFO_0"), WIRE_TEXT_MAX),
        };
        if (s == &c->subject && c->phase != PHASE_ACCOUNT && c->binding)
                x->request.decision = c->binding->decision;
        return wire_gids_build(s->account.gids, s->account.n_gids, x->gids, sizeof(x->gids),
                               &x->request.gids);
}

/* What went wrong, from wire_ask()'s answer. */
static Cause cause_of(int r)
{
        switch (r) {
        case 0:
                return CAUSE_GRANTED;
        case -ETIMEDOUT:
                return CAUSE_AGENT_SLOW;
        case -ENOENT:
        case -ECONNREFUSED:
        case -ECONNRESET:
        case -EPIPE:
        case -EAGAIN:
                return CAUSE_AGENT_ABSENT;
        case WIRE_E_MALFORMED:
        case -EMSGSIZE:
                return CAUSE_AGENT_MALFORMED;
        default:
                return CAUSE_CANNOT_ASK;
        }
}

static Cause reply_take(Call *c, const Subject *s, const WireReply *reply)
{
        (void)wire_text_copy(reply->reason, c->reason, sizeof(c->reason));
        (void)wire_text_copy(reply->message, c->message, sizeof(c->message));
        if (reply->verdict != VERDICT_ALLOW)
                return CAUSE_DENIED;
        if (s == &c->subject && c->phase == PHASE_ACCOUNT)
                c->binding->decision = reply->decision;
        if (s == &c->subject && c->phase == PHASE_OPEN_SESSION) {
                (void)wire_text_copy(reply->jti, c->jti, sizeof(c->jti));
                c->until_sec = reply->until_sec;
        }
        return CAUSE_GRANTED;
}

static Cause ask_about(Call *c, const Subject *s, Exchange *x)
{
        Cause cause;

        if (request_build(c, s, WIRE_MODE_ENFORCE, x) != 0)
                return CAUSE_CANNOT_ASK;
        cause = cause_of(wire_ask(PATH_PAM_SOCK, owner_trusted(), &x->request, c->deadline_usec,
                                  &x->wire, &x->reply));
        if (cause != CAUSE_GRANTED)
                return cause;
        return reply_take(c, s, &x->reply);
}

Cause exchange_ask(Call *c)
{
        _cleanup_free_ Exchange *x = malloc(sizeof(*x));
        Cause cause = CAUSE_GRANTED;

        if (!x || !c->binding)
                return CAUSE_CANNOT_ASK;
        if (c->caller_mode == GATE_ENFORCE)
                cause = ask_about(c, &c->caller, x);
        if (cause == CAUSE_GRANTED && c->mode == GATE_ENFORCE)
                cause = ask_about(c, &c->subject, x);
        return cause;
}

void exchange_notify(Call *c, WireMode mode)
{
        _cleanup_free_ Exchange *x = NULL;

        if (c->subject.state != SUBJECT_RESOLVED)
                return;
        x = malloc(sizeof(*x));
        if (!x || request_build(c, &c->subject, mode, x) != 0)
                return;
        (void)wire_notify(PATH_PAM_SOCK, owner_trusted(), &x->request, &x->wire);
}
