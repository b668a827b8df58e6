/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An offered key list. It goes the way of a revocation list: what it retires is over before
 * anything is written. Then every set in force is verified anew by the keys that count now. */

#include "nhi-agentd/issuer-policy.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

#include <stdio.h>

/* ---- on the thread --------------------------------------------------------------------------- */

/* The newest that was believed, be it that it could not be saved. */
static SetFloor keys_floor(const IssuerState *s)
{
        SetFloor floor = s->keys_floor.floor;

        if (s->keys && s->keys->ver > floor.ver) {
                floor.ver = s->keys->ver;
                memcpy(floor.hash, s->keys->hash, sizeof(floor.hash));
        }
        return floor;
}

/* Its roots may have changed since those of agentd.conf, and which they are was lost with it. */
static bool roots_are_unknown(const IssuerState *s, const SetPolicy *policy)
{
        char digest[65];

        if (!s->keys_are_lost)
                return false;
        roots_digest(policy->roots, policy->n_roots, policy->root_threshold, digest);
        return !streq(digest, s->keys_floor.own);
}

static int refuse_as(SetError *error, const char *code, const char *detail)
{
        (void)snprintf(error->code, sizeof(error->code), "%s", code);
        (void)snprintf(error->detail, sizeof(error->detail), "%s", detail);
        return SET_E_REFUSED;
}

static int verify_as(Offer *o, size_t i, SetError *error)
{
        const Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[i];
        const SetPolicy policy = issuer_policy(&a->config->issuers[i], s);
        const SetFloor floor = keys_floor(s);
        const bool is_saved = *s->keys_floor.floor.hash &&
                              keylist_is(o->bytes->data, o->bytes->size, s->keys_floor.floor.hash);

        if (policy.n_roots == 0)
                return refuse_as(error, "key", "agentd.conf names no roots for the issuer");
        if (is_saved && s->keys)
                return SET_E_UNCHANGED;
        if (!is_saved && roots_are_unknown(s, &policy))
                return refuse_as(error, "archive",
                                 "its roots were said by a list that is lost: bring that list, or "
                                 "name its roots in agentd.conf");
        return keylist_verify(o->bytes->data, o->bytes->size, &policy,
                              is_saved ? &s->keys_floor.floor : &floor, o->now,
                              is_saved ? KEYLIST_KEPT : KEYLIST_OFFERED, &o->keys, error);
}

static bool is_no_word_of_theirs(const SetError *e)
{
        return streq(e->code, "key") || streq(e->code, "root-threshold");
}

/* The issuer whose roots signed is found by trying, as with sets. */
static void verify(Offer *o)
{
        const size_t n = o->sets->agent->config->n_issuers, first = o->label < n ? o->label : 0;

        o->r = SET_E_REFUSED;
        o->index = first;
        for (size_t k = 0; k < n && o->r == SET_E_REFUSED; k++) {
                const size_t i = (first + k) % n;
                SetError error = {};

                o->r = verify_as(o, i, &error);
                if (o->r == SET_E_REFUSED && k > 0 && is_no_word_of_theirs(&error))
                        continue;
                o->index = i;
                o->error = error;
        }
}

/* A key that goes on signing vouches for the set in force, and what it took stays taken. Where
 * nothing is in force nobody does. */
static bool floor_stands(const IssuerState *s, const KeyList *l)
{
        return s->set && key_list_signs(l, s->set->kid);
}

static void note_floors(Offer *o)
{
        const Agent *a = o->sets->agent;
        const SetPolicy *policy = &a->config->issuers[o->index].policy;
        const IssuerState *s = &a->issuers[o->index];
        const KeyList *l = o->keys;
        KeysFloor *f = &o->keys_floor;

        *f = (KeysFloor){ .floor.ver = l->ver };
        memcpy(f->floor.hash, l->hash, sizeof(f->floor.hash));
        roots_digest(policy->roots, policy->n_roots, policy->root_threshold, f->roots);
        roots_digest(l->roots, l->n_roots, l->threshold, f->own);
        o->floor = (SetFloor){ .ver = l->floor_ver - 1 };
        o->sets_floor = l->floor_ver > 0 && !streq(s->keys_floor.floor.hash, l->hash) &&
                        !(s->keys && streq(s->keys->hash, l->hash)) &&
                        (o->floor.ver >= s->floor.ver || !floor_stands(s, l));
}

void keys_prepare(Offer *o)
{
        o->is_keys = true;
        o->error = (SetError){};
        verify(o);
        if (o->r != 0)
                return;
        note_floors(o);
        if (asprintf(&o->path, PATH_SETS_DIR "/%s.jws", o->keys->hash) < 0) {
                o->path = NULL;
                o->r = -ENOMEM;
        }
}

/* What a set left there must not be taken for the newer floor (write_state()). */
static void forget_on_disk(Offer *o)
{
        OnDisk *d = &o->sets->on_disk;

        if (o->sets_floor && streq_ptr(d->issuer, o->issuer))
                d->floor = o->floor;
}

/* On the disk's thread: what state.json names is there (W1). */
static int keys_save(void *offer)
{
        Offer *o = offer;
        _cleanup_free_ char *state = NULL;
        size_t size = 0;
        int r;

        r = file_replace(o->path, o->bytes->data, o->bytes->size, 0600, geteuid(), getegid(), true);
        if (r == 0)
                r = state_format(&o->state, NULL, NULL, 0, &state, &size);
        if (r == 0)
                r = file_replace(PATH_STATE_FILE, state, size, 0600, geteuid(), getegid(), true);
        if (r == 0)
                forget_on_disk(o);
        return r;
}

