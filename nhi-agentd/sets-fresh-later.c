/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Statements of freshness that come too fast. Each that is taken is written to the disk and to the
 * log, and its set is verified anew; who has a key that can do nothing else must not have that done
 * without end. So many are taken at once, and then one at intervals; beyond that the newest waits
 * for its turn. */

#include "nhi-agentd/expiry.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/io.h"

#define USEC        ((int64_t)USEC_PER_SEC)
#define TAKEN_BURST 16u
#define TAKEN_SEC   60
#define LIFE_SHARE  8 /* a set that lives shorter has as many in its life at least */

/* ---- on the thread --------------------------------------------------------------------------- */

int64_t fresh_end_by(const Offer *o, const Freshness *f)
{
        const Agent *a = o->sets->agent;
        const GrantSet *set = a->issuers[o->index].set;

        return freshness_end(f, a->config->issuers[o->index].policy.fresh_max_sec, set->iat_sec,
                             set->own_exp_sec);
}

int fresh_check_later(Offer *o)
{
        const Agent *a = o->sets->agent;
        const Freshness *later = a->issuers[o->index].fresh_later;
        int r;

        if (!fresh_counts(a, o->index, later))
                return 0;
        if (streq(o->fresh->hash, later->hash))
                return 0;
        r = freshness_check_newer(o->fresh, later, &o->error);
        return r == 0 && fresh_end_by(o, o->fresh) <= fresh_end_by(o, later) ? SET_E_UNCHANGED : r;
}

static RationRate rate_of(const GrantSet *set)
{
        const int64_t share_sec = (set->own_exp_sec - set->iat_sec) / LIFE_SHARE,
                      sec = share_sec < TAKEN_SEC ? share_sec : TAKEN_SEC;

        return (RationRate){ .most = TAKEN_BURST,
                             .back = 1,
                             .back_usec = (sec > 1 ? sec : 1) * USEC };
}

/* Held, it would come too late where the set is over before; who has it gain little each time is
 * no faster by that. */
bool fresh_is_due(const Offer *o)
{
        const IssuerState *s = &o->sets->agent->issuers[o->index];
        const RationRate rate = rate_of(s->set);
        const int64_t gain_usec = (fresh_end_by(o, o->fresh) - s->set->exp_sec) * USEC,
                      left_usec = s->set->exp_sec * USEC - o->now.real_usec;

        return ration_wait_until(&s->fresh_ration, rate, o->now.boot_usec) == 0 ||
               (left_usec < rate.back_usec && gain_usec >= rate.back_usec);
}

/* ---- on the loop ----------------------------------------------------------------------------- */

void fresh_forget_later(IssuerState *s)
{
        s->fresh_later = freshness_free(s->fresh_later);
}

void fresh_wait_for_turn(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];

        fresh_forget_later(s);
        s->fresh_later = TAKE_PTR(o->fresh);
        s->fresh_later_usec =
                ration_wait_until(&s->fresh_ration, rate_of(s->set), o->now.boot_usec);
        (void)expiry_arm(a->expiry, agent_now(a));
}

void fresh_taken(Offer *o)
{
        IssuerState *s = &o->sets->agent->issuers[o->index];

        fresh_forget_later(s); /* it is this one, or older: fresh_check_later() */
        (void)ration_take(&s->fresh_ration, rate_of(s->set), o->now.boot_usec);
}

static Offer *offer_of(Sets *sets, size_t index, const Freshness *f)
{
        Offer *o = offer_new(sets);
        char *jws = o ? strdup(f->jws) : NULL;

        if (!jws || set_bytes_new(jws, f->size, &o->bytes) < 0) {
                free(jws);
                return offer_free(o);
        }
        o->label = (uint32_t)index;
        o->is_later = true;
        return o;
}

/* One that cannot be judged or saved has its next turn as if it had been. */
Offer *fresh_next_due(Sets *sets)
{
        const Agent *a = sets->agent;
        const Now now = agent_now(a);

        for (size_t i = 0; i < a->config->n_issuers; i++) {
                IssuerState *s = &a->issuers[i];

                if (!s->fresh_later || s->fresh_later_usec > now.boot_usec)
                        continue;
                s->fresh_later_usec = now.boot_usec + TAKEN_SEC * USEC;
                (void)expiry_arm(a->expiry, now);
                return offer_of(sets, i, s->fresh_later);
        }
        return NULL;
}
