/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is written down of one offered set. */

#include "nhi-agentd/evidence.h"
#include "nhi-agentd/report.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/io.h"

#include <stdio.h>

#ifdef NHI_TEST
uint64_t sets_refused_usec = REFUSALS_BACK_USEC;
#else
static const uint64_t sets_refused_usec = REFUSALS_BACK_USEC;
#endif

static void record_counted(Agent *a, EventKind kind, const char *issuer, const Refusal *r)
{
        char detail[1100];
        const Event e = { .kind = kind,
                          .code = r->code,
                          .detail = detail,
                          .n_denials = r->n,
                          .first_sec = r->first_sec,
                          .last_sec = r->last_sec };

        (void)snprintf(detail, sizeof(detail),
                       "%s: %llu more, which came too fast to be told one by one", issuer,
                       (unsigned long long)r->n);
        agent_record(a, &e);
}

void sets_flush_refused(Sets *s)
{
        Agent *a = s->agent;
        Refusal r;

        for (size_t i = 0; a->issuers && i < a->config->n_issuers; i++) {
                while (refusals_next(&a->issuers[i].refusals, &r))
                        record_counted(a, EVENT_SET_REFUSED, a->config->issuers[i].issuer, &r);
                while (refusals_next(&a->issuers[i].left_out, &r))
                        record_counted(a, EVENT_QUARANTINE, a->config->issuers[i].issuer, &r);
        }
        (void)sd_event_source_set_enabled(s->refused, SD_EVENT_OFF);
}

int sets_on_refused(sd_event_source *source, uint64_t usec, void *userdata)
{
        sets_flush_refused(userdata);
        return 0;
}

/* Without a timer what is counted is written down at once. */
static void refused_arm(Sets *s)
{
        int enabled = SD_EVENT_OFF;

        if (sd_event_source_get_enabled(s->refused, &enabled) >= 0 && enabled != SD_EVENT_OFF)
                return;
        if (sd_event_source_set_time_relative(s->refused, sets_refused_usec) < 0 ||
            sd_event_source_set_enabled(s->refused, SD_EVENT_ONESHOT) < 0)
                sets_flush_refused(s);
}

void sets_record_refused(Sets *s, size_t index, const Event *e)
{
        Agent *a = s->agent;

        if (refusals_counted(&a->issuers[index].refusals, e->code, REFUSALS_BURST, agent_now(a)))
                refused_arm(s);
        else
                agent_record(a, e);
}

void offer_record_refused(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        char detail[SET_DETAIL_MAX + 1100];
        const Event e = { .kind = EVENT_SET_REFUSED, .code = o->error.code, .detail = detail };

        (void)snprintf(detail, sizeof(detail), "%s: %s", a->config->issuers[o->index].issuer,
                       o->error.detail);
        s->refused = o->error;
        s->refused_sec = o->now.real_usec / (int64_t)USEC_PER_SEC;
        /* What was in force is so no longer: nobody's offers may hide that. */
        if (o->again)
                agent_record(a, &e);
        else
                sets_record_refused(o->sets, o->index, &e);
        reports_changed(a->reports, o->index);
        offer_answer(o, "refused %s %s", o->error.code, o->error.detail);
}

/* Those beyond the allowance can be found: the set is kept as long as the log cites it. */
static void record_entry(const Offer *o, const char *code, const char *detail)
{
        Agent *a = o->sets->agent;
        const Event e = { .kind = EVENT_QUARANTINE, .code = code, .detail = detail };

        if (refusals_counted(&a->issuers[o->index].left_out, code, REFUSALS_ENTRIES, agent_now(a)))
                refused_arm(o->sets);
        else
                agent_record(a, &e);
}

/* First: of many records the last may be dropped. */
static void record_untold(const Offer *o, size_t n, size_t n_told)
{
        char detail[128];

        if (n <= n_told)
                return;
        (void)snprintf(detail, sizeof(detail),
                       "%zu more entries, %zu in all, are not told one by one", n - n_told, n);
        record_entry(o, "more", detail);
}

static void record_quarantine(Offer *o)
{
        const GrantSet *set = o->set;
        char detail[1200];

        record_untold(o, set->n_quarantined, set->n_quarantine);
        for (size_t i = 0; i < set->n_quarantine; i++) {
                const Quarantine *q = &set->quarantine[i];

                (void)snprintf(detail, sizeof(detail), "%s: %s", q->entry,
                               q->detail ? q->detail : "");
                record_entry(o, q->code, detail);
        }
}

static void record_hidden(Offer *o)
{
        const Hidden *h = &o->hidden;
        char detail[2400];

        record_untold(o, h->n, h->n_told);
        for (size_t i = 0; i < h->n_told; i++) {
                const Grant *g = h->told[i];
                const Grant *heard = grant_store_grant(&o->standing->store, g->jti);

                (void)snprintf(
                        detail, sizeof(detail),
                        "grant %s of %s: %s, which comes first in agentd.conf, uses this jti, "
                        "too, and is heard",
                        g->jti, g->issuer, heard->issuer);
                record_entry(o, "jti-collision", detail);
        }
}

void offer_record_accepted(Offer *o)
{
        Agent *a = o->sets->agent;
        char detail[1200];
        const Event e = { .kind = EVENT_SET_ACCEPTED, .detail = detail, .set = o->set->hash };

        (void)snprintf(detail, sizeof(detail), "%s version %lld, %zu grants, %zu quarantined, %s",
                       o->set->issuer, (long long)o->set->ver, o->set->n_grants,
                       o->set->n_quarantined, o->set->hash);
        agent_record(a, &e);
        evidence_keep_set(a->evidence, o->set->hash);
        record_quarantine(o);
        record_hidden(o);
}
