/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which stay of the log a sighting belongs to. */

#include "lib/base/macro.h"
#include "lib/base/sort.h"
#include "nhictl/prove/prove.h"

static int compare_stays(const void *a, const void *b)
{
        const Stay *x = a, *y = b;

        if (x->pid != y->pid)
                return x->pid < y->pid ? -1 : 1;
        return (x->start_usec > y->start_usec) - (x->start_usec < y->start_usec);
}

void proof_sort(Proof *p)
{
        sort_items(p->stays.items, p->stays.n, compare_stays);
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

/* One process may open sessions of several kinds, and PAM names each; others know the program. */
static bool is_of_kind(const Stay *stay, const Sighting *s)
{
        return s->witness != WITNESS_PAM || streq(stay->class, s->class);
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

                if (is_of(stay, s) && is_of_kind(stay, s) &&
                    is_near(stay->start_usec, s->start_usec))
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
