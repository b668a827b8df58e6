/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a revocation list and a key list have in common: what they take is taken before anything is
 * written (W2), and stays taken whatever the disk does. */

#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

#include <stdio.h>

static SetFloor *floor_of(Agent *a, const ListKind *kind, size_t index)
{
        return (SetFloor *)(void *)((char *)&a->issuers[index] + kind->floor);
}

static SetError *refused_of(Agent *a, const ListKind *kind, size_t index)
{
        return (SetError *)(void *)((char *)&a->issuers[index] + kind->refused);
}

static SetBytes **unsaved_of(Agent *a, const ListKind *kind, size_t index)
{
        return (SetBytes **)(void *)((char *)&a->issuers[index] + kind->unsaved);
}

void believed_record_refused(Agent *a, const ListKind *kind, size_t index, const SetError *error)
{
        char detail[SET_DETAIL_MAX + 1100];
        const Event e = { .kind = EVENT_SET_REFUSED, .code = error->code, .detail = detail };

        (void)snprintf(detail, sizeof(detail), "%s: %s: %s", a->config->issuers[index].issuer,
                       kind->title, error->detail);
        *refused_of(a, kind, index) = *error;
        sets_record_refused(a->sets, index, &e);
}

static void note_refused(Offer *o)
{
        believed_record_refused(o->sets->agent, o->list_kind, o->index, &o->error);
        (void)snprintf(o->line, sizeof(o->line), "refused %s %s", o->error.code, o->error.detail);
}

static void refuse(Offer *o)
{
        note_refused(o);
        offer_answer(o, "%s", o->line);
        sets_offer_done(o->sets);
}

static void refuse_not_verified(Offer *o)
{
        (void)set_refused(&o->error, "not-verified", "%s", strerror(-o->r));
        refuse(o);
}

/* Its bytes stay: who has the source in hand may bring an older one instead from now on. */
static void keep_unsaved(Offer *o)
{
        SetBytes **unsaved = unsaved_of(o->sets->agent, o->list_kind, o->index);

        set_bytes_free(*unsaved);
        *unsaved = TAKE_PTR(o->bytes);
        sets_retry_later(o->sets);
}

static void forget_unsaved(Offer *o)
{
        Agent *a = o->sets->agent;
        SetBytes **unsaved = unsaved_of(a, o->list_kind, o->index);
        SetError *refused = refused_of(a, o->list_kind, o->index);

        *unsaved = set_bytes_free(*unsaved);
        if (streq(refused->code, "not-saved"))
                *refused = (SetError){};
}

/* It is in force all the same: sessions are reviewed before the sets that it takes are verified
 * anew and gone. */
static void refuse_not_saved(Offer *o, int r)
{
        (void)set_refused(&o->error, "not-saved",
                          "%s: %s; what it %s is over all the same, but the next agent would not "
                          "know: it is tried again",
                          PATH_STATE_DIR, strerror(-r), o->list_kind->takes);
        keep_unsaved(o);
        note_refused(o);
        offer_answer_published(o);
}

/* On the disk's thread: what state.json names is there (W1). */
static int save(void *offer)
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
        if (r < 0)
                return r;
        o->sets->on_disk.believed = o->believed;
        if (o->list_kind->on_disk)
                o->list_kind->on_disk(o);
        return 0;
}

static void finish(Offer *o)
{
        const SetFloor *floor = floor_of(o->sets->agent, o->list_kind, o->index);

        o->list_kind->saved(o);
        forget_unsaved(o);
        sets_prune_archive(o->sets);
        offer_accepted(o, floor->ver, floor->hash);
}

static void on_saved(void *userdata, int r)
{
        Offer *o = userdata;
        Sets *s = o->sets;

        state_unshare(s->agent->state, &o->state);
        /* What is saved next says the list of before: this one is not there. */
        if (r < 0)
                (void)o->list_kind->announce(o, false);
        if (s->stopping || r == -ECANCELED) {
                offer_answer(o, "refused stopping the agent stops");
                sets_offer_done(s);
        } else if (r < 0) {
                refuse_not_saved(o, r);
        } else {
                sets_recovered(s);
                finish(o);
        }
}

