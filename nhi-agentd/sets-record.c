/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is written down of one offered set. */

#include "nhi-agentd/evidence.h"
#include "nhi-agentd/report.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/io.h"

#include <stdio.h>

void offer_record_refused(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        char detail[SET_DETAIL_MAX + 1100];
        Event e = { .kind = EVENT_SET_REFUSED, .code = o->error.code, .detail = detail };

        (void)snprintf(detail, sizeof(detail), "%s: %s", a->config->issuers[o->index].issuer,
                       o->error.detail);
        s->refused = o->error;
        s->refused_sec = o->now.real_usec / (int64_t)USEC_PER_SEC;
        agent_record(a, &e);
        reports_changed(a->reports, o->index);
        offer_answer(o, "refused %s %s", o->error.code, o->error.detail);
}

static void record_entry(Agent *a, const char *code, const char *detail)
{
        const Event e = { .kind = EVENT_QUARANTINE, .code = code, .detail = detail };

        agent_record(a, &e);
}

/* First: of many records the last may be dropped. */
static void record_untold(Agent *a, size_t n, size_t n_told)
{
        char detail[128];

        if (n <= n_told)
                return;
        (void)snprintf(detail, sizeof(detail),
                       "%zu more entries, %zu in all, are not told one by one", n - n_told, n);
        record_entry(a, "more", detail);
}

static void record_quarantine(Offer *o)
{
        const GrantSet *set = o->set;
        char detail[1200];

        record_untold(o->sets->agent, set->n_quarantined, set->n_quarantine);
        for (size_t i = 0; i < set->n_quarantine; i++) {
                const Quarantine *q = &set->quarantine[i];

                (void)snprintf(detail, sizeof(detail), "%s: %s", q->entry,
                               q->detail ? q->detail : "");
                record_entry(o->sets->agent, q->code, detail);
        }
}

static void record_hidden(Offer *o)
{
        const Hidden *h = &o->hidden;
        char detail[2400];

        record_untold(o->sets->agent, h->n, h->n_told);
        for (size_t i = 0; i < h->n_told; i++) {
                const Grant *g = h->told[i];
                const Grant *heard = grant_store_grant(&o->standing->store, g->jti);

                (void)snprintf(
                        detail, sizeof(detail),
                        "grant %s of %s: %s, which comes first in agentd.conf, uses this jti, "
                        "too, and is heard",
                        g->jti, g->issuer, heard->issuer);
                record_entry(o->sets->agent, "jti-collision", detail);
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
