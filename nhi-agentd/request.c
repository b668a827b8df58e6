/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/request.h"

#include "nhi-agentd/evidence.h"
#include "nhi-agentd/request-answer.h"
#include "nhi-agentd/request-internal.h"

int requests_new(Agent *a, Requests **ret)
{
        Requests *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                return -ENOMEM;
        q->agent = a;
        recent_init(&q->recent);
        r = shed_new(a, &q->shed);
        if (r < 0) {
                requests_free(q);
                return r;
        }
        *ret = q;
        return 0;
}

Shed *requests_shed(Requests *q)
{
        return q->shed;
}

uint8_t *requests_buffer(Requests *q)
{
        return q->buffer;
}

size_t requests_count(const Requests *q)
{
        return q->n;
}

Request *request_new(Requests *q)
{
        Request *r = malloc(sizeof(*r));

        if (!r)
                return NULL;
        memset(r, 0, offsetof(Request, data) + REQUEST_DATA_CLEARED);
        r->owner = q;
        r->caller.pidfd = -EBADF;
        r->next = q->first;
        r->self = &q->first;
        if (r->next)
                r->next->self = &r->next;
        q->first = r;
        q->n++;
        return r;
}

void request_free(Request *r)
{
        if (r->peer)
                peer_close(r->peer);
        *r->self = r->next;
        if (r->next)
                r->next->self = r->self;
        r->owner->n--;
        caller_done(&r->caller);
        request_data_done(&r->data);
        free(r);
}

void requests_stop(Requests *q)
{
        if (q)
                q->stopped = true;
}

Requests *requests_free(Requests *q)
{
        if (!q)
                return NULL;
        while (q->first)
                request_free(q->first);
        recent_done(&q->recent);
        shed_free(q->shed);
        free(q);
        return NULL;
}

/* ---- events and answers ------------------------------------------------------------------------
 */

static Event request_event(Request *r)
{
        static const char *const modes[] = {
                [WIRE_MODE_ENFORCE] = "enforce",
                [WIRE_MODE_OBSERVE] = "observe",
                [WIRE_MODE_EXEMPT] = "exempt",
        };
        const RequestData *d = &r->data;
        const Account *ours = grant_store_account(&r->owner->agent->store, d->subject);

        return (Event){
                .kind = answer_event_kind(d->wire.mode, r->decision.verdict),
                .account = d->subject,
                .uid = d->wire.subject_uid,
                .account_kind = ours ? account_kind_name(ours->kind) : NULL,
                .class = d->class,
                .service = d->service,
                .phase = answer_phase_name(&d->wire),
                .target = d->access.target,
                .target_group = d->access.target_group,
                .command = d->asked[0] ? d->asked : NULL,
                .mode = d->wire.mode < ELEMENTSOF(modes) ? modes[d->wire.mode] : NULL,
                .has_decision = d->wire.mode != WIRE_MODE_EXEMPT,
                .decision = r->decision,
                .rhost = d->rhost,
                .tty = d->tty,
                .ruser = d->ruser,
                .caller = &r->caller,
                .decision_id = r->id,
        };
}

static void record(Request *r)
{
        const Event e = request_event(r);

        shed_record(r->owner->shed, r->data.wire.real_uid, &e);
}

static void deny(Request *r, Reason reason)
{
        r->decision =
                (Decision){ .verdict = VERDICT_DENY, .reason = reason, .grant = r->decision.grant };
}

/* The answer leaves; the request is over. */
static int request_answer(Request *r)
{
        Agent *a = r->owner->agent;
        const bool allowed = r->decision.verdict == VERDICT_ALLOW;
        Peer *peer = TAKE_PTR(r->peer);
        int result = -EPIPE;

        if (!allowed && a->sessions && r->data.access.kind == REQUEST_SESSION)
                session_refused(a->sessions, &r->caller, r->data.class);
        if (allowed && peer)
                recent_add(&r->owner->recent, r->id, &r->caller, r->data.subject, r->jti);
        if (peer)
                result = answer_send(peer, &r->data, &r->decision, r->id, r->jti,
                                     requests_buffer(r->owner), WIRE_MSG_MAX);
        request_free(r);
        return result;
}

/* ---- the way of a request ----------------------------------------------------------------------
 */

/* Is it one of so many sessions that the grant allows? */
static bool takes_use(const Request *r, const Decision *d)
{
        return !r->is_notice && d->verdict == VERDICT_ALLOW && d->grant->max_sessions > 0 &&
               r->data.access.kind == REQUEST_SESSION && !streq(r->data.class, "systemd-user");
}

static Decision request_decide(Request *r)
{
        Agent *a = r->owner->agent;
        const HostView view = agent_host_view(a);
        Decision d = decide(&a->store, &view, &r->data.access, agent_now(a));

        /* What cannot be tied would be used up for nothing. */
        if (takes_use(r, &d) && !sessions_can_tie(a->sessions))
                d = (Decision){ .reason = REASON_SESSION_UNKNOWN, .grant = d.grant };
        return d;
}

/* The grant that keep_grant() kept, or NULL: a jti is its issuer's. */
static const Grant *kept_grant(const Request *r)
{
        const Grant *g = agent_grant(r->owner->agent, r->jti);

        return g && g->issuer && streq(g->issuer, r->issuer) ? g : NULL;
}

