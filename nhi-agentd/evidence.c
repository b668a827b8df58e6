/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/evidence-internal.h"

#include "nhi-agentd/event-fields.h"

#include "lib/base/macro.h"

/* On a disk that has failed, at stop, so many syncs are waited for. */
#define RESERVE_PENDING_MAX 64u

#ifdef NHI_TEST
bool evidence_is_slow;
#endif

/* On its way to the disk. */
typedef struct Pending {
        Evidence *evidence;
        EvidenceDone done; /* NULL: nobody waits */
        void *userdata;
        LogUse *use; /* that it takes, or NULL */
        size_t size; /* of the body, where it is kept should it not be written */
        char body[];
} Pending;

static void on_written(void *userdata, int r)
{
        Pending *p = userdata;

        if (p->use)
                log_uses_settle(log_uses(p->evidence->log), p->use, r == 0);
        if (r < 0 && r != -ECANCELED)
                carry_add(p->evidence, p->body, p->size);
        else if (r == 0 && p->evidence->first && log_error(p->evidence->log, NULL) == 0)
                carry_flush(p->evidence);
        if (p->done)
                p->done(p->userdata, r);
        free(p);
}

/* The set that a record cites: it is kept as long as the record is. */
static const char *cited(const Event *e)
{
        const Grant *g = event_grant(e);

        return g ? g->set_hash : e->set;
}

static void make_body(Evidence *v, const Event *e)
{
        Event whole = *e;

        whole.boot = v->boot;
        event_record(&whole, &v->body);
}

/* What make_body() made, on its way: r of the call. */
static int enqueue(Evidence *v, const Event *e, Pending *p)
{
        const LogBody *b = &v->body;
        const unsigned flags = p->size > 0 ? LOG_APPEND_NOTICE : 0;

        if (p->use)
                return log_append_use(v->log, b->data, b->size, cited(e), p->use, e->use,
                                      on_written, p);
        return log_append(v->log, b->data, b->size, cited(e), flags, on_written, p);
}

/* What make_body() made of e. use is settled when it is written, or where this fails the caller's.
 * While the log has failed nobody waits for what goes to the reserve. */
static int append(Evidence *v, const Event *e, LogUse *use, EvidenceDone done, void *userdata)
{
        const bool is_kept = carry_is_due(e) && !use;
        const int error = log_error(v->log, NULL);
        Pending *p = malloc(sizeof(*p) + (is_kept ? v->body.size : 0));
        int r = -EBUSY;

        if (!p)
                return -ENOMEM;
        *p = (Pending){
                .evidence = v, .done = error < 0 ? NULL : done, .userdata = userdata, .use = use
        };
        if (is_kept) {
                p->size = v->body.size;
                memcpy(p->body, v->body.data, v->body.size);
        }
        if (error == 0 || log_n_pending(v->log) < RESERVE_PENDING_MAX)
                r = enqueue(v, e, p);
        if (r < 0) {
                carry_add(v, p->body, p->size);
                free(p);
        }
        return error < 0 ? error : r;
}

int evidence_append(Evidence *v, const Event *e, EvidenceDone done, void *userdata)
{
        int r;

        if (!v->log)
                return -ECANCELED;
        make_body(v, e);
        r = append(v, e, NULL, done, userdata);
        if (r == 0)
                agent_tell(v->agent, e);
        return r;
}

/* By these the log says whose session it was. */
#define USE_NAMES (UINT64_C(1) << LOG_FIELD_GRANT | UINT64_C(1) << LOG_FIELD_ISSUER)

int evidence_append_use(Evidence *v, const Event *e, EvidenceDone done, void *userdata)
{
        const Grant *g = event_grant(e);
        Event whole = *e;
        LogUse *use = NULL;
        int r;

        if (!v->log)
                return -ECANCELED;
        r = log_uses_take(log_uses(v->log), g->issuer, g->jti, g->exp_sec, &use, &whole.use);
        if (r < 0)
                return r;
        make_body(v, &whole);
        /* Whose session it is could not be told from the log. */
        r = v->body.cut & USE_NAMES ? -EMSGSIZE : append(v, &whole, use, done, userdata);
        if (r < 0)
                log_uses_settle(log_uses(v->log), use, false);
        else
                agent_tell(v->agent, &whole);
        return r;
}

uint32_t evidence_n_uses(const Evidence *v, const Grant *g)
{
        return v && v->log && g->issuer ? log_uses_count(log_uses(v->log), g->issuer, g->jti) : 0;
}

typedef struct Forget {
        const Agent *agent;
        int64_t before_sec;
} Forget;

static bool is_forgettable(void *userdata, const char *issuer, const char *jti, int64_t *until_sec)
{
        const Forget *f = userdata;
        const Grant *g = agent_grant(f->agent, jti);

        if (g && g->exp_sec > *until_sec)
                *until_sec = g->exp_sec;
        return !g && *until_sec < f->before_sec;
}

void evidence_forget_uses(Evidence *v, int64_t before_sec)
{
        Forget f = { .agent = v->agent, .before_sec = before_sec };

        /* What a set has that could not be verified is not known. */
        for (size_t i = 0; i < v->agent->config->n_issuers; i++)
                if (!v->agent->issuers[i].set)
                        return;
        if (v->log)
                log_uses_forget(log_uses(v->log), is_forgettable, &f);
}

void evidence_note(Evidence *v, const Event *e)
{
        if (!v->log)
                return;
        make_body(v, e);
        (void)append(v, e, NULL, NULL, NULL);
}

void evidence_settle(Evidence *v)
{
#ifdef NHI_TEST
        if (evidence_is_slow)
                return;
#endif
        if (v->log)
                log_settle(v->log);
}

int evidence_sign(const Evidence *v, const char *typ, const char *text, size_t size, char **ret)
{
        return v->log ? jws_sign(&v->key, typ, text, size, ret) : -ECANCELED;
}

void evidence_view(const Evidence *v, EvidenceView *ret)
{
        *ret = (EvidenceView){ .error = -ECANCELED,
                               .why = "the log is not open yet",
                               .key = &v->key.public,
                               .n_carried = v->n_carried,
                               .n_lost = v->n_lost };
        if (!v->log)
                return;
        ret->error = log_error(v->log, &ret->why);
        if (ret->error != 0 && v->why[0])
                ret->why = v->why;
        log_head(v->log, &ret->head);
}
