/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/shed.h"

#include "nhi-agentd/flood.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <stdio.h>

#define PERIOD_USEC USEC_PER_SEC

struct Shed {
        Agent *agent;
        Flood *flood;
        sd_event_source *timer;
        bool armed; /* something is counted */
};

static void on_tally(void *userdata, const FloodTally *t)
{
        const Shed *s = userdata;
        char asked_by[32];
        const Event e = {
                .kind = EVENT_DENIALS,
                .account = *t->source.account ? t->source.account : NULL,
                .uid = t->uid,
                .class = *t->source.class ? t->source.class : NULL,
                .mode = "enforce",
                .has_decision = true,
                .decision = { .verdict = VERDICT_DENY, .reason = t->reason },
                .n_denials = t->n,
                .first_sec = t->first_sec,
                .last_sec = t->last_sec,
                /* Whose flood it is: the account may be somebody else's. */
                .detail = t->source.real_uid != 0 ? asked_by : NULL,
        };

        (void)snprintf(asked_by, sizeof(asked_by), "asked by uid %u", t->source.real_uid);
        agent_record(s->agent, &e);
}

static int on_period(sd_event_source *source, uint64_t usec, void *userdata)
{
        Shed *s = userdata;

        s->armed = false;
        (void)flood_flush(s->flood);
        return 0;
}

int shed_new(Agent *a, Shed **ret)
{
        Shed *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->agent = a;
        r = flood_new(on_tally, s, &s->flood);
        if (r == 0)
                r = sd_event_add_time_relative(a->event, &s->timer, CLOCK_MONOTONIC, PERIOD_USEC, 0,
                                               on_period, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
        if (r < 0) {
                shed_free(s);
                return r;
        }
        (void)sd_event_source_set_description(s->timer, "denials-counted");
        *ret = s;
        return 0;
}

Shed *shed_free(Shed *s)
{
        if (!s)
                return NULL;
        if (s->flood)
                (void)flood_flush(s->flood);
        flood_free(s->flood);
        sd_event_source_disable_unref(s->timer);
        free(s);
        return NULL;
}

void shed_flush(Shed *s)
{
        (void)flood_flush(s->flood);
}

static FloodRate shed_rate(const Shed *s)
{
        const Config *c = s->agent->config;

        return (FloodRate){ .burst = c->denials_burst, .per_sec = c->denials_per_sec };
}

bool shed_is_due(Shed *s, uint32_t real_uid, const char *account, const char *class)
{
        const FloodSource source = { real_uid, account, class };

        return real_uid != 0 && /* D2 */
               flood_is_spent(s->flood, &source, shed_rate(s), now_monotonic_usec());
}

/* Without a timer what is counted is written down at once. */
static void shed_arm(Shed *s)
{
        if (s->armed)
                return;
        s->armed = sd_event_source_set_time_relative(s->timer, PERIOD_USEC) >= 0 &&
                   sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT) >= 0;
        if (!s->armed)
                (void)flood_flush(s->flood);
}

bool shed_counted(Shed *s, uint32_t real_uid, const Event *e)
{
        const FloodSource source = { real_uid, e->account, e->class };

        if (e->kind != EVENT_DENIAL || /* D1 */
            flood_take(s->flood, &source, shed_rate(s), now_monotonic_usec()))
                return false;
        flood_count(s->flood, &source, e->account ? e->uid : UINT32_MAX, e->decision.reason,
                    now_realtime_usec() / (int64_t)USEC_PER_SEC);
        shed_arm(s);
        return true;
}

void shed_record(Shed *s, uint32_t real_uid, const Event *e)
{
        if (!shed_counted(s, real_uid, e))
                agent_record(s->agent, e);
}
