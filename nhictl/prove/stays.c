/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the log allowed: until when, and which stay a sighting belongs to. */

#include "lib/base/macro.h"
#include "nhictl/prove/prove.h"

/* ---- until when ---- */

static int compare_sets(const void *a, const void *b)
{
        const SetFact *x = a, *y = b;

        return (x->time_usec > y->time_usec) - (x->time_usec < y->time_usec);
}

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

/* A later set prolongs a grant, shortens it or no longer has it. */
static void settle_by(Stay *s, const SetFact *f)
{
        const SetGrant *g;

        if (!f->is_known) {
                s->is_uncertain = true;
                return;
        }
        if (!streq(f->issuer, s->issuer))
                return;
        g = grant_find(f, s->grant);
        if (!g)
                s->allowed_usec = f->time_usec;
        else if (g->end_usec > f->time_usec)
                s->allowed_usec = g->end_usec;
}

static bool is_cited(const Proof *p, const Stay *s, bool *ret_known)
{
        for (size_t i = 0; i < p->sets.n; i++) {
                const SetFact *f = &p->sets.items[i];

                if (!streq(f->hash, s->set))
                        continue;
                *ret_known = f->is_known;
                return f->is_known && grant_find(f, s->grant);
        }
        *ret_known = false;
        return false;
}

static void settle(Proof *p, Stay *s)
{
        bool is_known;

        s->allowed_usec = s->until_usec;
        for (size_t i = 0; i < p->sets.n; i++) {
                const SetFact *f = &p->sets.items[i];

                if (f->time_usec < s->start_usec)
                        continue;
                /* What came when it was over, or when it had been revoked, brings nothing back. */
                if (f->time_usec > s->allowed_usec || s->end_usec < f->time_usec)
                        break;
                settle_by(s, f);
                if (s->allowed_usec <= f->time_usec)
                        break;
        }
        if (!*s->set || is_cited(p, s, &is_known) || !is_known)
                return;
        Finding *found = proof_add(p, findings);
        if (found)
                *found = (Finding){ .kind = FINDING_NOT_IN_SET,
                                    .witness = WITNESS_LOG,
                                    .seen_by = 1u << WITNESS_LOG,
                                    .account = s->account,
                                    .class = s->class,
                                    .where = proof_format(p, "set %s", s->set),
                                    .grant = s->grant,
                                    .pid = s->pid,
                                    .start_usec = s->start_usec,
                                    .end_usec = s->end_usec,
                                    .seq = s->seq };
}

void proof_settle_stays(Proof *p)
{
        if (p->sets.n > 0)
                qsort(p->sets.items, p->sets.n, sizeof(*p->sets.items), compare_sets);
        for (size_t i = 0; i < p->stays.n; i++)
                settle(p, &p->stays.items[i]);
}

/* ---- which one ---- */

static int compare_stays(const void *a, const void *b)
{
        const Stay *x = a, *y = b;

        if (x->pid != y->pid)
                return x->pid < y->pid ? -1 : 1;
        return (x->start_usec > y->start_usec) - (x->start_usec < y->start_usec);
}

void proof_sort(Proof *p)
{
        if (p->stays.n > 0)
                qsort(p->stays.items, p->stays.n, sizeof(*p->stays.items), compare_stays);
}

static bool is_near(int64_t a, int64_t b)
{
        return a > b ? a - b <= PROVE_NEAR_USEC : b - a <= PROVE_NEAR_USEC;
}

static bool is_of(const Stay *stay, const Sighting *s)
{
        if (*s->account)
                return streq(stay->account, s->account);
        return s->uid != PROVE_UNSET && stay->uid == s->uid;
}

static Stay *by_pid(Proof *p, const Sighting *s)
{
        size_t low = 0, high = p->stays.n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (p->stays.items[middle].pid < s->pid)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < p->stays.n && p->stays.items[low].pid == s->pid; low++) {
                Stay *stay = &p->stays.items[low];

                if (is_of(stay, s) && is_near(stay->start_usec, s->start_usec))
                        return stay;
        }
        return NULL;
}

/* A stay that was under way when the sighting began. */
static bool is_around(const Stay *stay, const Sighting *s)
{
        return stay->start_usec - PROVE_NEAR_USEC <= s->start_usec &&
               (stay->end_usec == PROVE_OPEN || s->start_usec <= stay->end_usec) &&
               s->start_usec <= stay->allowed_usec + PROVE_LATE_USEC;
}

/* logind's own word now: its id is of this boot, and so must the stay be. */
static bool is_same_session(const Proof *p, const Stay *stay, const Sighting *s)
{
        return *s->logind && streq(stay->logind, s->logind) && streq(stay->boot, p->boot);
}

Stay *proof_stay_of(Proof *p, const Sighting *s)
{
        Stay *found = s->pid > 0 && s->witness != WITNESS_WTMP ? by_pid(p, s) : NULL;

        if (found || (s->witness != WITNESS_WTMP && s->witness != WITNESS_SESSIONS))
                return found;
        for (size_t i = 0; i < p->stays.n; i++) {
                Stay *stay = &p->stays.items[i];

                if (!is_of(stay, s))
                        continue;
                if (s->witness == WITNESS_SESSIONS ? is_same_session(p, stay, s)
                                                   : is_around(stay, s))
                        found = stay;
        }
        return found;
}
