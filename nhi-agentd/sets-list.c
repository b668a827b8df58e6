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
        (void)snprintf(error->code, sizeof(error->code), "key-revoked");
        (void)snprintf(error->detail, sizeof(error->detail),
                       "the revocation list in force names the key %s that signed it: sign it "
                       "with another",
                       o->list->kid);
        o->list = revocation_list_free(o->list);
        return SET_E_REFUSED;
}

static int verify_as(Offer *o, size_t i, const char *hash, SetError *error)
{
        const Agent *a = o->sets->agent;
        const IssuerState *s = &a->issuers[i];
        const SetPolicy policy = issuer_policy(&a->config->issuers[i], s);
        const SetFloor floor = list_floor(s);
        const bool is_saved = streq(hash, s->list_floor.hash);
        /* Believed already: it is offered again to be saved. */
        const bool is_in_force = s->list && streq(hash, s->list->hash);
        int r;

        if (is_saved && s->list)
                return SET_E_UNCHANGED;
        r = revocations_verify(o->bytes->data, o->bytes->size, &policy, &floor, o->now,
                               is_saved ? REVOCATIONS_KEPT : REVOCATIONS_OFFERED, &o->list, error);
        return r == 0 && !is_saved && !is_in_force ? hold_against_lists(o, i, error) : r;
}

/* The issuer whose key signed is found by trying, as with sets. */
static void verify(Offer *o)
{
        const size_t n = o->sets->agent->config->n_issuers, first = o->label < n ? o->label : 0;
        char hash[65];

        content_hash(o->bytes->data, o->bytes->size, hash);
        o->r = SET_E_REFUSED;
        o->index = first;
        for (size_t k = 0; k < n && o->r == SET_E_REFUSED; k++) {
                const size_t i = (first + k) % n;
                SetError error = {};

                o->r = verify_as(o, i, hash, &error);
                if (o->r == SET_E_REFUSED && k > 0 && !streq(o->error.code, "key"))
                        continue;
                o->index = o->r == SET_E_REFUSED && streq(error.code, "key") ? first : i;
                o->error = error;
        }
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
        o->is_list = true;
        o->error = (SetError){};
        verify(o);
        if (o->r == 0)
                o->r = find_named(o);
        if (o->r < 0)
                o->list = revocation_list_free(o->list);
        if (o->r == 0 && asprintf(&o->path, PATH_SETS_DIR "/%s.jws", o->list->hash) < 0) {
                o->path = NULL;
                o->r = -ENOMEM;
        }
}

/* On the disk's thread: what state.json names is there (W1). */
static int list_save(void *offer)
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
        return r;
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static void *list_release(void *object)
{
        return revocation_list_free(object);
}

static void record(Agent *a, EventKind kind, const char *code, const char *detail)
{
        const Event e = { .kind = kind, .code = code, .detail = detail };

        agent_record(a, &e);
}

void list_record_refused(Agent *a, size_t index, const SetError *error)
{
        char detail[SET_DETAIL_MAX + 1100];
        const Event e = { .kind = EVENT_SET_REFUSED, .code = error->code, .detail = detail };

        (void)snprintf(detail, sizeof(detail), "%s: revocation list: %s",
                       a->config->issuers[index].issuer, error->detail);
        a->issuers[index].list_refused = *error;
        sets_record_refused(a->sets, index, &e);
}

static void record_skipped(Agent *a, const RevocationList *l)
{
        char detail[1200];

        if (l->n_skipped > REVOCATIONS_SKIPPED_MAX) {
                (void)snprintf(detail, sizeof(detail),
                               "%s: %zu entries in all are left out, not all are told one by one",
                               l->title, l->n_skipped);
                record(a, EVENT_QUARANTINE, "more", detail);
        }
        for (size_t i = 0; i < l->n_skipped && i < REVOCATIONS_SKIPPED_MAX; i++) {
                (void)snprintf(detail, sizeof(detail), "%s: %s", l->title, l->skipped[i]);
                record(a, EVENT_QUARANTINE, "revocation", detail);
        }
}

