/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One prepared set into force (sets.h: W1, W2). On the loop: pointers change hands, and what takes
 * longer is somebody else's turn. */

#include "nhi-agentd/sets-internal.h"

#include "nhi-agentd/ended.h"
#include "nhi-agentd/report.h"

#include "lib/base/io.h"
#include "lib/base/path.h"

#include <stdio.h>

static void *texts_release(void *object)
{
        free(object);
        return NULL;
}

static void *set_release(void *object)
{
        return grant_set_free(object);
}

static void *idmap_release(void *object)
{
        return idmap_free(object);
}

/* A snapshot that is being made may still read the list of before. */
static void list_retire(Agent *a, StrList *l)
{
        publish_retire(a->publisher, texts_release, (void *)l->items);
        *l = (StrList){};
}

static void lessened_forget(Agent *a, IssuerState *s)
{
        free(TAKE_PTR(s->lessened.grants));
        s->lessened.n = 0;
        publish_retire(a->publisher, set_release, TAKE_PTR(s->lessened_owner));
}

/* What a newer set took away, and what the policy did since. */
static void narrowed_forget(Agent *a, IssuerState *s)
{
        list_retire(a, &s->narrowed);
        list_retire(a, &s->revoked);
        s->is_narrowed_again = false;
        lessened_forget(a, s);
}

static void narrow_by_newer(Agent *a, IssuerState *s, Offer *o)
{
        const bool changes = s->narrowed.n + s->lessened.n + o->narrowed.n + o->lessened.n > 0;

        narrowed_forget(a, s);
        s->narrowed = o->narrowed;
        s->lessened = o->lessened;
        o->narrowed = (StrList){};
        o->lessened = (GrantList){};
        if (changes)
                agent_refresh(a);
}

/* The set in force, verified anew, takes nothing back of what a newer one revoked. */
static void narrow_again(Agent *a, IssuerState *s, Offer *o)
{
        if (o->gone.n == 0)
                return;
        if (s->is_narrowed_again)
                list_retire(a, &s->narrowed);
        else
                s->revoked = s->narrowed;
        s->is_narrowed_again = true;
        s->narrowed = o->narrowed;
        o->narrowed = (StrList){};
        agent_refresh(a);
}

/* W2: what the new set revokes is over now, and what it has with less is judged by both. */
static void offer_narrow(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];

        if (!s->set)
                return;
        if (o->again)
                narrow_again(a, s, o);
        else
                narrow_by_newer(a, s, o);
}

/* In force or not, nothing is left of it to hold against it. */
static void narrowed_applied(Agent *a, IssuerState *s, Offer *o)
{
        if (!o->again) {
                narrowed_forget(a, s);
        } else if (o->withheld.n > 0) {
                list_retire(a, &s->narrowed);
                list_retire(a, &s->revoked);
                s->is_narrowed_again = false;
                s->narrowed = o->withheld;
                o->withheld = (StrList){};
        } else if (s->is_narrowed_again) {
                list_retire(a, &s->narrowed);
                s->narrowed = s->revoked;
                s->revoked = (StrList){};
                s->is_narrowed_again = false;
        }
}

/* It could not be saved, and what it says less of grants in force holds all the same. */
static void keep_lessened(Offer *o)
{
        IssuerState *s = &o->sets->agent->issuers[o->index];

        if (!o->again && s->lessened.n > 0)
                s->lessened_owner = TAKE_PTR(o->set);
}

static void put_floors(Offer *o)
{
        Agent *a = o->sets->agent;

        (void)state_set_floor(a->state, o->set->issuer, &o->floor);
        if (o->time_floor_sec > a->state->time_floor_sec)
                a->state->time_floor_sec = o->time_floor_sec;
        agent_prove_time(a, o->set->iat_sec, o->now.boot_usec);
        a->issuers[o->index].floor = o->floor;
}

static void put_ids(Offer *o)
{
        Agent *a = o->sets->agent;

        if (!o->idmap)
                return;
        publish_retire(a->publisher, idmap_release, a->idmap);
        a->idmap = TAKE_PTR(o->idmap);
}

static void put_archive(Offer *o, IssuerState *s)
{
        if (o->archive_fd < 0)
                return;
        closep(&s->archive_fd);
        s->archive_fd = TAKE_FD(o->archive_fd);
}

void offer_put_in_force(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        GrantSet *old = TAKE_PTR(s->set);
        const bool is_news = !old || !streq(old->hash, o->set->hash);

        if (is_news) {
                offer_record_accepted(o);
                s->accepted_sec = o->now.real_usec / (int64_t)USEC_PER_SEC;
                s->judged = o->now;
        }
        if (!o->again)
                s->offered_sec = o->now.real_usec / (int64_t)USEC_PER_SEC;
        put_ids(o);
        put_floors(o);
        put_archive(o, s);
        s->refused_sec = 0;
        s->refused = (SetError){};
        s->set = TAKE_PTR(o->set);
        narrowed_applied(a, s, o);
        if (o->is_fresh)
                fresh_put_in_force(o);
        else if (is_news)
                fresh_set_changed(o->sets, o->index);
        agent_put_standing(a, TAKE_PTR(o->standing));
        ended_by_set(a->ended, &o->gone, old, "revoked");
        if (!o->again || o->is_fresh)
                sets_prune_archive(o->sets);
        agent_refresh(a);
}

