/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/ended.h"

#include "nhi-agentd/evidence.h"
#include "nhi-agentd/journal.h"
#include "nhi-agentd/publish.h"
#include "nhi-agentd/sets.h"
#include "nhi-agentd/state.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/sort.h"

#define USEC ((int64_t)USEC_PER_SEC)
/* How long an ended grant is remembered that no set has any more: a set lives seven days at most.
 */
#define ENDED_KEEP_SEC  (8 * 86400)
#define PRUNE_EVERY_SEC 600
#define BREATH_USEC     20000

/* What went with a set, until each is written down. */
typedef struct Farewell {
        struct Farewell *next;
        const char *code; /* a literal */
        GrantList gone;
        size_t at;
        GrantSet *set;
} Farewell;

struct Ended {
        Agent *agent;
        sd_event_source *turn;   /* enabled while there is something left */
        size_t real_at, boot_at; /* in store.by_end and by_boot: before them all is noted */
        bool is_noting;          /* behind the clocks */
        bool is_dirty;           /* noted and not saved */
        uint64_t dropped;        /* of the journal's records, before the last turn */
        Farewell *first, **last;
};

static void *set_release(void *object)
{
        return grant_set_free(object);
}

static void farewell_free(Ended *e, Farewell *f)
{
        free(f->gone.grants);
        publish_retire(e->agent->publisher, set_release, f->set);
        free(f);
}

static Farewell *farewell_pop(Ended *e)
{
        Farewell *f = e->first;

        if (!f)
                return NULL;
        e->first = f->next;
        if (!e->first)
                e->last = &e->first;
        return f;
}

static bool is_in_store(void *userdata, const char *jti)
{
        return agent_grant(userdata, jti) != NULL;
}

void ended_prune(Agent *a, int64_t now_sec)
{
        if (a->pruned_sec != 0 && now_sec >= a->pruned_sec &&
            now_sec - a->pruned_sec < PRUNE_EVERY_SEC)
                return;
        a->pruned_sec = now_sec;
        state_prune_ended(a->state, now_sec - ENDED_KEEP_SEC, is_in_store, a);
        evidence_forget_uses(a->evidence, now_sec - ENDED_KEEP_SEC);
}

/* ---- what the clocks ended ---------------------------------------------------------------------
 */

/* What one turn found. */
typedef struct Turn {
        StateEnded items[ENDED_TURN_MAX];
        size_t n;
} Turn;

/* By its own end, not by the offline limit of its set, which a newer set moves. */
static bool is_over_by_real(const Grant *g, Now now)
{
        return g->exp_sec <= now.real_usec / USEC;
}

static bool is_over_by_boot(const Grant *g, Now now)
{
        return g->boot_end_usec <= now.boot_usec;
}

static void turn_add(Turn *t, const Agent *a, const Grant *g, Now now)
{
        if (agent_has_ended(a, g))
                return;
        t->items[t->n] = (StateEnded){ .jti = (char *)(uintptr_t)g->jti,
                                       .exp_sec = g->exp_sec,
                                       .at_sec = now.real_usec / USEC,
                                       .issuer = state_issuer(a->state, g->issuer) };
        t->n++;
}

/* Up to budget grants: how many were looked at. */
static size_t walk(const Grant *const *grants, size_t n, size_t *at, size_t budget,
                   bool (*is_over)(const Grant *g, Now now), Turn *t, const Agent *a, Now now,
                   bool own_end)
{
        size_t looked = 0;

        for (; *at < n && looked < budget && is_over(grants[*at], now); (*at)++, looked++)
                if (!own_end || grants[*at]->exp_sec <= grants[*at]->set_exp_sec)
                        turn_add(t, a, grants[*at], now);
        return looked;
}

static int compare_jti(const void *a, const void *b)
{
        return strcmp(((const StateEnded *)a)->jti, ((const StateEnded *)b)->jti);
}

/* Also where no session of it was open: something of the account may run all the same. */
static void grant_ended(Agent *a, const Event *e)
{
        sets_record_ended(a->sets, e);
        sessions_grant_over(a->sessions, e->account);
}

static void turn_record(const Turn *t, Agent *a, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const Grant *g = agent_grant(a, t->items[i].jti);
                const Event e = { .kind = EVENT_GRANT_ENDED,
                                  .grant = g,
                                  .account = g ? g->account : NULL,
                                  .code = "expired" };

                if (g)
                        grant_ended(a, &e);
        }
}

/* Both clocks may have ended one grant in one turn. */
static void turn_unique(Turn *t)
{
        size_t n = 0;

        sort_items(t->items, t->n, compare_jti);
        for (size_t i = 0; i < t->n; i++)
                if (n == 0 || !streq(t->items[n - 1].jti, t->items[i].jti))
                        t->items[n++] = t->items[i];
        t->n = n;
}

