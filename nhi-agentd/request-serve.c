/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes in on pam.sock, and who may say it (request.h: Q3). */

#include "nhi-agentd/request-answer.h"
#include "nhi-agentd/request-internal.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/service.h"

static void on_gone(void *userdata)
{
        Request *r = userdata;

        r->peer = NULL;
}

static void record_malformed(Agent *a, const struct ucred *who)
{
        const Caller caller = { .pid = who->pid,
                                .uid = who->uid,
                                .gid = who->gid,
                                .pidfd = -EBADF,
                                .loginuid = (uint32_t)-1,
                                .audit_session = (uint32_t)-1 };
        const Event e = {
                .kind = EVENT_DENIAL,
                .has_decision = true,
                .decision = { .reason = REASON_BAD_REQUEST },
                .caller = &caller,
        };

        shed_record(requests_shed(a->requests), 0, &e);
}

/* -EAGAIN: nothing there yet. */
static int receive(Peer *p, Requests *q, WireRequest *ret)
{
        size_t size = 0;
        int r;

        r = datagram_recv(peer_fd(p), q->buffer, sizeof(q->buffer), now_monotonic_usec(), &size);
        if (r == -ETIMEDOUT || r == -EAGAIN)
                return -EAGAIN;
        if (r < 0)
                return r;
        return wire_request_decode(q->buffer, size, ret) == 0 ? 0 : -EBADMSG;
}

static void close_session(Agent *a, Peer *p)
{
        Caller caller = { .pidfd = -EBADF };

        if (a->sessions &&
            caller_read_known(peer_fd(p), peer_credentials(p), false, &caller) == 0) {
                session_close_hint(a->sessions, &caller);
                caller_done(&caller);
        }
        peer_close(p);
}

/* Denied without a decision: its caller has spent its allowance of denials (A08). */
static bool shed(Peer *p, const WireRequest *wire)
{
        Agent *a = peer_agent(p);
        Shed *s = requests_shed(a->requests);
        char service[LABEL_SIZE_MAX + 1], subject[LABEL_SIZE_MAX + 1], buf[SERVICE_SIZE_MAX + 1];
        Event e = {
                .kind = EVENT_DENIAL,
                .account = subject,
                .uid = wire->subject_uid,
                .service = service,
                .phase = answer_phase_name(wire),
                .mode = "enforce",
                .has_decision = true,
                .decision = { .reason = REASON_FLOOD },
        };

        if (wire->mode != WIRE_MODE_ENFORCE || wire->real_uid == 0 ||
            wire_text_copy(wire->service, service, sizeof(service)) < 0 ||
            wire_text_copy(wire->subject, subject, sizeof(subject)) < 0 || !name_is_sane(subject))
                return false;
        e.class = service_class(service, buf);
        if (!e.class || !shed_is_due(s, wire->real_uid, subject, e.class))
                return false;
        shed_record(s, wire->real_uid, &e);
        answer_refuse(p, wire, subject, REASON_FLOOD, requests_buffer(a->requests), WIRE_MSG_MAX);
        return true;
}

/* For the session it is to become, or for the one that it may be in. */
static bool needs_cgroup(const Request *r)
{
        const Agent *a = r->owner->agent;

        return r->data.access.kind == REQUEST_SESSION ||
               (a->sessions && sessions_count(a->sessions) > 0);
}

static void serve_request(Peer *p, const WireRequest *wire)
{
        Agent *a = peer_agent(p);
        Request *r = request_new(a->requests);
        int error;

        if (!r) {
                peer_close(p);
                return;
        }
        r->peer = p;
        r->is_notice = wire->mode != WIRE_MODE_ENFORCE;
        error = request_read(a, wire, &r->data);
        if (error == 0)
                error = caller_read_known(peer_fd(p), peer_credentials(p), needs_cgroup(r),
                                          &r->caller);
        if (error == -EBADMSG)
                record_malformed(a, peer_credentials(p));
        if (error < 0) { /* gone, or nothing that can be judged: no answer is a denial */
                request_free(r);
                return;
        }
        if (r->is_notice)
                peer_close(TAKE_PTR(r->peer));
        else
                peer_hold(p, on_gone, r);
        request_begin(r);
}

void pam_serve(Peer *p)
{
        Agent *a = peer_agent(p);
        WireRequest wire;
        int r;

        if (peer_credentials(p)->uid != owner_trusted()) {
                peer_close(p);
                return;
        }
        r = receive(p, a->requests, &wire);
        if (r == -EAGAIN)
                return;
        if (r == 0 && wire.type == WIRE_PAM && wire.phase == WIRE_PHASE_CLOSE_SESSION) {
                close_session(a, p);
                return;
        }
        if (r == 0 && (wire.type == WIRE_PAM || wire.type == WIRE_COMMAND)) {
                if (!shed(p, &wire))
                        serve_request(p, &wire);
                return;
        }
        if (r == 0 || r == -EBADMSG)
                record_malformed(a, peer_credentials(p));
        peer_close(p);
}
