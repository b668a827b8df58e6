/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/evidence-internal.h"

#include "nhi-agentd/event-fields.h"

#include "lib/base/macro.h"

#ifdef NHI_TEST
bool evidence_is_slow;
#endif

/* On its way to the disk. */
typedef struct Pending {
        Evidence *evidence;
        EvidenceDone done; /* NULL: nobody waits */
        void *userdata;
        size_t size; /* of the body, where it is kept should it not be written */
        char body[];
} Pending;

static void on_written(void *userdata, int r)
{
        Pending *p = userdata;

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

static int append(Evidence *v, const Event *e, EvidenceDone done, void *userdata)
{
        const bool is_kept = carry_is_due(e);
        Pending *p;
        int r;

        if (!v->log)
                return -ECANCELED;
        make_body(v, e);
        p = malloc(sizeof(*p) + (is_kept ? v->body.size : 0));
        if (!p)
                return -ENOMEM;
        *p = (Pending){ .evidence = v, .done = done, .userdata = userdata };
        if (is_kept) {
                p->size = v->body.size;
                memcpy(p->body, v->body.data, v->body.size);
        }
        r = log_append(v->log, v->body.data, v->body.size, cited(e), 0, on_written, p);
        if (r < 0) {
                carry_add(v, p->body, p->size);
                free(p);
        }
        return r;
}

int evidence_append(Evidence *v, const Event *e, EvidenceDone done, void *userdata)
{
        agent_tell(v->agent, e);
        return append(v, e, done, userdata);
}

void evidence_note(Evidence *v, const Event *e)
{
        (void)append(v, e, NULL, NULL);
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
