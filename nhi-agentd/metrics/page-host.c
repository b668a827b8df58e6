/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One number of the host each. */

#include "nhi-agentd/metrics/page-internal.h"

#include "lib/base/macro.h"
#include "nhi-agentd/control/control.h"
#include "nhi-agentd/journal.h"

static int64_t get_start(const Page *p)
{
        return p->agent->started_sec;
}

static int64_t get_grants(const Page *p)
{
        return (int64_t)control_n_active(p->agent, p->now);
}

static int64_t get_accounts(const Page *p)
{
        return (int64_t)p->agent->store.n_accounts;
}

static int64_t get_sessions(const Page *p)
{
        return p->agent->sessions ? (int64_t)sessions_count(p->agent->sessions) : 0;
}

static int64_t get_locked(const Page *p)
{
        return (int64_t)p->agent->locked.n;
}

static int64_t get_generation(const Page *p)
{
        return (int64_t)p->agent->generation;
}

static int64_t get_clock_behind(const Page *p)
{
        return agent_clock_is_behind(p->agent, p->now);
}

static int64_t get_config_refused(const Page *p)
{
        return *p->agent->config_error != '\0';
}

static int64_t get_can_tie(const Page *p)
{
        return p->agent->sessions && sessions_can_tie(p->agent->sessions);
}

static int64_t get_dropped(const Page *p)
{
        return (int64_t)journal_dropped(p->agent->journal);
}

static int64_t get_log_failed(const Page *p)
{
        return p->log.error != 0;
}

static int64_t get_log_failures(const Page *p)
{
        return (int64_t)p->agent->tally.n_log_failures;
}

static int64_t get_log_sequence(const Page *p)
{
        return (int64_t)p->log.head.chain.seq;
}

static int64_t get_log_carried(const Page *p)
{
        return (int64_t)p->log.n_carried;
}

static int64_t get_log_lost(const Page *p)
{
        return (int64_t)p->log.n_lost;
}

static int64_t get_started(const Page *p)
{
        return (int64_t)p->agent->tally.n_started;
}

static int64_t get_ended(const Page *p)
{
        return (int64_t)p->agent->tally.n_ended;
}

static int64_t get_survivors(const Page *p)
{
        return (int64_t)p->agent->tally.n_survivors;
}

static const struct {
        Family family;
        int64_t (*get)(const Page *p);
} of_host[] = {
        { { "nhi_start_timestamp_seconds", METRIC_GAUGE, "seconds", "When the agent started." },
          get_start },
        { { "nhi_grants", METRIC_GAUGE, "", "Grants that are active." }, get_grants },
        { { "nhi_accounts", METRIC_GAUGE, "", "Accounts that the sets in force define." },
          get_accounts },
        { { "nhi_sessions", METRIC_GAUGE, "", "Sessions under grants." }, get_sessions },
        { { "nhi_locked", METRIC_GAUGE, "", "Accounts and grants that are locked on this host." },
          get_locked },
        { { "nhi_snapshot_generation", METRIC_GAUGE, "",
            "Generation of the identity snapshot that was made last." },
          get_generation },
        { { "nhi_clock_behind", METRIC_GAUGE, "",
            "1: the clock is behind what verified sets have proved, and no access begins." },
          get_clock_behind },
        { { "nhi_config_refused", METRIC_GAUGE, "",
            "1: the last configuration was refused, and the one before it is in force." },
          get_config_refused },
        { { "nhi_sessions_possible", METRIC_GAUGE, "",
            "0: sessions cannot be tied to grants, and none begins." },
          get_can_tie },
        { { "nhi_sessions_started", METRIC_COUNTER, "", "Sessions that began." }, get_started },
        { { "nhi_sessions_ended", METRIC_COUNTER, "", "Sessions that ended, by whatever." },
          get_ended },
        { { "nhi_survivors", METRIC_COUNTER, "", "Processes that an end did not end in time." },
          get_survivors },
        { { "nhi_log_failed", METRIC_GAUGE, "",
            "1: the decision log cannot be written, and no gated access begins." },
          get_log_failed },
        { { "nhi_log_failures", METRIC_COUNTER, "", "How often the decision log failed." },
          get_log_failures },
        { { "nhi_log_sequence", METRIC_GAUGE, "", "Number of the decision log's last record." },
          get_log_sequence },
        { { "nhi_log_carried", METRIC_GAUGE, "",
            "Records kept in memory while the decision log has failed." },
          get_log_carried },
        { { "nhi_log_lost", METRIC_COUNTER, "",
            "Events that are in the journal only, for the decision log had failed." },
          get_log_lost },
        { { "nhi_journal_dropped", METRIC_COUNTER, "",
            "Events that could not be sent to the journal." },
          get_dropped },
};

void page_put_host(Page *p)
{
        for (size_t i = 0; i < ELEMENTSOF(of_host); i++) {
                page_begin(p, &of_host[i].family);
                metric_sample(&p->text, NULL, 0, of_host[i].get(p));
        }
}
