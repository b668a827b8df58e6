/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An offered revocation list. It goes the way of a set, and is judged between sets like one; but
 * what it takes is taken before anything is written (W2), and stays taken whatever the disk does.
 */

#include "nhi-agentd/evidence.h"
#include "nhi-agentd/issuer-policy.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

#include <fcntl.h>
#include <stdio.h>

/* ---- on the thread --------------------------------------------------------------------------- */

/* A key that signs no more has moved it, and the roots say from when on lists are believed. */
static bool floor_is_the_roots(const IssuerState *s)
{
        return s->keys && s->keys->floor_ver > 0 && !key_list_signs(s->keys, s->list->kid);
}

/* Of the list in force, be it that it could not be saved. */
static SetFloor list_floor(const IssuerState *s)
{
        SetFloor floor = s->list_floor;

        if (!s->list)
                return floor;
        if (floor_is_the_roots(s))
                return (SetFloor){ .ver = s->keys->floor_ver - 1 };
        floor.ver = s->list->ver;
        memcpy(floor.hash, s->list->hash, sizeof(floor.hash));
        return floor;
}

/* R6 */
static int hold_against_lists(Offer *o, size_t i, SetError *error)
{
        const Agent *a = o->sets->agent;

        if (!agent_key_is_revoked(a, a->config->issuers[i].issuer, o->list->kid))
                return 0;
        (void)set_refused(error, "key-revoked",
                          "the revocation list in force names the key %s that signed it: sign it "
                          "with another",
                          o->list->kid);
        o->list = revocation_list_free(o->list);
        return SET_E_REFUSED;
}

static int verify_as(Offer *o, size_t i, SetError *error)
{
        const Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[i];
        const SetPolicy policy = issuer_policy(&a->config->issuers[i], s);
        const SetFloor floor = list_floor(s);
        const bool is_saved = streq(o->hash, s->list_floor.hash);
        /* Believed already: it is offered again to be saved. */
        const bool is_in_force = s->list && streq(o->hash, s->list->hash);
        int r;

        if (is_saved && s->list)
                return SET_E_UNCHANGED;
        r = revocations_verify(o->bytes->data, o->bytes->size, &policy, &floor, o->now,
                               is_saved ? REVOCATIONS_KEPT : REVOCATIONS_OFFERED, &o->list, error);
        return r == 0 && !is_saved && !is_in_force ? hold_against_lists(o, i, error) : r;
}

/* What changes here: grants that it names and its issuer's list before did not, and the other way
 * round. */
static int find_named(Offer *o)
{
        const Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[o->index];
        const SetPolicy *policy = &a->config->issuers[o->index].policy;
        const Revoker after = { .policy = policy, .list = o->list };
        const Revoker before = { .policy = policy, .list = s->list };

        o->gone.grants = calloc(HIDDEN_TOLD_MAX, sizeof(*o->gone.grants));
        if (!o->gone.grants)
                return -ENOMEM;
        for (size_t i = 0; i < a->store.n_grants; i++) {
                const Grant *g = a->store.grants[i];
                const bool is = revoker_judge(&after, g, NULL) == LIST_NAMES;
                const bool was = revoker_judge(&before, g, NULL) == LIST_NAMES;

                o->n_lifted += was && !is;
                if (!is || was)
                        continue;
                if (o->gone.n < HIDDEN_TOLD_MAX)
                        o->gone.grants[o->gone.n++] = g;
                o->n_named++;
        }
        return 0;
}

void list_prepare(Offer *o)
{
        o->list_kind = &list_kind;
        content_hash(o->bytes->data, o->bytes->size, o->hash);
        offer_find_issuer(o, verify_as);
        if (o->r == 0)
                o->r = find_named(o);
        if (o->r < 0)
                o->list = revocation_list_free(o->list);
        if (o->r == 0 && asprintf(&o->path, PATH_SETS_DIR "/%s.jws", o->list->hash) < 0) {
                o->path = NULL;
                o->r = -ENOMEM;
        }
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static void *list_release(void *object)
{
        return revocation_list_free(object);
}

static void record_skipped(const Offer *o, const RevocationList *l)
{
        char detail[1200];

        if (l->n_skipped > REVOCATIONS_SKIPPED_MAX) {
                (void)snprintf(detail, sizeof(detail),
                               "%s: %zu entries in all are left out, not all are told one by one",
                               l->title, l->n_skipped);
                sets_record_entry(o->sets, o->index, "more", detail);
        }
        for (size_t i = 0; i < l->n_skipped && i < REVOCATIONS_SKIPPED_MAX; i++) {
                (void)snprintf(detail, sizeof(detail), "%s: %s", l->title, l->skipped[i]);
                sets_record_entry(o->sets, o->index, "revocation", detail);
        }
}

/* Those beyond the allowance are over all the same. */
static void record_named(const Offer *o)
{
        const Agent *a = o->sets->agent;
        char detail[1200];

        for (size_t i = 0; i < o->gone.n; i++) {
                const Grant *g = o->gone.grants[i];
                const Event e = { .kind = EVENT_GRANT_ENDED,
                                  .grant = g,
                                  .account = g->account,
                                  .code = "revoked",
                                  .detail = detail };

                agent_lists_explain(a, g, detail, sizeof(detail));
                sets_record_named(o->sets, o->index, &e);
        }
}

static void record_accepted(const Offer *o)
{
        const RevocationList *l = o->sets->agent->issuers[o->index].list;
        char detail[1200];
        const Event e = { .kind = EVENT_REVOCATIONS, .detail = detail };

        (void)snprintf(detail, sizeof(detail),
                       "%s version %lld, %zu entries, %zu left out, %s: it takes %zu grants here "
                       "and gives %zu back",
                       l->issuer, (long long)l->ver, l->n_entries, l->n_skipped, l->hash,
                       o->n_named, o->n_lifted);
        sets_record_list(o->sets, o->index, &e);
        record_skipped(o, l);
        record_named(o);
}

static const char *note(Offer *o)
{
        const RevocationList *l = o->sets->agent->issuers[o->index].list;

        o->floor.ver = l->ver;
        memcpy(o->floor.hash, l->hash, sizeof(o->floor.hash));
        return l->hash;
}

static void put_in_force(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        const bool is_news = !s->list || !streq(s->list->hash, o->list->hash);

        publish_retire(a->publisher, list_release, s->list);
        s->list = TAKE_PTR(o->list);
        (void)note(o);
        s->list_is_lost = false;
        s->list_refused = (SetError){};
        if (is_news)
                record_accepted(o);
        fresh_lists_changed(o->sets);
        agent_refresh(a);
}

/* state.json, the next time that it is written. */
static int announce(Offer *o, bool is_next)
{
        Agent *a = o->sets->agent;

        return state_set_list_floor(a->state, a->config->issuers[o->index].issuer,
                                    is_next ? &o->floor : &a->issuers[o->index].list_floor);
}

static void saved(Offer *o)
{
        o->sets->agent->issuers[o->index].list_floor = o->floor;
}

const ListKind list_kind = {
        .title = "revocation list",
        .takes = "revokes",
        .floor = offsetof(IssuerState, list_floor),
        .refused = offsetof(IssuerState, list_refused),
        .unsaved = offsetof(IssuerState, list_unsaved),
        .note = note,
        .put_in_force = put_in_force,
        .announce = announce,
        .saved = saved,
};
