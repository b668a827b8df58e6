/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* X2: where there is no evidence, and the share of the time of which there is some. */

#include "lib/base/macro.h"
#include "lib/base/sort.h"
#include "nhictl/prove/words.h"

/* ---- the agent ---- */

static int compare_lives(const void *a, const void *b)
{
        const Life *x = a, *y = b;

        return (x->time_usec > y->time_usec) - (x->time_usec < y->time_usec);
}

/* Less the time in which the host was off: between the last entry of a boot and the first of the
 * next. What is left and longer than a restart is a gap. */
static void agent_gap(Proof *p, int64_t from_usec, int64_t to_usec)
{
        for (size_t i = 0; i < p->boots.n && from_usec < to_usec; i++) {
                const Boot *b = &p->boots.items[i];
                int64_t end = b->last_usec < to_usec ? b->last_usec : to_usec;

                if (i + 1 == p->boots.n)
                        end = to_usec;
                if (from_usec < b->first_usec)
                        from_usec = b->first_usec;
                if (end - from_usec > PROVE_RESTART_USEC)
                        proof_gap(p, GAP_AGENT, from_usec, end, "");
                if (end > from_usec)
                        from_usec = end;
        }
        if (p->boots.n == 0 && to_usec - from_usec > PROVE_RESTART_USEC)
                proof_gap(p, GAP_AGENT, from_usec, to_usec, "");
}

/* Down from its stop, or from where PID 1 saw it exit, until it serves again: what it writes before
 * its agent-start, such as the ends of sessions, is no sign that it was there. Where neither is
 * known, since the last record before. */
static void cover_agent(Proof *p)
{
        int64_t down = 0;
        bool was_up = false;

        for (size_t i = 0; i < p->lives.n; i++) {
                const Life *l = &p->lives.items[i];

                if (l->kind == LIFE_AGENT_STOP || l->kind == LIFE_AGENT_EXIT) {
                        down = down > 0 ? down : l->time_usec;
                } else if (l->kind == LIFE_AGENT_START) {
                        if (down == 0 && was_up)
                                down = l->before_usec;
                        if (down > 0)
                                agent_gap(p, down, l->time_usec);
                        down = 0;
                        was_up = true;
                }
        }
        if (down == 0 && !p->agent_answers)
                down = p->log_last_usec;
        if (down > 0) /* away now: no restart that is over */
                proof_gap(p, GAP_AGENT, down, p->until_usec, "");
}

/* ---- the log ---- */

static void cover_log(Proof *p)
{
        int64_t failed = 0;

        if (!p->log_is_evidence)
                proof_gap(p, GAP_LOG, p->since_usec, p->until_usec, p->log_wrong);
        else if (p->since_usec < p->log_first_usec)
                proof_gap(p, GAP_LOG_BEGIN, p->since_usec, p->log_first_usec, "");
        for (size_t i = 0; i < p->lives.n; i++) {
                const Life *l = &p->lives.items[i];

                if (l->kind == LIFE_LOG_FAILED && failed == 0) {
                        failed = l->time_usec;
                } else if (l->kind == LIFE_LOG_RESUMED) {
                        proof_gap(p, GAP_LOG_FAILED, failed ? failed : l->before_usec, l->time_usec,
                                  "");
                        failed = 0;
                }
        }
        if (failed > 0 || p->log_has_failed)
                proof_gap(p, GAP_LOG_FAILED, failed ? failed : p->log_last_usec, p->until_usec, "");
}

bool proof_gap_at(const Proof *p, GapKind kind, int64_t usec)
{
        for (size_t i = 0; i < p->gaps.n; i++) {
                const Gap *g = &p->gaps.items[i];

                if (g->kind == kind && g->start_usec <= usec && usec <= g->end_usec)
                        return true;
        }
        return false;
}

bool proof_log_is_silent(const Proof *p, int64_t usec)
{
        return !p->log_is_evidence || usec < p->log_first_usec;
}

/* ---- gates ---- */

static int compare_modes(const void *a, const void *b)
{
        const ModeChange *x = a, *y = b;

        return (x->time_usec > y->time_usec) - (x->time_usec < y->time_usec);
}

bool proof_enforced_at(const Proof *p, const char *gate, int64_t usec, bool enforced_now)
{
        bool enforced = enforced_now, is_first = true;

        for (size_t i = 0; i < p->modes.n; i++) {
                const ModeChange *m = &p->modes.items[i];

                if (!streq(m->gate, gate))
                        continue;
                if (m->time_usec > usec)
                        return is_first ? m->was_enforced : enforced;
                enforced = m->is_enforced;
                is_first = false;
        }
        return enforced;
}

static bool is_listed_before(const Proof *p, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (streq(p->modes.items[k].gate, p->modes.items[i].gate))
                        return true;
        return false;
}

static const GateNow *gate_now(const Proof *p, const char *gate)
{
        for (size_t i = 0; i < p->gates.n; i++)
                if (streq(p->gates.items[i].name, gate))
                        return &p->gates.items[i];
        return NULL;
}

/* Before that time it was removed, and it has not come back since: none of ours. */
static bool is_gone_since(const Proof *p, const char *gate, int64_t usec)
{
        const ModeChange *last = NULL;

        for (size_t i = 0; i < p->modes.n; i++)
                if (streq(p->modes.items[i].gate, gate))
                        last = &p->modes.items[i];
        return last && last->is_gone && last->time_usec <= usec;
}

