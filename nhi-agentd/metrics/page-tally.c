/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was counted since the agent started, and the gates. */

#include "nhi-agentd/metrics/page-internal.h"

#include "lib/base/macro.h"

static void put_gates(Page *p)
{
        static const Family family = { "nhi_gates", METRIC_GAUGE, "", "Gates by their mode." };
        const Config *c = p->agent->config;
        int64_t n_enforced = 0;

        for (size_t i = 0; i < c->n_gates; i++)
                n_enforced += c->gates[i].mode == GATE_ENFORCE;
        page_begin(p, &family);
        metric_sample(&p->text, &(MetricLabel){ "mode", "enforce" }, 1, n_enforced);
        metric_sample(&p->text, &(MetricLabel){ "mode", "observe" }, 1,
                      (int64_t)c->n_gates - n_enforced);
}

static void put_decisions(Page *p)
{
        static const Family family = { "nhi_decisions", METRIC_COUNTER, "",
                                       "Decisions that were written down, one for each phase." };
        const Tally *t = &p->agent->tally;

        page_begin(p, &family);
        for (size_t v = 0; v < TALLY_VERDICT_N; v++)
                for (size_t c = 0; c < TALLY_CLASS_N; c++) {
                        const MetricLabel labels[] = { { "verdict", tally_verdicts[v] },
                                                       { "class", tally_classes[c] } };

                        metric_sample(&p->text, labels, ELEMENTSOF(labels),
                                      (int64_t)t->decisions[v][c]);
                }
}

static void put_reasons(Page *p, const Family *family, const uint64_t counts[static REASON_N])
{
        page_begin(p, family);
        for (unsigned r = 0; r < REASON_N; r++)
                if (r != REASON_GRANTED)
                        metric_sample(&p->text, &(MetricLabel){ "reason", reason_token((Reason)r) },
                                      1, (int64_t)counts[r]);
}

static void put_counts(Page *p)
{
        static const Family denials = { "nhi_denials", METRIC_COUNTER, "", "Denials by reason." };
        static const Family would = { "nhi_would_deny", METRIC_COUNTER, "",
                                      "What gates in observe mode would have denied, by reason." };
        static const Family sets = { "nhi_sets", METRIC_COUNTER, "",
                                     "Grant sets that were offered, by what became of them." };
        static const Family ends = { "nhi_session_end_seconds", METRIC_HISTOGRAM, "seconds",
                                     "How long it took to end a session of which something was "
                                     "left." };
        const Tally *t = &p->agent->tally;

        put_decisions(p);
        put_reasons(p, &denials, t->denials);
        put_reasons(p, &would, t->would_deny);
        page_begin(p, &sets);
        metric_sample(&p->text, &(MetricLabel){ "result", "accepted" }, 1,
                      (int64_t)t->n_sets_accepted);
        metric_sample(&p->text, &(MetricLabel){ "result", "refused" }, 1,
                      (int64_t)t->n_sets_refused);
        page_begin(p, &ends);
        metric_histogram(&p->text, tally_buckets_msec, t->ended_in, TALLY_BUCKET_N, t->ended_usec);
}

static void put_build(Page *p)
{
        static const Family family = { "nhi_build_info", METRIC_GAUGE, "", "The agent's version." };

        page_begin(p, &family);
        metric_sample(&p->text, &(MetricLabel){ "version", NHI_VERSION }, 1, 1);
}

void page_put_tally(Page *p)
{
        put_build(p);
        put_gates(p);
        put_counts(p);
}
