/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is written down of one offered set, and what of it only counted (refusals.h). */

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

/* What an issuer makes happen here, by what has an allowance of its own. */
typedef enum Told {
        TOLD_REFUSED,
        TOLD_ENTRY,
        TOLD_ENDED,
        TOLD_LIST,
        TOLD_NAMED,
        TOLD_N,
} Told;

static const struct {
        size_t at; /* in IssuerState: Refusals */
        uint32_t burst;
        EventKind kind;
} allowances[TOLD_N] = {
        [TOLD_REFUSED] = { offsetof(IssuerState, refusals), REFUSALS_BURST, EVENT_SET_REFUSED },
        [TOLD_ENTRY] = { offsetof(IssuerState, left_out), REFUSALS_ENTRIES, EVENT_QUARANTINE },
        [TOLD_ENDED] = { offsetof(IssuerState, ended), REFUSALS_GRANTS, EVENT_GRANT_ENDED },
        [TOLD_LIST] = { offsetof(IssuerState, lists), REFUSALS_LISTS, EVENT_REVOCATIONS },
        [TOLD_NAMED] = { offsetof(IssuerState, named), REFUSALS_LISTS, EVENT_GRANT_ENDED },
};

static Refusals *refusals_of(Agent *a, size_t index, Told what)
{
        return (Refusals *)(void *)((char *)&a->issuers[index] + allowances[what].at);
}

static void flush_issuer(Agent *a, size_t index)
{
        const char *issuer = a->config->issuers[index].issuer;
        Refusal r;

        for (Told what = 0; what < TOLD_N; what++)
                while (refusals_next(refusals_of(a, index, what), &r))
                        record_counted(a, allowances[what].kind, issuer, &r);
}

void sets_flush_refused(Sets *s)
{
        Agent *a = s->agent;

        for (size_t i = 0; a->config && i < a->config->n_issuers; i++)
                flush_issuer(a, i);
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

static void record_or_count(Sets *s, size_t index, Told what, const char *code, const Event *e)
{
        Agent *a = s->agent;

        if (refusals_counted(refusals_of(a, index, what), code, allowances[what].burst,
                             agent_now(a)))
                refused_arm(s);
        else
                agent_record(a, e);
}

void sets_record_refused(Sets *s, size_t index, const Event *e)
{
        record_or_count(s, index, TOLD_REFUSED, e->code, e);
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
void sets_record_entry(Sets *s, size_t index, const char *code, const char *detail)
{
        const Event e = { .kind = EVENT_QUARANTINE, .code = code, .detail = detail };

        record_or_count(s, index, TOLD_ENTRY, code, &e);
}

/* So can these: a set that is kept has their ends, or a newer one lacks them. */
void sets_record_ended(Sets *s, const Event *e)
{
        Agent *a = s->agent;
        size_t i = 0;

        while (i < a->config->n_issuers && !streq(a->config->issuers[i].issuer, e->grant->issuer))
                i++;
        if (i < a->config->n_issuers)
                record_or_count(s, i, TOLD_ENDED, e->code, e);
        else
                agent_record(a, e); /* it went with its issuer */
}

void sets_record_list(Sets *s, size_t index, const Event *e)
{
        record_or_count(s, index, TOLD_LIST, "more", e);
}

void sets_record_named(Sets *s, size_t index, const Event *e)
{
        record_or_count(s, index, TOLD_NAMED, e->code, e);
}

/* First: of many records the last may be dropped. */
static void record_untold(const Offer *o, size_t n, size_t n_told)
{
        char detail[128];

        if (n <= n_told)
                return;
        (void)snprintf(detail, sizeof(detail),
                       "%zu more entries, %zu in all, are not told one by one", n - n_told, n);
        sets_record_entry(o->sets, o->index, "more", detail);
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
                sets_record_entry(o->sets, o->index, q->code, detail);
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
                sets_record_entry(o->sets, o->index, "jti-collision", detail);
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
