/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One session as several witnesses saw it. */

#include "lib/base/macro.h"
#include "lib/base/sort.h"
#include "nhictl/prove/prove.h"

static bool is_near(int64_t a, int64_t b)
{
        return a - b <= PROVE_NEAR_USEC && b - a <= PROVE_NEAR_USEC;
}

/* PAM's account of a session comes first: it knows the service, and for sudo and su who asked. */
static int compare_sightings(const void *a, const void *b)
{
        const Sighting *x = a, *y = b;

        if (x->pid != y->pid)
                return x->pid < y->pid ? -1 : 1;
        if (x->witness != y->witness)
                return x->witness < y->witness ? -1 : 1;
        return (x->start_usec > y->start_usec) - (x->start_usec < y->start_usec);
}

static bool is_same(const Sighting *a, const Sighting *b)
{
        return a->pid > 0 && a->pid == b->pid && a->witness != b->witness &&
               is_near(a->start_usec, b->start_usec);
}

static void learn_from(Sighting *later, Sighting *first)
{
        later->is_later = true;
        later->account = first->account;
        later->uid = first->uid;
        if (*first->class)
                later->class = first->class;
        /* sshd was killed and closed nothing: logind saw the end. */
        if (!first->end_is_known && later->end_is_known) {
                first->end_usec = later->end_usec;
                first->end_is_known = true;
        } else if (first->end_is_known && !later->end_is_known) {
                later->end_usec = first->end_usec;
                later->end_is_known = true;
        }
}

/* A process that is older than the session it leads: both are still there. */
static bool is_alive(const Proof *p, const Sighting *s)
{
        for (size_t i = 0; i < p->processes.n; i++)
                if (p->processes.items[i].pid == s->pid)
                        return p->processes.items[i].start_usec <= s->start_usec + PROVE_JUMP_USEC;
        return false;
}

/* A session that is there now began when logind says so: its leader may be older. */
static void date_sessions(Proof *p)
{
        for (size_t i = 0; i < p->sightings.n; i++) {
                Sighting *s = &p->sightings.items[i];

                for (size_t k = p->sightings.n; k > 0 && s->witness == WITNESS_SESSIONS; k--) {
                        const Sighting *l = &p->sightings.items[k - 1];

                        if (l->witness != WITNESS_LOGIND || l->end_is_known ||
                            !streq(l->logind, s->logind))
                                continue;
                        s->start_usec = l->start_usec;
                        s->pid = l->pid;
                        break;
                }
        }
}

void proof_unite_sightings(Proof *p)
{
        date_sessions(p);
        sort_items(p->sightings.items, p->sightings.n, compare_sightings);
        for (size_t i = 0; i < p->sightings.n; i++) {
                Sighting *first = &p->sightings.items[i];

                for (size_t k = i + 1; k < p->sightings.n && !first->is_later; k++) {
                        Sighting *s = &p->sightings.items[k];

                        if (s->pid != first->pid || first->pid <= 0)
                                break;
                        if (!s->is_later && is_same(first, s))
                                learn_from(s, first);
                }
                if (!first->end_is_known && first->pid > 0 && is_alive(p, first))
                        first->end_is_known = true;
        }
}
