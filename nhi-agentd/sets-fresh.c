/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An offered statement of freshness (set/freshness.h). It changes the end of the set in force and
 * nothing else: that set is verified anew from its archive with the statement, and goes the way of
 * any set that is verified anew, so that grants, sessions and their timers hear of it as they hear
 * of a newer set. One for a set that is not here yet is held until it is; one that comes too fast,
 * until its turn (sets-fresh-later.c). */

#include "nhi-agentd/evidence.h"
#include "nhi-agentd/issuer-policy.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/path.h"

#include <stdio.h>
#include <time.h>

#define USEC ((int64_t)USEC_PER_SEC)

/* ---- on the thread --------------------------------------------------------------------------- */

static int verify_as(Offer *o, size_t i, SetError *error)
{
        const Agent *a = o->sets->agent;
        const SetPolicy policy = issuer_policy(&a->config->issuers[i], &a->issuers[i]);

        return freshness_verify(o->bytes->data, o->bytes->size, &policy, o->now, FRESHNESS_OFFERED,
                                &o->fresh, error);
}

bool fresh_counts(const Agent *a, size_t index, const Freshness *f)
{
        const SetPolicy policy = issuer_policy(&a->config->issuers[index], &a->issuers[index]);

        return f && freshness_is_trusted(f, &policy) &&
               !agent_key_is_revoked(a, policy.issuer, f->kid);
}

static int check_key(Offer *o)
{
        const Agent *a = o->sets->agent;

        if (!agent_key_is_revoked(a, a->config->issuers[o->index].issuer, o->fresh->kid))
                return 0;
        return set_refused(&o->error, "key-revoked",
                           "a revocation list names the key that signed it");
}

/* Of the set in force. */
static int check_gain(Offer *o)
{
        const Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[o->index];
        const int64_t max_sec = a->config->issuers[o->index].policy.fresh_max_sec;
        int r = 0;

        if (s->set->iat_sec + max_sec <= o->now.real_usec / USEC)
                return set_refused(
                        &o->error, "lifetime",
                        "the set is older than fresh_max lets a statement keep it: only a "
                        "new set does");
        if (s->fresh && streq(s->fresh->set, o->fresh->set)) {
                r = freshness_check_newer(o->fresh, s->fresh, &o->error);
                if (r == 0 && fresh_end_by(o, o->fresh) <= s->set->exp_sec)
                        r = SET_E_UNCHANGED;
        }
        return r == 0 ? fresh_check_later(o) : r;
}

/* For a set that is still to come. What waits under a key that counts no more holds nothing up. */
static int check_waiting(Offer *o)
{
        const Agent *a = o->sets->agent;
        const Freshness *next = a->issuers[o->index].fresh_next;

        o->fresh_waits = true;
        if (!fresh_counts(a, o->index, next) || next->ver < o->fresh->ver)
                return 0;
        if (next->ver > o->fresh->ver)
                return SET_E_UNCHANGED;
        return freshness_check_newer(o->fresh, next, &o->error);
}

/* 0: it says something. */
static int judge(Offer *o)
{
        const IssuerState *s = &o->sets->agent->issuers[o->index];
        const Freshness *f = o->fresh;
        const int64_t seen = s->seen.ver > s->floor.ver ? s->seen.ver : s->floor.ver;
        int r = check_key(o);

        if (r != 0)
                return r;
        if (f->ver < seen)
                return SET_E_UNCHANGED; /* a newer set took its set's place */
        if (f->ver == s->floor.ver && !streq(f->set, s->floor.hash))
                return set_refused(&o->error, "equivocation",
                                   "it names another set of the version that is in force");
        return s->set && streq(f->set, s->set->hash) ? check_gain(o) : check_waiting(o);
}

/* The set in force, as it is with the statement. */
static int apply(Offer *o)
{
        o->statement = TAKE_PTR(o->bytes);
        o->label = (uint32_t)o->index;
        o->again = true;
        o->now = offer_now_again(o, o->now);
        offer_prepare_again(o);
        return o->r;
}

void fresh_prepare(Offer *o)
{
        o->is_fresh = true;
        offer_find_issuer(o, verify_as);
        if (o->r == 0)
                o->r = judge(o);
        if (o->r == 0 && !o->fresh_waits)
                o->fresh_waits = !fresh_is_due(o);
        if (o->r == 0 && !o->fresh_waits)
                o->r = apply(o);
}

