/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/request-answer.h"

#include "lib/base/macro.h"

#include <stdio.h>
#include <time.h>

const char *answer_phase_name(const WireRequest *w)
{
        static const char *const names[] = {
                [WIRE_PHASE_AUTHENTICATE] = "authenticate",
                [WIRE_PHASE_ACCOUNT] = "account",
                [WIRE_PHASE_OPEN_SESSION] = "open-session",
                [WIRE_PHASE_CLOSE_SESSION] = "close-session",
        };

        if (w->type == WIRE_COMMAND)
                return "command";
        return w->phase < ELEMENTSOF(names) ? names[w->phase] : NULL;
}

EventKind answer_event_kind(uint32_t mode, Verdict verdict)
{
        if (mode == WIRE_MODE_EXEMPT)
                return EVENT_EXEMPTION;
        if (verdict == VERDICT_ALLOW)
                return EVENT_DECISION;
        return mode == WIRE_MODE_OBSERVE ? EVENT_WOULD_DENY : EVENT_DENIAL;
}

static bool gives_groups(const Grant *g)
{
        for (size_t i = 0; g && i < g->n_terms; i++)
                if (g->terms[i].type == TERM_GROUP)
                        return true;
        return false;
}

static void denial_message(Reason reason, char *ret, size_t size)
{
        const char *advice = reason_advice(reason);

        (void)snprintf(ret, size, "%s (%s)%s%s", reason_sentence(reason), reason_token(reason),
                       *advice ? "; " : "", advice);
}

void answer_message(const RequestData *d, const Decision *decision, char *ret, size_t size)
{
        const time_t end = (time_t)decision->end_sec;
        char until[32] = "";
        struct tm tm;

        ret[0] = '\0';
        if (decision->verdict != VERDICT_ALLOW) {
                denial_message(decision->reason, ret, size);
                return;
        }
        /* Processes that carry a granted group end with the grant: say so at login. */
        if (d->access.kind == REQUEST_SESSION && !d->access.elevation &&
            gives_groups(decision->grant) && gmtime_r(&end, &tm) &&
            strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
                (void)snprintf(ret, size,
                               "group memberships of this grant, and every process that carries "
                               "them, end at %s",
                               until);
}

static int reply_send(Peer *p, const WireReply *reply, uint8_t *buffer, size_t capacity)
{
        size_t size = 0;

        if (wire_reply_encode(reply, buffer, capacity, &size) != 0) {
                peer_close(p);
                return -EMSGSIZE;
        }
        return peer_reply(p, buffer, size);
}

int answer_send(Peer *p, const RequestData *d, const Decision *decision, uint64_t id,
                const char *jti, uint8_t *buffer, size_t capacity)
{
        const bool allowed = decision->verdict == VERDICT_ALLOW;
        char message[512];
        WireReply reply = {
                .type = WIRE_VERDICT,
                .nonce = d->wire.nonce,
                .verdict = allowed ? VERDICT_ALLOW : VERDICT_DENY,
                .decision = id,
                .until_sec = allowed && decision->end_sec > 0 ? (uint64_t)decision->end_sec : 0,
                .subject = wire_text(d->subject),
                .reason = wire_text(reason_token(decision->reason)),
        };

        answer_message(d, decision, message, sizeof(message));
        reply.message = wire_text(message);
        if (allowed)
                reply.jti = wire_text(jti);
        return reply_send(p, &reply, buffer, capacity);
}

void answer_refuse(Peer *p, const WireRequest *w, const char *subject, Reason reason,
                   uint8_t *buffer, size_t capacity)
{
        char message[512];
        WireReply reply = {
                .type = WIRE_VERDICT,
                .nonce = w->nonce,
                .verdict = VERDICT_DENY,
                .subject = wire_text(subject),
                .reason = wire_text(reason_token(reason)),
        };

        denial_message(reason, message, sizeof(message));
        reply.message = wire_text(message);
        (void)reply_send(p, &reply, buffer, capacity);
}
