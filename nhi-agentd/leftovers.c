/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/leftovers.h"

#include "nhi-agentd/session/unit-start.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#define RUN_SEC_MAX 600 /* longer than the unit may run: the clock was set */

struct Leftovers {
        Agent *agent;
        sd_event_source *timer;
        uint64_t started_usec; /* CLOCK_MONOTONIC; 0: never */
        uint64_t took_usec;    /* until the last run told the last that it found */
        int64_t ended_sec;     /* the last session that ended */
};

int leftovers_new(Agent *a, Leftovers **ret)
{
        Leftovers *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->agent = a;
        *ret = l;
        return 0;
}

Leftovers *leftovers_free(Leftovers *l)
{
        if (!l)
                return NULL;
        sd_event_source_disable_unref(l->timer);
        free(l);
        return NULL;
}

uint64_t leftovers_wait_usec(uint64_t last_usec, uint64_t took_usec, uint64_t now_usec)
{
        const uint64_t long_rest = LEFTOVERS_REST_TIMES * took_usec;
        const uint64_t rest = long_rest > LEFTOVERS_REST_USEC ? long_rest : LEFTOVERS_REST_USEC;
        const uint64_t rested =
                last_usec > 0 && last_usec <= now_usec ? now_usec - last_usec : rest;
        const uint64_t left = rested < rest ? rest - rested : 0;

        return left > LEFTOVERS_DELAY_USEC ? left : LEFTOVERS_DELAY_USEC;
}

/* Without a bus, or without the unit, nobody looks: nhictl leftovers does when it is called. */
static int on_leftovers_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        Leftovers *l = userdata;

        l->timer = sd_event_source_disable_unref(l->timer);
        if (sessions_start_unit(l->agent->sessions, LEFTOVERS_UNIT) >= 0)
                l->started_usec = now_monotonic_usec();
        return 0;
}

static void leftovers_arm(Leftovers *l)
{
        if (l->timer)
                return;
        if (sd_event_add_time_relative(
                    l->agent->event, &l->timer, CLOCK_MONOTONIC,
                    leftovers_wait_usec(l->started_usec, l->took_usec, now_monotonic_usec()),
                    USEC_PER_SEC, on_leftovers_timer, l) >= 0)
                (void)sd_event_source_set_description(l->timer, "leftovers");
}

void leftovers_session_ended(Leftovers *l)
{
        if (!l)
                return;
        l->ended_sec = now_realtime_usec() / (int64_t)USEC_PER_SEC;
        leftovers_arm(l);
}

void leftovers_reported(Leftovers *l, int64_t begin_sec)
{
        const int64_t took_sec = now_realtime_usec() / (int64_t)USEC_PER_SEC - begin_sec;

        if (!l)
                return;
        l->took_usec =
                took_sec > 0 && took_sec <= RUN_SEC_MAX ? (uint64_t)took_sec * USEC_PER_SEC : 0;
        if (l->ended_sec >= begin_sec)
                leftovers_arm(l);
}