static void record_named(Agent *a, const Offer *o)
{
        char detail[1200];

        for (size_t i = 0; i < o->gone.n; i++) {
                const Grant *g = o->gone.grants[i];
                const Event e = { .kind = EVENT_GRANT_ENDED,
                                  .grant = g,
                                  .account = g->account,
                                  .code = "revoked",
                                  .detail = detail };

                agent_lists_explain(a, g, detail, sizeof(detail));
                agent_record(a, &e);
        }
}

static void record_accepted(Agent *a, const Offer *o)
{
        const RevocationList *l = a->issuers[o->index].list;
        char detail[1200];

        (void)snprintf(detail, sizeof(detail),
                       "%s version %lld, %zu entries, %zu left out, %s: it takes %zu grants here "
                       "and gives %zu back",
                       l->issuer, (long long)l->ver, l->n_entries, l->n_skipped, l->hash,
                       o->n_named, o->n_lifted);
        record(a, EVENT_REVOCATIONS, NULL, detail);
        record_skipped(a, l);
        record_named(a, o);
}

static void put_in_force(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        const bool is_news = !s->list || !streq(s->list->hash, o->list->hash);

        o->floor.ver = o->list->ver;
        memcpy(o->floor.hash, o->list->hash, sizeof(o->floor.hash));
        publish_retire(a->publisher, list_release, s->list);
        s->list = TAKE_PTR(o->list);
        s->list_is_lost = false;
        s->list_refused = (SetError){};
        if (is_news)
                record_accepted(a, o);
        fresh_lists_changed(o->sets);
        agent_refresh(a);
}

static void refuse(Offer *o)
{
        if (o->r < 0) {
                (void)snprintf(o->error.code, sizeof(o->error.code), "not-verified");
                (void)snprintf(o->error.detail, sizeof(o->error.detail), "%s", strerror(-o->r));
        }
        list_record_refused(o->sets->agent, o->index, &o->error);
        offer_answer(o, "refused %s %s", o->error.code, o->error.detail);
}

static void on_published(void *userdata)
{
        Offer *o = userdata;

        offer_answer(o, "%s", o->line);
        sets_offer_done(o->sets);
}

static void finish(Offer *o)
{
        Agent *a = o->sets->agent;

        a->issuers[o->index].list_floor = o->floor;
        sets_prune_archive(o->sets);
        (void)snprintf(o->line, sizeof(o->line), "accepted %lld %s", (long long)o->floor.ver,
                       o->floor.hash);
        if (!a->reconciled) {
                on_published(o);
                return;
        }
        o->published = (PublishWaiter){ .done = on_published, .userdata = o };
        publish_wait(a->publisher, &o->published);
}

/* state.json must not name what is not there: what is saved next says the list of before. */
static void take_floor_back(Offer *o)
{
        Agent *a = o->sets->agent;

        (void)state_set_list_floor(a->state, a->config->issuers[o->index].issuer,
                                   &a->issuers[o->index].list_floor);
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
                               "%s: %s; what it revokes is over all the same", PATH_STATE_DIR,
                               strerror(-r));
                o->r = SET_E_REFUSED;
                refuse(o);
                sets_offer_done(s);
        } else {
                sets_recovered(s);
                finish(o);
        }
}

static void accept_list(Offer *o)
{
        Agent *a = o->sets->agent;
        int r;

        put_in_force(o);
        r = state_set_list_floor(a->state, a->config->issuers[o->index].issuer, &o->floor);
        if (r == 0)
                r = state_share(a->state, &o->state);
        if (r == 0)
                r = writer_call(a->writer, list_save, on_saved, o);
        if (r < 0)
                on_saved(o, r);
}

void list_prepared(Offer *o)
{
        const SetFloor *floor = &o->sets->agent->issuers[o->index].list_floor;

        if (o->r == 0) {
                accept_list(o);
                return;
        }
        if (o->r == SET_E_UNCHANGED)
                offer_answer(o, "unchanged %lld %s", (long long)floor->ver, floor->hash);
        else
                refuse(o);
        sets_offer_done(o->sets);
}
