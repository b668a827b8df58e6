/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The orderly end, as at every upgrade. A request that was taken and not answered is a login that
 * fails; so who is in is answered first. */

#include "nhi-agentd/agent.h"
#include "nhi-agentd/event.h"
#include "nhi-agentd/listener.h"
#include "nhi-agentd/request.h"
#include "nhi-agentd/sets.h"
#include "nhi-agentd/shed.h"

/* The modules wait 2 s: whoever has no answer then has gone. */
#define STOP_USEC 2500000u

static void stop_now(Agent *a)
{
        const Event e = { .kind = EVENT_AGENT_STOP };

        /* While the log still takes it. */
        shed_flush(requests_shed(a->requests));
        sets_flush_refused(a->sets);
        agent_record(a, &e);
        (void)sd_event_exit(a->event, 0);
}

static bool is_busy(const Agent *a)
{
        return requests_count(a->requests) > 0 || listener_n_peers(a->listener, PEER_PAM) > 0 ||
               listener_n_peers(a->listener, PEER_KEYS) > 0;
}

static int on_progress(sd_event_source *source, void *userdata)
{
        if (!is_busy(userdata))
                stop_now(userdata);
        return 0;
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
        stop_now(userdata);
        return 0;
}

void agent_stop(Agent *a)
{
        const bool again = a->stopping;

        a->stopping = true;
        listener_stop(a->listener);
        if (again || !is_busy(a) || sd_event_add_post(a->event, NULL, on_progress, a) < 0 ||
            sd_event_add_time_relative(a->event, NULL, CLOCK_MONOTONIC, STOP_USEC, 0, on_deadline,
                                       a) < 0)
                stop_now(a);
}