/* On the disk's thread, with the set that lives by it: what state.json names is there (W1). */
int fresh_save(Offer *o)
{
        _cleanup_free_ char *path = NULL, *state = NULL;
        const Freshness *f = o->fresh;
        size_t size = 0;
        int r;

        if (asprintf(&path, PATH_SETS_DIR "/%s.jws", f->hash) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = file_replace(path, f->jws, f->size, 0600, geteuid(), getegid(), true);
        if (r == 0)
                r = state_format(&o->state, o->set->issuer, &o->floor, o->time_floor_sec, &state,
                                 &size);
        return r == 0 ? file_replace(PATH_STATE_FILE, state, size, 0600, geteuid(), getegid(), true)
                      : r;
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static const char *issuer_name(const Agent *a, size_t index)
{
        return a->config->issuers[index].issuer;
}

static SetFloor floor_of(const Freshness *f)
{
        SetFloor floor = { .ver = f->iat_sec };

        memcpy(floor.hash, f->hash, sizeof(floor.hash));
        return floor;
}

void fresh_record_refused(Agent *a, size_t index, const SetError *error)
{
        char detail[SET_DETAIL_MAX + 1100];
        const Event e = { .kind = EVENT_SET_REFUSED, .code = error->code, .detail = detail };

        (void)snprintf(detail, sizeof(detail), "%s: statement of freshness: %s",
                       issuer_name(a, index), error->detail);
        a->issuers[index].fresh_refused = *error;
        sets_record_refused(a->sets, index, &e);
}

void fresh_refuse(Offer *o)
{
        Agent *a = o->sets->agent;

        if (o->r < 0)
                (void)set_refused(&o->error, "not-verified", "%s", strerror(-o->r));
        fresh_record_refused(a, o->index, &o->error);
        offer_answer(o, "refused %s %s", o->error.code, o->error.detail);
}

/* The set that it names was refused as over; with this it is not. */
static void ask_for_set(Agent *a, const IssuerState *s)
{
        if (!s->set && streq(s->refused.code, "expired"))
                (void)publish_sources(a->config);
}

static void wait_for_set(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];

        freshness_free(s->fresh_next);
        s->fresh_next = TAKE_PTR(o->fresh);
        ask_for_set(a, s);
}

static void hold(Offer *o)
{
        IssuerState *s = &o->sets->agent->issuers[o->index];

        s->fresh_refused = (SetError){};
        offer_answer(o, "accepted %lld %s", (long long)o->fresh->ver, o->fresh->hash);
        if (s->set && streq(o->fresh->set, s->set->hash))
                fresh_wait_for_turn(o);
        else
                wait_for_set(o);
}

void fresh_prepared(Offer *o)
{
        const Freshness *f = o->fresh;

        if (o->r == 0 && !o->fresh_waits) {
                offer_accept(o);
                return;
        }
        if (o->is_later && o->r >= 0)
                fresh_forget_later(&o->sets->agent->issuers[o->label]);
        if (o->r == 0)
                hold(o);
        else if (o->r == SET_E_UNCHANGED)
                offer_answer(o, "unchanged %lld %s", (long long)f->ver, f->hash);
        else
                fresh_refuse(o);
        sets_offer_done(o->sets);
}

int fresh_announce(Offer *o)
{
        const SetFloor floor = floor_of(o->fresh);

        return state_set_fresh_floor(o->sets->agent->state, o->set->issuer, &floor);
}

void fresh_take_back(Offer *o)
{
        Agent *a = o->sets->agent;
        const Freshness *f = a->issuers[o->index].fresh;
        const SetFloor floor = f ? floor_of(f) : (SetFloor){};

        (void)state_set_fresh_floor(a->state, issuer_name(a, o->index), &floor);
}

static void record_accepted(Agent *a, const GrantSet *set, const Freshness *f)
{
        const time_t end = set->exp_sec;
        char detail[1200], until[32] = "?";
        struct tm tm;
        const Event e = { .kind = EVENT_SET_FRESH, .detail = detail, .set = f->hash };

        if (gmtime_r(&end, &tm))
                (void)strftime(until, sizeof(until), "%Y-%m-%dT%H:%M:%SZ", &tm);
        (void)snprintf(detail, sizeof(detail), "%s version %lld is good until %s: set %s, key %s",
                       set->issuer, (long long)set->ver, until, set->hash, f->kid);
        agent_record(a, &e);
        evidence_keep_set(a->evidence, f->hash);
}

void fresh_put_in_force(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];

        freshness_free(s->fresh);
        s->fresh = TAKE_PTR(o->fresh);
        fresh_taken(o);
        s->fresh_refused = (SetError){};
        s->judged = o->now;
        agent_prove_time(a, s->fresh->iat_sec, o->now.boot_usec);
        record_accepted(a, s->set, s->fresh);
}

/* What waited for the set in force is in force with it; it is offered anew to be saved. */
static void offer_waiting(Sets *sets, size_t index, const Freshness *f)
{
        char *jws = strdup(f->jws);

        if (jws && sets_offer(sets, (uint32_t)index, jws, f->size, NULL, NULL) < 0)
                free(jws);
}

void fresh_set_changed(Sets *sets, size_t index)
{
        Agent *a = sets->agent;
        IssuerState *s = &a->issuers[index];

        if (s->fresh && !streq(s->fresh->set, s->set->hash)) {
                s->fresh = freshness_free(s->fresh);
                (void)state_set_fresh_floor(a->state, issuer_name(a, index), NULL);
        }
        if (s->fresh_later && !streq(s->fresh_later->set, s->set->hash))
                fresh_forget_later(s);
        if (!s->fresh_next || s->fresh_next->ver > s->set->ver)
                return;
        if (streq(s->fresh_next->set, s->set->hash))
                offer_waiting(sets, index, s->fresh_next);
        s->fresh_next = freshness_free(s->fresh_next);
}

/* A list names the key of one that is in force: its set has its own end again. */
void fresh_lists_changed(Sets *sets)
{
        const Agent *a = sets->agent;

        for (size_t i = 0; i < a->config->n_issuers; i++) {
                const IssuerState *s = &a->issuers[i];

                if (s->fresh && s->set && s->set->exp_sec > s->set->own_exp_sec &&
                    agent_key_is_revoked(a, issuer_name(a, i), s->fresh->kid)) {
                        sets_verify_again(sets);
                        return;
                }
        }
}