static int64_t last_start(const Proof *p)
{
        int64_t last = p->since_usec;

        for (size_t i = 0; i < p->lives.n; i++)
                if (p->lives.items[i].kind == LIFE_AGENT_START)
                        last = p->lives.items[i].time_usec;
        return last;
}

/* One gate through the time that was asked for. A mode that changed while the agent was away is
 * nowhere written: the agent's start is when it came into force. */
static void cover_gate(Proof *p, const char *gate)
{
        const GateNow *now = gate_now(p, gate);
        int64_t off = 0, end = p->until_usec;

        if (is_gone_since(p, gate, p->since_usec))
                return;
        if (!proof_enforced_at(p, gate, p->since_usec, false))
                off = p->since_usec;
        for (size_t i = 0; i < p->modes.n; i++) {
                const ModeChange *m = &p->modes.items[i];

                if (!streq(m->gate, gate) || m->time_usec <= p->since_usec)
                        continue;
                if (m->is_enforced && off > 0)
                        proof_gap(p, GAP_GATE, off, m->time_usec, gate);
                off = m->is_enforced ? 0 : off > 0 ? off : m->time_usec;
        }
        if (off > 0 && now && now->is_enforced)
                end = last_start(p);
        else if (off == 0 && now && !now->is_enforced)
                off = last_start(p);
        if (off > 0)
                proof_gap(p, GAP_GATE, off, end, gate);
}

/* Of which the log has no change at all: as it is now, so it was. */
static bool has_changed(const Proof *p, const char *gate)
{
        for (size_t i = 0; i < p->modes.n; i++)
                if (streq(p->modes.items[i].gate, gate))
                        return true;
        return false;
}

static void cover_gates(Proof *p)
{
        sort_items(p->modes.items, p->modes.n, compare_modes);
        for (size_t i = 0; i < p->modes.n; i++)
                if (!is_listed_before(p, i))
                        cover_gate(p, p->modes.items[i].gate);
        for (size_t i = 0; i < p->gates.n; i++) {
                const GateNow *g = &p->gates.items[i];

                if (!g->is_enforced && !has_changed(p, g->name))
                        proof_gap(p, GAP_GATE, p->since_usec, p->until_usec, g->name);
        }
}

/* ---- witnesses ---- */

/* The journal says that the host was off, and the log has records of that time. */
static void cover_boots(Proof *p)
{
        for (size_t i = 0; i + 1 < p->boots.n; i++) {
                const int64_t off = p->boots.items[i].last_usec,
                              on = p->boots.items[i + 1].first_usec;

                for (size_t k = 0; k < p->record_times.n; k++) {
                        const int64_t at = p->record_times.items[k];

                        if (at <= off + PROVE_NEAR_USEC || at >= on - PROVE_NEAR_USEC)
                                continue;
                        proof_gap(p, GAP_WITNESS, off, on,
                                  "the journal has nothing of a time in which the log was written");
                        break;
                }
        }
}

static void cover_witnesses(Proof *p)
{
        for (size_t i = 0; i < WITNESS_N; i++) {
                const WitnessState *w = &p->witnesses[i];
                const bool is_of_now = i == WITNESS_SESSIONS || i == WITNESS_PROCESSES;

                if (!w->is_there && w->is_expected)
                        proof_gap(p, GAP_WITNESS, is_of_now ? p->until_usec : p->since_usec,
                                  p->until_usec,
                                  proof_format(p, "%s: %s", witness_meanings[i],
                                               w->detail ? w->detail : "not there"));
        }
        if (p->boots.n > 0 && p->since_usec < p->boots.items[0].first_usec)
                proof_gap(p, GAP_WITNESS, p->since_usec, p->boots.items[0].first_usec,
                          "the journal begins later");
        cover_boots(p);
}

/* ---- the share ---- */

static int compare_gaps(const void *a, const void *b)
{
        const Gap *x = a, *y = b;

        if (x->start_usec != y->start_usec)
                return x->start_usec < y->start_usec ? -1 : 1;
        return (x->end_usec > y->end_usec) - (x->end_usec < y->end_usec);
}

static void measure(Proof *p)
{
        const int64_t whole = p->until_usec - p->since_usec;
        int64_t missing = 0, reached = p->since_usec;

        sort_items(p->gaps.items, p->gaps.n, compare_gaps);
        for (size_t i = 0; i < p->gaps.n; i++) {
                const Gap *g = &p->gaps.items[i];
                const int64_t start = g->start_usec > reached ? g->start_usec : reached;

                if (g->end_usec <= start)
                        continue;
                missing += g->end_usec - start;
                reached = g->end_usec;
        }
        p->covered = whole > 0 ? 1.0 - (double)missing / (double)whole : 0;
}

/* What the readers found, before the beginning may have been known. */
static void cut_gaps(Proof *p)
{
        size_t n = 0;

        for (size_t i = 0; i < p->gaps.n; i++) {
                Gap g = p->gaps.items[i];

                if (g.start_usec < p->since_usec)
                        g.start_usec = p->since_usec;
                if (g.start_usec <= g.end_usec)
                        p->gaps.items[n++] = g;
        }
        p->gaps.n = n;
}

void proof_cover(Proof *p)
{
        cut_gaps(p);
        sort_items(p->lives.items, p->lives.n, compare_lives);
        /* Without the log nobody knows when the agent came back. */
        if (p->log_is_evidence)
                cover_agent(p);
        cover_log(p);
        cover_gates(p);
        cover_witnesses(p);
        measure(p);
}