/* Whoever waits for the set finds it in force and its accounts visible. */
static void on_published(void *userdata)
{
        Offer *o = userdata;

        if (!o->list_kind)
                reports_changed(o->sets->agent->reports, o->index);
        offer_answer(o, "%s", o->line);
        sets_offer_done(o->sets);
}

void offer_accepted(Offer *o, int64_t ver, const char *hash)
{
        (void)snprintf(o->line, sizeof(o->line), "accepted %lld %s", (long long)ver, hash);
        offer_answer_published(o);
}

void offer_answer_published(Offer *o)
{
        Agent *a = o->sets->agent;

        if (!a->reconciled) {
                on_published(o);
                return;
        }
        o->published = (PublishWaiter){ .done = on_published, .userdata = o };
        publish_wait(a->publisher, &o->published);
}

static void offer_finish(Offer *o)
{
        const IssuerState *s = &o->sets->agent->issuers[o->index];

        offer_put_in_force(o);
        offer_accepted(o, s->set->ver, s->set->hash);
}

static void on_saved(void *userdata, int r)
{
        Offer *o = userdata;
        Sets *s = o->sets;

        state_unshare(s->agent->state, &o->state);
        if (r < 0 || s->stopping)
                keep_lessened(o);
        if ((r < 0 || s->stopping) && o->is_fresh)
                fresh_take_back(o);
        if (s->stopping || r == -ECANCELED) {
                offer_answer(o, "refused stopping the agent stops");
                sets_offer_done(s);
        } else if (r < 0) {
                o->r = set_refused(&o->error, "not-saved",
                                   "%s: %s; what it revokes is over all the same", PATH_STATE_DIR,
                                   strerror(-r));
                if (o->is_fresh)
                        fresh_refuse(o);
                else
                        offer_record_refused(o);
                if (o->again)
                        sets_again_later(s);
                sets_offer_done(s);
        } else {
                sets_recovered(s);
                offer_finish(o);
        }
}

void offer_accept(Offer *o)
{
        Agent *a = o->sets->agent;
        const int64_t heard_sec = o->is_fresh ? o->fresh->iat_sec : o->set->iat_sec;
        int r = 0;

        if (!o->again)
                a->issuers[o->index].seen = o->floor;
        offer_narrow(o);
        o->time_floor_sec =
                heard_sec > a->state->time_floor_sec ? heard_sec : a->state->time_floor_sec;
        if (o->is_fresh)
                r = fresh_announce(o);
        if (r == 0)
                r = state_share(a->state, &o->state);
        if (r == 0)
                r = writer_call(a->writer, offer_save, on_saved, o);
        if (r < 0)
                on_saved(o, r);
}

/* What is in force is refused under the new policy, or cannot be judged by it: it is in force no
 * longer. Sessions under it stay until an end is proved. Without memory for what the others grant
 * they are not heard, either, until the next try. */
static void offer_withdraw(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        GrantSet *old = TAKE_PTR(s->set);

        if (!old && a->standing)
                return;
        agent_put_standing(a, TAKE_PTR(o->standing));
        ended_by_set(a->ended, &o->gone, old, "withdrawn");
        agent_refresh(a);
}

void offer_refuse(Offer *o)
{
        Agent *a = o->sets->agent;
        const bool was_in_force = a->issuers[o->index].set != NULL;

        if (o->r < 0)
                (void)set_refused(&o->error, "not-verified", "%s", strerror(-o->r));
        offer_record_refused(o);
        if (!o->again)
                return;
        offer_withdraw(o);
        if (o->r == SET_E_REFUSED && a->standing)
                return;
        sets_again_later(o->sets);
        /* Who fetches offers everything anew, should its archive be lost. */
        if (was_in_force && !o->bytes)
                (void)publish_sources(a->config);
}

static void offer_unchanged(Offer *o)
{
        IssuerState *s = &o->sets->agent->issuers[o->index];

        s->offered_sec = o->now.real_usec / (int64_t)USEC_PER_SEC;
        offer_answer(o, "unchanged %lld %s", (long long)s->floor.ver, s->floor.hash);
}

static void on_prepared(void *userdata, int r)
{
        Offer *o = userdata;
        Sets *s = o->sets;

        if (s->stopping || r == -ECANCELED) {
                offer_answer(o, "refused stopping the agent stops");
                sets_offer_done(s);
                return;
        }
        if (r < 0)
                o->r = r;
        if (o->list_kind) {
                believed_prepared(o);
                return;
        }
        if (o->is_fresh) {
                fresh_prepared(o);
                return;
        }
        if (o->r == 0) {
                offer_accept(o);
                return;
        }
        if (o->r == SET_E_UNCHANGED)
                offer_unchanged(o);
        else
                offer_refuse(o);
        sets_offer_done(s);
}

Now offer_now_again(const Offer *o, Now now)
{
        const Now then = o->sets->agent->issuers[o->label].judged;
        const int64_t least_usec = then.real_usec + (now.boot_usec - then.boot_usec);

        if (then.boot_usec > 0 && now.real_usec < least_usec)
                now.real_usec = least_usec;
        return now;
}

int offer_begin(Offer *o)
{
        const Agent *a = o->sets->agent;
        const Now now = agent_judging_now(a);

        if (o->is_unsaved) {
                believed_begin_unsaved(o);
                return 0;
        }
        if (o->label >= a->config->n_issuers)
                o->label = 0;
        o->now = o->again ? offer_now_again(o, now) : now;
        return writer_call(a->worker, offer_prepare, on_prepared, o);
}
