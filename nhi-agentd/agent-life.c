/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From nothing to serving, and back. */

#include "nhi-agentd/agent.h"

#include "nhi-agentd/control/denials.h"
#include "nhi-agentd/ended.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/expiry.h"
#include "nhi-agentd/journal.h"
#include "nhi-agentd/leftovers.h"
#include "nhi-agentd/listener.h"
#include "nhi-agentd/member/member.h"
#include "nhi-agentd/metrics/metrics.h"
#include "nhi-agentd/publish.h"
#include "nhi-agentd/report.h"
#include "nhi-agentd/request.h"
#include "nhi-agentd/sets.h"
#include "nhi-agentd/standing.h"
#include "nhi-agentd/state.h"
#include "nhi-agentd/watch.h"
#include "nhi-agentd/writer.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <stdio.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

IssuerState *agent_issuers_new(size_t n)
{
        IssuerState *issuers = calloc(n + 1, sizeof(*issuers));

        for (size_t i = 0; issuers && i < n; i++)
                issuers[i].archive_fd = -EBADF;
        return issuers;
}

void agent_issuers_free(IssuerState *issuers, size_t n)
{
        for (size_t i = 0; issuers && i < n; i++) {
                grant_set_free(issuers[i].set);
                free(issuers[i].narrowed.items);
                free(issuers[i].revoked.items);
                free(issuers[i].lessened.grants);
                grant_set_free(issuers[i].lessened_owner);
                revocation_list_free(issuers[i].list);
                set_bytes_free(issuers[i].list_unsaved);
                key_list_free(issuers[i].keys);
                set_bytes_free(issuers[i].keys_unsaved);
                freshness_free(issuers[i].fresh);
                freshness_free(issuers[i].fresh_next);
                freshness_free(issuers[i].fresh_later);
                closep(&issuers[i].archive_fd);
        }
        free(issuers);
}

/* The threads go first: what they still hold is answered while everything else stands. */
Agent *agent_free(Agent *a)
{
        if (!a)
                return NULL;
        requests_stop(a->requests);
        sets_stop(a->sets);
        a->listener = listener_free(a->listener);
        a->reports = reports_free(a->reports);
        a->evidence = evidence_free(a->evidence);
        a->watch = watch_free(a->watch);
        a->expiry = expiry_free(a->expiry);
        a->reconciled = false;
        a->worker = writer_free(a->worker);
        a->writer = writer_free(a->writer);
        a->ended = ended_free(a->ended);
        a->sets = sets_free(a->sets);
        a->publisher = publisher_free(a->publisher);
        a->members = members_free(a->members);
        a->sessions = sessions_free(a->sessions);
        a->leftovers = leftovers_free(a->leftovers); /* which the sessions told of their ends */
        a->requests = requests_free(a->requests);
        standing_free(a->standing);
        agent_issuers_free(a->issuers, a->config ? a->config->n_issuers : 0);
        idmap_free(a->idmap);
        localdb_free(a->local);
        state_free(a->state);
        denials_free(a->denials);
        journal_free(a->journal);
        metrics_free(a->metrics); /* last of the threads: a path that hangs loses nothing else */
        config_free(a->config);
        if (a->lock_fd >= 0)
                (void)close(a->lock_fd);
        sd_event_unref(a->event);
        free(a);
        return NULL;
}
DEFINE_CLEANUP(Agent *, agent_free)

/* What needs nothing of the agent; then its parts, which hold on to it, in the order in which they
 * are made. */
#define AGENT_STORES(X) X(state) X(idmap) X(denials)
#define AGENT_PARTS(X)                                                                             \
        X(members)                                                                                 \
        X(publisher)                                                                               \
        X(ended)                                                                                   \
        X(leftovers) X(sets) X(evidence) X(reports) X(requests) X(expiry) X(listener) X(metrics)

#define STORE_MAKE(name)                                                                           \
        static int make_##name(Agent *a)                                                           \
        {                                                                                          \
                return name##_new(&a->name);                                                       \
        }
#define PART_MAKE(name)                                                                            \
        static int make_##name(Agent *a)                                                           \
        {                                                                                          \
                return name##_new(a, &a->name);                                                    \
        }
AGENT_STORES(STORE_MAKE)
AGENT_PARTS(PART_MAKE)

static int make_journal(Agent *a)
{
        return journal_new(PATH_JOURNAL_SOCK, &a->journal);
}

static int make_writer(Agent *a)
{
        return writer_new(a->event, "nhi-disk", &a->writer);
}

static int make_worker(Agent *a)
{
        return writer_new(a->event, "nhi-verify", &a->worker);
}

#define MAKE(name) make_##name,
static int (*const makers[])(Agent *) = { AGENT_STORES(MAKE) make_journal, make_writer, make_worker,
                                          AGENT_PARTS(MAKE) };

int agent_new(sd_event *event, Config *config, Agent **ret)
{
        _cleanup_(agent_freep) Agent *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->lock_fd = -EBADF;
        a->event = sd_event_ref(event);
        a->started_sec = now_realtime_usec() / (int64_t)USEC_PER_SEC;
        a->issuers = agent_issuers_new(config->n_issuers);
        if (!a->issuers)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(makers); i++) {
                int r = makers[i](a);

                if (r < 0)
                        return r;
        }
        a->config = config; /* last: on failure it stays the caller's */
        *ret = TAKE_PTR(a);
        return 0;
}

/* ---- start ------------------------------------------------------------------------------------
 */

static void agent_fail(Agent *a, int r)
{
        if (a->on_failed)
                a->on_failed(a, r);
        else
                (void)sd_event_exit(a->event, r);
}

/* What should be dead is dead by now: publish, then listen, then say so. */
static void on_reconciled(void *userdata, int bus)
{
        Agent *a = userdata;
        Event e = { .kind = EVENT_AGENT_START,
                    .code = members_lost(a->members) ? "members-lost" : NULL,
                    .detail = bus < 0 ? "without the system bus" : members_lost(a->members) };
        int r;

        a->reconciled = true;
        reports_begin(a->reports);
        r = publish_sources(a->config);
        /* Before the first refresh, which leaves it to the thread: who is let in finds the gates
         * and identities that there are now. */
        if (r == 0)
                r = publish_now(a->publisher);
        if (r == 0)
                members_review(a->members);
        if (r == 0)
                r = listener_start(a->listener);
        if (r < 0) {
                e = (Event){ .kind = EVENT_AGENT_STOP,
                             .code = "start-failed",
                             .detail = strerror(-r) };
                agent_record(a, &e);
                agent_fail(a, r);
                return;
        }
        agent_record(a, &e);
        a->serving = true;
        metrics_configure(a->metrics);
        (void)sd_notify(0, "READY=1");
        agent_refresh(a);
}

/* PID 1 made it, where it is systemd. agent_load() judges what there is. */
static void make_run_dir(void)
{
        if (mkdir(PATH_RUN_DIR, 0755) == 0)
                (void)chmod(PATH_RUN_DIR, 0755);
}

int agent_start(Agent *a, char ret_error[static AGENT_ERROR_MAX])
{
        SessionsHost host = agent_sessions_host(a);
        int r;

        means_detect(&host.means);
        if (host.means.kind != MEANS_PID1)
                make_run_dir();
        r = agent_load(a, ret_error);
        if (r < 0)
                return r;
        r = sessions_new(a->event, &host, PATH_SESSIONS_RUN, &a->sessions);
        if (r == 0)
                r = sessions_start(a->sessions, on_reconciled, a);
        if (r < 0)
                (void)snprintf(ret_error, AGENT_ERROR_MAX, "sessions: %s", strerror(-r));
        return r;
}