/* ---- on the loop ----------------------------------------------------------------------------- */

void *key_list_release(void *object)
{
        return key_list_free(object);
}

static void record(Agent *a, EventKind kind, const char *code, const char *detail)
{
        const Event e = { .kind = kind, .code = code, .detail = detail };

        agent_record(a, &e);
}

void keys_record_refused(Agent *a, size_t index, const SetError *error)
{
        char detail[SET_DETAIL_MAX + 1100];
        const Event e = { .kind = EVENT_SET_REFUSED, .code = error->code, .detail = detail };

        (void)snprintf(detail, sizeof(detail), "%s: key list: %s", a->config->issuers[index].issuer,
                       error->detail);
        a->issuers[index].keys_refused = *error;
        sets_record_refused(a->sets, index, &e);
}

static void record_accepted(Agent *a, const KeyList *l)
{
        char detail[1200];

        (void)snprintf(detail, sizeof(detail),
                       "%s version %lld, %zu keys, %zu retired, %zu left out, %u of %zu roots, %s",
                       l->issuer, (long long)l->ver, l->n_signing, l->n_keys - l->n_signing,
                       l->n_skipped, l->threshold, l->n_roots, l->hash);
        record(a, EVENT_KEYS, NULL, detail);
        for (size_t i = 0; i < l->n_skipped; i++) {
                (void)snprintf(detail, sizeof(detail), "%s: %s", l->title, l->skipped[i]);
                record(a, EVENT_QUARANTINE, "key", detail);
        }
}

static void put_in_force(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        const bool is_news = !s->keys || !streq(s->keys->hash, o->keys->hash);

        publish_retire(a->publisher, key_list_release, s->keys);
        s->keys = TAKE_PTR(o->keys);
        s->keys_are_lost = s->roots_are_conf = false;
        s->keys_refused = (SetError){};
        if (o->sets_floor && (o->floor.ver < s->floor.ver || o->floor.ver >= s->seen.ver))
                s->seen = o->floor;
        if (o->sets_floor)
                s->floor = o->floor;
        if (is_news)
                record_accepted(a, s->keys);
        agent_refresh(a);
        sets_config_changed(o->sets);
}

static void refuse(Offer *o)
{
        if (o->r < 0) {
                (void)snprintf(o->error.code, sizeof(o->error.code), "not-verified");
                (void)snprintf(o->error.detail, sizeof(o->error.detail), "%s", strerror(-o->r));
        }
        keys_record_refused(o->sets->agent, o->index, &o->error);
        offer_answer(o, "refused %s %s", o->error.code, o->error.detail);
}

static void on_published(void *userdata)
{
        Offer *o = userdata;

        offer_answer(o, "%s", o->line);
        sets_offer_done(o->sets);
}

/* Sets that new keys signed may have been refused before: all is asked for anew. */
static void finish(Offer *o)
{
        Agent *a = o->sets->agent;

        a->issuers[o->index].keys_floor = o->keys_floor;
        sets_prune_archive(o->sets);
        (void)publish_sources(a->config);
        (void)snprintf(o->line, sizeof(o->line), "accepted %lld %s",
                       (long long)o->keys_floor.floor.ver, o->keys_floor.floor.hash);
        if (!a->reconciled) {
                on_published(o);
                return;
        }
        o->published = (PublishWaiter){ .done = on_published, .userdata = o };
        publish_wait(a->publisher, &o->published);
}

/* state.json must not name what is not there: what is saved next says the list of before, and a
 * floor that was set stays with this agent. */
static void take_floor_back(Offer *o)
{
        Agent *a = o->sets->agent;

        (void)state_set_keys_floor(a->state, a->config->issuers[o->index].issuer,
                                   &a->issuers[o->index].keys_floor);
}

static void on_saved(void *userdata, int r)
{
        Offer *o = userdata;
        Sets *s = o->sets;

        state_unshare(s->agent->state, &o->state);
        if (s->stopping || r == -ECANCELED) {
                offer_answer(o, "refused stopping the agent stops");
                sets_offer_done(s);
        } else if (r < 0) {
                take_floor_back(o);
                (void)snprintf(o->error.code, sizeof(o->error.code), "not-saved");
                (void)snprintf(o->error.detail, sizeof(o->error.detail),
                               "%s: %s; what it retires is over all the same", PATH_STATE_DIR,
                               strerror(-r));
                o->r = SET_E_REFUSED;
                refuse(o);
                sets_offer_done(s);
        } else {
                sets_recovered(s);
                finish(o);
        }
}

static int set_floors(Offer *o)
{
        Agent *a = o->sets->agent;
        const char *issuer = a->config->issuers[o->index].issuer;
        int r = state_set_keys_floor(a->state, issuer, &o->keys_floor);

        if (r == 0 && o->sets_floor)
                r = state_set_floor(a->state, issuer, &o->floor);
        o->issuer = issuer;
        return r == 0 ? state_share(a->state, &o->state) : r;
}

static void accept_keys(Offer *o)
{
        int r;

        put_in_force(o);
        r = set_floors(o);
        if (r == 0)
                r = writer_call(o->sets->agent->writer, keys_save, on_saved, o);
        if (r < 0)
                on_saved(o, r);
}

void keys_prepared(Offer *o)
{
        const SetFloor *floor = &o->sets->agent->issuers[o->index].keys_floor.floor;

        if (o->r == 0) {
                accept_keys(o);
                return;
        }
        if (o->r == SET_E_UNCHANGED)
                offer_answer(o, "unchanged %lld %s", (long long)floor->ver, floor->hash);
        else
                refuse(o);
        sets_offer_done(o->sets);
}