/* True where there may be more. */
static bool note_some(Ended *e)
{
        Agent *a = e->agent;
        const Now now = agent_now(a);
        Turn t = {};
        size_t looked, n = 0;

        looked = walk(a->store.by_end, a->store.n_grants, &e->real_at, ENDED_TURN_MAX,
                      is_over_by_real, &t, a, now, false);
        looked += walk(a->by_boot, a->n_by_boot, &e->boot_at, ENDED_TURN_MAX - looked,
                       is_over_by_boot, &t, a, now, true);
        if (t.n > 0) {
                ended_prune(a, now.real_usec / USEC);
                turn_unique(&t);
                if (state_add_ended_batch(a->state, t.items, t.n, &n) < 0)
                        n = 0; /* the clock denies them all the same */
                turn_record(&t, a, n);
                e->is_dirty = e->is_dirty || n > 0;
        }
        return looked == ENDED_TURN_MAX;
}

/* A timer, and no deferred source: those stay pending from their first time on, and would stand
 * before everybody who comes later. Where journald does not keep up, it has time to, for what it
 * drops may be somebody else's record. */
static void next_turn(Ended *e)
{
        const uint64_t dropped = journal_dropped(e->agent->journal);

        (void)sd_event_source_set_time_relative(e->turn, dropped > e->dropped ? BREATH_USEC : 0);
        e->dropped = dropped;
        (void)sd_event_source_set_enabled(e->turn, SD_EVENT_ONESHOT);
}

static void note(Ended *e)
{
        e->is_noting = note_some(e);
        if (e->is_noting) {
                next_turn(e);
                return;
        }
        if (e->is_dirty)
                sets_save_state(e->agent->sets);
        e->is_dirty = false;
}

void ended_note(Ended *e)
{
        if (!e->is_noting)
                note(e);
}

void ended_restart(Ended *e)
{
        e->real_at = e->boot_at = 0;
        if (!e->is_noting)
                note(e);
}

/* ---- what went with sets
 * -------------------------------------------------------------------------
 */

static void record_some(Ended *e)
{
        Farewell *f = e->first;
        Agent *a = e->agent;

        for (size_t i = 0; i < ENDED_TURN_MAX / 2 && f->at < f->gone.n; i++, f->at++) {
                const Grant *g = f->gone.grants[f->at];
                const Event event = { .kind = EVENT_GRANT_ENDED,
                                      .grant = g,
                                      .account = g->account,
                                      .code = f->code };

                if (!state_ended(a->state, state_issuer(a->state, g->issuer), g->jti))
                        grant_ended(a, &event);
        }
        if (f->at == f->gone.n)
                farewell_free(e, farewell_pop(e));
}

void ended_by_set(Ended *e, GrantList *gone, GrantSet *set, const char *code)
{
        Farewell *f = gone->n > 0 ? calloc(1, sizeof(*f)) : NULL;

        if (!f) {
                free(TAKE_PTR(gone->grants));
                publish_retire(e->agent->publisher, set_release, set);
                return;
        }
        *f = (Farewell){ .code = code, .gone = *gone, .set = set };
        *gone = (GrantList){};
        *e->last = f;
        e->last = &f->next;
        next_turn(e);
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata)
{
        Ended *e = userdata;

        if (e->first)
                record_some(e);
        if (e->is_noting)
                note(e);
        if (!ended_is_settled(e))
                next_turn(e);
        return 0;
}

bool ended_is_settled(const Ended *e)
{
        return !e->first && !e->is_noting;
}

/* ---- life ------------------------------------------------------------------------------------ */

DEFINE_CLEANUP(Ended *, ended_free)

int ended_new(Agent *a, Ended **ret)
{
        _cleanup_(ended_freep) Ended *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return -ENOMEM;
        e->agent = a;
        e->last = &e->first;
        r = sd_event_add_time_relative(a->event, &e->turn, CLOCK_MONOTONIC, 0, 1, on_turn, e);
        if (r >= 0)
                r = sd_event_source_set_enabled(e->turn, SD_EVENT_OFF);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(e->turn, "ended-turn");
        *ret = TAKE_PTR(e);
        return 0;
}

Ended *ended_free(Ended *e)
{
        bool any;

        if (!e)
                return NULL;
        any = e->first != NULL;
        while (e->first)
                record_some(e);
        if (any)
                sets_flush_refused(e->agent->sets);
        sd_event_source_disable_unref(e->turn);
        free(e);
        return NULL;
}
