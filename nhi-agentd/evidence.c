/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/evidence.h"

#include "nhi-agentd/agent.h"

#include "lib/base/macro.h"

#ifdef NHI_TEST
bool evidence_is_slow;
#endif

typedef struct Pending {
        struct Pending *next;
        EvidenceDone done;
        void *userdata;
} Pending;

struct Evidence {
        Agent *agent;
        sd_event_source *source; /* armed while somebody waits */
        Pending *first, **last;
        size_t n;
};

static Pending *take_first(Evidence *v)
{
        Pending *p = v->first;

        if (!p)
                return NULL;
        v->first = p->next;
        if (!v->first)
                v->last = &v->first;
        v->n--;
        return p;
}

/* Those who waited when this began; who comes meanwhile waits for the next turn. */
static void tell_waiting(Evidence *v)
{
        for (size_t n = v->n; n > 0; n--) {
                Pending *p = take_first(v);

                p->done(p->userdata, 0);
                free(p);
        }
        if (v->n == 0)
                (void)sd_event_source_set_enabled(v->source, SD_EVENT_OFF);
}

static int on_recorded(sd_event_source *source, void *userdata)
{
        Evidence *v = userdata;

        tell_waiting(v);
        return v->n > 0 ? sd_event_source_set_enabled(source, SD_EVENT_ONESHOT) : 0;
}

void evidence_settle(Evidence *v)
{
#ifdef NHI_TEST
        if (evidence_is_slow)
                return;
#endif
        tell_waiting(v);
}

int evidence_new(Agent *a, Evidence **ret)
{
        Evidence *v = calloc(1, sizeof(*v));
        int r;

        if (!v)
                return -ENOMEM;
        v->agent = a;
        v->last = &v->first;
        r = sd_event_add_defer(a->event, &v->source, on_recorded, v);
        if (r >= 0)
                r = sd_event_source_set_enabled(v->source, SD_EVENT_OFF);
        if (r < 0) {
                evidence_free(v);
                return r;
        }
        (void)sd_event_source_set_description(v->source, "evidence-recorded");
        *ret = v;
        return 0;
}

Evidence *evidence_free(Evidence *v)
{
        Pending *p;

        if (!v)
                return NULL;
        while ((p = take_first(v))) {
                p->done(p->userdata, -ECANCELED);
                free(p);
        }
        sd_event_source_disable_unref(v->source);
        free(v);
        return NULL;
}

int evidence_append(Evidence *v, const Event *e, EvidenceDone done, void *userdata)
{
        Pending *p;
        int r;

        if (v->n >= EVIDENCE_PENDING_MAX)
                return -EBUSY;
        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        r = sd_event_source_set_enabled(v->source, SD_EVENT_ONESHOT);
        if (r < 0) {
                free(p);
                return r;
        }
        agent_record(v->agent, e);
        *p = (Pending){ .done = done, .userdata = userdata };
        *v->last = p;
        v->last = &p->next;
        v->n++;
        return 0;
}