static void on_session(void *userdata, Reason reason, const char *session_id)
{
        Request *r = userdata;
        Agent *a = r->owner->agent;
        char id[128];

        /* A set may have come into force meanwhile: the one that was decided upon is freed. */
        r->decision.grant = kept_grant(r);
        if (reason != REASON_GRANTED) {
                deny(r, reason);
                record(r);
                (void)request_answer(r);
                return;
        }
        strncpy(id, session_id ? session_id : "", sizeof(id) - 1);
        id[sizeof(id) - 1] = '\0';
        /* Q2: whoever asked counts as denied when the answer cannot reach it. */
        if (request_answer(r) < 0)
                (void)session_end(a->sessions, id, "nobody waited for the answer");
}

static void open_session(Request *r)
{
        Agent *a = r->owner->agent;
        const RequestData *d = &r->data;
        int error = -ENOTCONN;

        if (a->sessions)
                error = session_open(a->sessions, &r->caller, r->decision.grant, &d->access,
                                     d->service, d->rhost, d->tty, r->decision.end_sec,
                                     r->decision.boot_end_usec, on_session, r);
        if (error == 0)
                return;
        deny(r, error == -EBUSY ? REASON_BUSY : REASON_SESSION_UNKNOWN);
        record(r);
        (void)request_answer(r);
}

static void keep_text(char *to, size_t size, const char *text)
{
        const size_t n = text ? strlen(text) : 0;

        to[0] = '\0';
        if (n < size)
                memcpy(to, text ?: "", n + 1);
}

/* Which grant it is, should the set that it is in be freed. */
static void keep_grant(Request *r)
{
        const Grant *g = r->decision.grant;

        keep_text(r->jti, sizeof(r->jti), g ? g->jti : NULL);
        keep_text(r->issuer, sizeof(r->issuer), g ? g->issuer : NULL);
}

/* Recorded: time has passed, and grants may have gone, so decide again. */
static void on_recorded(void *userdata, int error)
{
        Request *r = userdata;
        const Verdict recorded = r->decision.verdict;
        char recorded_jti[sizeof(r->jti)], recorded_issuer[sizeof(r->issuer)];

        memcpy(recorded_jti, r->jti, sizeof(recorded_jti));
        memcpy(recorded_issuer, r->issuer, sizeof(recorded_issuer));
        r->data.access.counted_jti = r->is_counted ? recorded_jti : NULL;
        r->data.access.counted_issuer = r->is_counted ? recorded_issuer : NULL;
        r->decision = request_decide(r);
        r->data.access.counted_jti = r->data.access.counted_issuer = NULL;
        if (error < 0 || r->owner->stopped)
                deny(r, REASON_EVIDENCE_FAILED);
        keep_grant(r);
        /* Q1: an allowing answer has its own record, which names the grant that allows. */
        if (r->decision.verdict == VERDICT_ALLOW &&
            (recorded != VERDICT_ALLOW || !streq(recorded_jti, r->jti) ||
             !streq(recorded_issuer, r->issuer)))
                deny(r, REASON_BUSY);
        if (r->decision.verdict != VERDICT_ALLOW) {
                if (recorded == VERDICT_ALLOW && !r->owner->stopped)
                        record(r);
                (void)request_answer(r);
                return;
        }
        if (r->data.access.kind == REQUEST_SESSION)
                open_session(r);
        else
                (void)request_answer(r);
}

static void on_notice_recorded(void *userdata, int error)
{
        request_free(userdata);
}

static void prefer(Request *r)
{
        Agent *a = r->owner->agent;
        const char *jti =
                recent_find(&r->owner->recent, r->data.wire.decision, &r->caller, r->data.subject);

        if (!jti && a->sessions)
                jti = session_parent_jti(a->sessions, &r->caller);
        if (!jti || strlen(jti) >= sizeof(r->preferred))
                return;
        memcpy(r->preferred, jti, strlen(jti) + 1);
        r->data.access.preferred_jti = r->preferred;
}

static int request_append(Request *r, const Event *e)
{
        Evidence *v = r->owner->agent->evidence;

        if (r->is_notice)
                return evidence_append(v, e, on_notice_recorded, r);
        return r->is_counted ? evidence_append_use(v, e, on_recorded, r)
                             : evidence_append(v, e, on_recorded, r);
}

static void not_recorded(Request *r)
{
        Event e;

        if (!r->is_notice)
                deny(r, REASON_EVIDENCE_FAILED);
        e = request_event(r);
        agent_tell(r->owner->agent, &e);
        if (r->is_notice)
                request_free(r);
        else
                (void)request_answer(r);
}

static void request_judge(Request *r)
{
        Agent *a = r->owner->agent;
        Event e;

        if (r->owner->stopped) {
                request_free(r);
                return;
        }
        r->id = ++a->decision_id;
        prefer(r);
        r->decision = request_decide(r);
        r->is_counted = takes_use(r, &r->decision);
        keep_grant(r);
        e = request_event(r);
        if (shed_counted(r->owner->shed, r->data.wire.real_uid, &e)) {
                (void)request_answer(r);
                return;
        }
        if (request_append(r, &e) < 0)
                not_recorded(r);
}

static void on_unit(void *userdata, int error)
{
        Request *r = userdata;

        /* Without its unit's name the caller is in none that a grant names. */
        if (error == 0 && r->caller.unit[0])
                r->data.access.unit = r->caller.unit;
        request_judge(r);
}

void request_begin(Request *r)
{
        Agent *a = r->owner->agent;

        if (!streq(r->data.class, "unit") || !a->sessions ||
            caller_resolve_unit(a->sessions, &r->caller, on_unit, r) < 0)
                request_judge(r);
}
