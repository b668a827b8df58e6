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

/* Its roots may have changed since those of agentd.conf, and which they are was lost with it. But
 * those that agentd.conf names since are a newer word than its. */
static bool roots_are_unknown(const IssuerState *s, const SetPolicy *policy)
{
        char digest[65];

        if (!s->keys_are_lost || !keys_are_of_roots(&s->keys_floor, policy))
                return false;
        roots_digest(policy->roots, policy->n_roots, policy->root_threshold, digest);
        return !streq(digest, s->keys_floor.own);
}

/* One that is lost and comes back is held against what it would be held against from its archive.
 */
static KeyListFrom whence(const IssuerState *s, const SetPolicy *policy, bool is_saved)
{
        if (!is_saved)
                return KEYLIST_OFFERED;
        return keys_are_of_roots(&s->keys_floor, policy) ? KEYLIST_KEPT : KEYLIST_AGAIN;
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
                return set_refused(error, "key", "agentd.conf names no roots for the issuer");
        if (is_saved && s->keys)
                return SET_E_UNCHANGED;
        if (!is_saved && roots_are_unknown(s, &policy))
                return set_refused(
                        error, "archive",
                        "its roots were said by a list that is lost: bring that list, or "
                        "name its roots in agentd.conf");
        return keylist_verify(o->bytes->data, o->bytes->size, &policy,
                              is_saved ? &s->keys_floor.floor : &floor, o->now,
                              whence(s, &policy, is_saved), &o->keys, error);
}

/* A key that goes on signing vouches for the set in force, and what it took stays taken. Where
 * nothing is in force nobody does. */
static bool floor_stands(const IssuerState *s, const KeyList *l)
{
        return s->set && key_list_signs(l, s->set->kid);
}

/* Below the set in force it still names that one: the next agent loads it, too, and so knows that
 * sessions under it are over. */
static void note_sets_floor(Offer *o, const IssuerState *s, const KeyList *l)
{
        o->floor = (SetFloor){ .ver = l->floor_ver - 1 };
        if (s->set && o->floor.ver < s->set->ver)
                memcpy(o->floor.hash, s->set->hash, sizeof(o->floor.hash));
        o->sets_floor = l->floor_ver > 0 && !streq(s->keys_floor.floor.hash, l->hash) &&
                        !(s->keys && streq(s->keys->hash, l->hash)) &&
                        (o->floor.ver >= s->floor.ver || !floor_stands(s, l));
}

static KeysFloor floor_of(const KeyList *l, const SetPolicy *policy)
{
        KeysFloor f = { .floor.ver = l->ver };

        memcpy(f.floor.hash, l->hash, sizeof(f.floor.hash));
        roots_digest(policy->roots, policy->n_roots, policy->root_threshold, f.roots);
        roots_digest(l->roots, l->n_roots, l->threshold, f.own);
        return f;
}

/* One that was lost is as old as it was: roots that agentd.conf named since have the say. */
static void note_floors(Offer *o, const KeyList *l)
{
        const Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[o->index];
        const bool was_lost = streq(s->keys_floor.floor.hash, l->hash);

        o->keys_floor =
                was_lost ? s->keys_floor : floor_of(l, &a->config->issuers[o->index].policy);
        note_sets_floor(o, s, l);
}

void keys_prepare(Offer *o)
{
        o->list_kind = &key_list_kind;
        offer_find_issuer(o, verify_as);
        if (o->r != 0)
                return;
        note_floors(o, o->keys);
        if (asprintf(&o->path, PATH_SETS_DIR "/%s.jws", o->keys->hash) < 0) {
                o->path = NULL;
                o->r = -ENOMEM;
        }
}

/* On the disk's thread: what a set left there must not be taken for the newer floor
 * (write_state()). Any list may be the first that is saved since one moved it. */
static void forget_on_disk(Offer *o)
{
        const SetFloor *saved = state_floor(&o->state, o->issuer);
        OnDisk *d = &o->sets->on_disk;

        if (streq_ptr(d->issuer, o->issuer))
                d->floor = saved ? *saved : (SetFloor){};
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

static const char *note(Offer *o)
{
        const KeyList *l = o->sets->agent->issuers[o->index].keys;

        note_floors(o, l);
        return l->hash;
}

static void put_in_force(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        const bool is_news = !s->keys || !streq(s->keys->hash, o->keys->hash);

        publish_retire(a->publisher, key_list_release, s->keys);
        s->keys = TAKE_PTR(o->keys);
        s->keys_are_lost = false;
        s->roots_are_conf =
                !keys_are_of_roots(&o->keys_floor, &a->config->issuers[o->index].policy);
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

/* state.json, the next time that it is written. A floor that was set stays with this agent. */
static int announce(Offer *o, bool is_next)
{
        Agent *a = o->sets->agent;
        const char *issuer = a->config->issuers[o->index].issuer;
        int r;

        if (!o->issuer) /* which the disk's thread may be reading */
                o->issuer = issuer;
        r = state_set_keys_floor(a->state, issuer,
                                 is_next ? &o->keys_floor : &a->issuers[o->index].keys_floor);
        return r == 0 && is_next && o->sets_floor ? state_set_floor(a->state, issuer, &o->floor)
                                                  : r;
}

/* Sets that new keys signed may have been refused before: all is asked for anew. */
static void saved(Offer *o)
{
        const Agent *a = o->sets->agent;

        a->issuers[o->index].keys_floor = o->keys_floor;
        (void)publish_sources(a->config);
}

const ListKind key_list_kind = {
        .title = "key list",
        .takes = "retires",
        .floor = offsetof(IssuerState, keys_floor.floor),
        .refused = offsetof(IssuerState, keys_refused),
        .unsaved = offsetof(IssuerState, keys_unsaved),
        .note = note,
        .put_in_force = put_in_force,
        .announce = announce,
        .on_disk = forget_on_disk,
        .saved = saved,
};
