/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* X3: what was allowed, and until when, by the sets that issuers signed. The record's own word is
 * only an upper bound. */

#include "lib/base/macro.h"
#include "lib/base/sort.h"
#include "nhi-agentd/core/decide.h"
#include "nhictl/prove/prove.h"

#define SECOND         INT64_C(1000000)
#define WINDOW_HORIZON (8 * INT64_C(86400))

static int compare_sets(const void *a, const void *b)
{
        const SetFact *x = a, *y = b;

        return (x->time_usec > y->time_usec) - (x->time_usec < y->time_usec);
}

/* ---- one grant ---- */

static const SetGrant *grant_find(const SetFact *f, const char *jti)
{
        size_t low = 0, high = f->n_grants;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;
                const int order = strcmp(f->grants[middle].jti, jti);

                if (order == 0)
                        return &f->grants[middle];
                if (order < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

/* The grant of the stay in a set that is known. */
static const SetGrant *grant_of(const SetFact *f, const Stay *s)
{
        const SetGrant *g = streq(f->issuer, s->issuer) ? grant_find(f, s->grant) : NULL;

        return g && streq(g->account, s->account) ? g : NULL;
}

/* Windows may follow each other without a pause. 0: none is open. */
static int64_t windows_end(const Proof *p, const SetGrant *g, int64_t at_sec)
{
        const int64_t horizon = at_sec + WINDOW_HORIZON;
        int64_t reached = at_sec, end;
        bool is_open = true;

        while (is_open && reached < horizon) {
                is_open = false;
                for (size_t i = 0; i < g->n_windows; i++)
                        if (window_is_open(&p->windows.items[g->window + i], reached, &end)) {
                                reached = end;
                                is_open = true;
                        }
        }
        return reached == at_sec ? 0 : reached < horizon ? reached : INT64_MAX / SECOND;
}

/* The end of what it grants at this time; 0 or before that time: nothing. */
static int64_t grant_end(const Proof *p, const SetGrant *g, int64_t at_usec)
{
        int64_t end;

        if (at_usec < g->begin_usec - NBF_LEEWAY_SEC * SECOND)
                return 0;
        if (g->n_windows == 0)
                return g->end_usec;
        end = windows_end(p, g, at_usec / SECOND) * SECOND;
        return end < g->end_usec ? end : g->end_usec;
}

/* ---- when it began ---- */

static bool keeps_cited(const SetFact *f, const Stay *s)
{
        return f->is_statement && f->is_known && streq_ptr(f->kept, s->set) &&
               f->time_usec <= s->start_usec;
}

/* As it was kept when the stay began; sets are in the order of time. */
static const SetFact *set_cited(const Proof *p, const Stay *s)
{
        const SetFact *cited = NULL;

        for (size_t i = 0; *s->set && i < p->sets.n; i++) {
                const SetFact *f = &p->sets.items[i];

                if (keeps_cited(f, s) || (!cited && streq(f->hash, s->set)))
                        cited = f;
        }
        return cited;
}

/* What kept it may stand in what the log has let go. */
static bool may_have_been_kept(const Proof *p, const SetFact *f)
{
        return !f->is_statement && f->own_end_usec > 0 && f->own_end_usec < p->log_first_usec;
}

static bool may_be_of(const SetFact *f, const Stay *s)
{
        return streq(f->issuer, s->issuer) || (!f->is_known && !*f->issuer);
}

/* The newest of its issuer that had come into force; NULL: the log does not go back so far. */
static const SetFact *set_in_force(const Proof *p, const Stay *s)
{
        const SetFact *last = NULL;

        for (size_t i = 0; i < p->sets.n && p->sets.items[i].time_usec <= s->start_usec; i++)
                if (p->sets.items[i].time_usec > 0 && may_be_of(&p->sets.items[i], s))
                        last = &p->sets.items[i];
        return last;
}

static bool is_asked_for(const Proof *p, const Stay *s)
{
        return (!p->account || streq(p->account, s->account)) && s->start_usec <= p->until_usec &&
               s->end_usec >= p->since_usec;
}

static void find_not_in_set(Proof *p, const Stay *s, const SetFact *f)
{
        Finding *found;

        if (!is_asked_for(p, s))
                return;
        found = proof_add(p, findings);
        if (found)
                *found = (Finding){ .kind = FINDING_NOT_IN_SET,
                                    .witness = WITNESS_LOG,
                                    .seen_by = 1u << WITNESS_LOG,
                                    .account = s->account,
                                    .class = s->class,
                                    .where = proof_format(p, "set %s", f->hash),
                                    .grant = s->grant,
                                    .pid = s->pid,
                                    .start_usec = s->start_usec,
                                    .end_usec = s->end_usec,
                                    .seq = s->seq };
}

/* One set allows it, from its start on: false where it does not, and that is found. */
static bool settle_start(Proof *p, Stay *s, const SetFact *f, bool is_cited)
{
        const SetGrant *g;
        int64_t end;

        if (!f || !f->is_known) {
                s->unsigned_usec = s->start_usec;
                return true;
        }
        g = grant_of(f, s);
        end = g ? grant_end(p, g, s->start_usec) : is_cited ? 0 : f->time_usec;
        /* It is written a moment after it was decided. */
        if (g && end <= s->start_usec)
                end = grant_end(p, g, s->start_usec - PROVE_SWAP_USEC);
        if (end <= s->start_usec - PROVE_SWAP_USEC && may_have_been_kept(p, f)) {
                s->unsigned_usec = s->start_usec;
                return true;
        }
        if (end <= s->start_usec - PROVE_SWAP_USEC) {
                find_not_in_set(p, s, f);
                return false;
        }
        if (end < s->allowed_usec)
                s->allowed_usec = end;
        return true;
}

/* ---- and since ---- */

/* A later set prolongs a grant, shortens it or no longer has it. */
static void settle_by(Proof *p, Stay *s, const SetFact *f)
{
        const SetGrant *g;
        int64_t end;

        if (!may_be_of(f, s))
                return;
        if (!f->is_known) {
                s->is_uncertain = true;
                if (f->time_usec < s->unsigned_usec)
                        s->unsigned_usec = f->time_usec;
                return;
        }
        g = grant_of(f, s);
        end = g ? grant_end(p, g, f->time_usec) : 0;
        s->allowed_usec = end > f->time_usec ? end : f->time_usec;
}

static void settle(Proof *p, Stay *s)
{
        const SetFact *cited = set_cited(p, s), *last = set_in_force(p, s);

        s->allowed_usec = s->until_usec;
        s->unsigned_usec = PROVE_OPEN;
        if (!settle_start(p, s, cited, true) ||
            (last && last != cited && !settle_start(p, s, last, false)))
                return;
        for (size_t i = 0; i < p->sets.n; i++) {
                const SetFact *f = &p->sets.items[i];

                if (f->time_usec <= s->start_usec)
                        continue;
                /* What came when it was over, or when it had been revoked, brings nothing back. */
                if (f->time_usec > s->allowed_usec)
                        break;
                settle_by(p, s, f);
        }
}

void proof_settle_stays(Proof *p)
{
        sort_items(p->sets.items, p->sets.n, compare_sets);
        for (size_t i = 0; i < p->stays.n; i++)
                settle(p, &p->stays.items[i]);
}