static void save_begin(Offer *o)
{
        const Agent *a = o->sets->agent;
        int r;

        o->believed = ++o->sets->n_believed;
        r = o->list_kind->announce(o, true);
        if (r == 0)
                r = state_share(a->state, &o->state);
        if (r == 0)
                r = writer_call(a->writer, save, on_saved, o);
        if (r < 0)
                on_saved(o, r);
}

static void believe(Offer *o)
{
        o->list_kind->put_in_force(o);
        save_begin(o);
}

/* ---- again -------------------------------------------------------------------------------------
 */

static Offer *offer_of_unsaved(Sets *s, const ListKind *kind, size_t index)
{
        SetBytes **unsaved = unsaved_of(s->agent, kind, index);
        Offer *o = *unsaved ? offer_new(s) : NULL;

        if (!o)
                return NULL;
        o->index = index;
        o->list_kind = kind;
        o->is_unsaved = true;
        o->bytes = TAKE_PTR(*unsaved);
        return o;
}

static const ListKind *const kinds[] = { &list_kind, &key_list_kind };

static bool any_is_unsaved(const Sets *s)
{
        for (size_t i = 0; i < ELEMENTSOF(kinds) * s->agent->config->n_issuers; i++)
                if (*unsaved_of(s->agent, kinds[i % ELEMENTSOF(kinds)], i / ELEMENTSOF(kinds)))
                        return true;
        return false;
}

/* Each once: what fails, or is passed over by another configuration, is the next time's. */
Offer *believed_next_unsaved(Sets *s)
{
        const size_t n = ELEMENTSOF(kinds) * s->agent->config->n_issuers;
        Offer *o = NULL;

        if (s->unsaved_at == SIZE_MAX)
                return NULL;
        for (; !o && s->unsaved_at < n; s->unsaved_at++)
                o = offer_of_unsaved(s, kinds[s->unsaved_at % ELEMENTSOF(kinds)],
                                     s->unsaved_at / ELEMENTSOF(kinds));
        if (o)
                return o;
        s->unsaved_at = SIZE_MAX;
        if (any_is_unsaved(s))
                sets_retry_later(s);
        return NULL;
}

/* It was verified when it was believed, and has been in force since. */
void believed_begin_unsaved(Offer *o)
{
        if (asprintf(&o->path, PATH_SETS_DIR "/%s.jws", o->list_kind->note(o)) < 0) {
                o->path = NULL;
                on_saved(o, -ENOMEM);
        } else {
                save_begin(o);
        }
}

void believed_offer_unsaved(Agent *a, const ListKind *kind, size_t index)
{
        SetBytes *bytes = TAKE_PTR(*unsaved_of(a, kind, index));

        if (bytes && sets_offer_bytes(a->sets, (uint32_t)index, bytes, NULL, NULL) < 0)
                set_bytes_free(bytes);
}

int believed_share_before(Offer *o, State *ret)
{
        State *state = o->sets->agent->state;
        int r;

        r = o->list_kind->announce(o, false);
        if (r == 0)
                r = state_share(state, ret);
        if (r < 0)
                return r;
        r = o->list_kind->announce(o, true);
        if (r < 0)
                state_unshare(state, ret);
        return r;
}

void believed_prepared(Offer *o)
{
        const SetFloor *floor = floor_of(o->sets->agent, o->list_kind, o->index);

        if (o->r == 0) {
                believe(o);
        } else if (o->r < 0) {
                refuse_not_verified(o);
        } else if (o->r == SET_E_UNCHANGED) {
                offer_answer(o, "unchanged %lld %s", (long long)floor->ver, floor->hash);
                sets_offer_done(o->sets);
        } else {
                refuse(o);
        }
}
