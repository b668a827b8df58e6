/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/sets.h"

#include "nhi-agentd/publish.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

#include <stdio.h>

int sets_new(Agent *a, Sets **ret)
{
        Sets *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->agent = a;
        s->last = &s->first;
        *ret = s;
        return 0;
}

static Offer *queue_pop(Sets *s)
{
        Offer *o = s->first;

        if (!o)
                return NULL;
        s->first = o->next;
        if (!s->first)
                s->last = &s->first;
        s->n_queued--;
        return o;
}

static void queue_push(Sets *s, Offer *o)
{
        *s->last = o;
        s->last = &o->next;
        s->n_queued++;
}

Sets *sets_free(Sets *s)
{
        Offer *o;

        if (!s)
                return NULL;
        s->stopping = true;
        while ((o = queue_pop(s))) {
                offer_answer(o, "refused stopping the agent stops");
                offer_free(o);
        }
        offer_free(s->current);
        config_free(s->next_config);
        localdb_free(s->next_local);
        free(s);
        return NULL;
}

void sets_clear_narrowed(IssuerState *s)
{
        for (size_t i = 0; i < s->n_narrowed; i++)
                free(s->narrowed[i]);
        free(TAKE_PTR(s->narrowed));
        s->n_narrowed = 0;
}

static int compare_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

bool sets_is_narrowed(const Sets *s, const char *jti)
{
        for (size_t i = 0; s && i < s->agent->config->n_issuers; i++) {
                const IssuerState *issuer = &s->agent->issuers[i];

                if (issuer->n_narrowed > 0 && bsearch(&jti, issuer->narrowed, issuer->n_narrowed,
                                                      sizeof(char *), compare_text))
                        return true;
        }
        return false;
}

/* ---- state.json ------------------------------------------------------------------------------ */

typedef struct StateSave {
        Sets *sets;
        char *text;
} StateSave;

static void on_state_saved(void *userdata, int r)
{
        StateSave *save = userdata;
        Sets *s = save->sets;

        s->n_state_saves--;
        if (r < 0 && r != -ECANCELED) {
                const Event e = { .kind = EVENT_SET_REFUSED,
                                  .code = "state-not-saved",
                                  .detail = PATH_STATE_FILE };

                agent_record(s->agent, &e);
        }
        free(save->text);
        free(save);
}

static int save_state_now(Sets *s)
{
        StateSave *save = calloc(1, sizeof(*save));
        WriterFile file = { .path = PATH_STATE_FILE, .mode = 0600 };
        int r;

        if (!save)
                return -ENOMEM;
        save->sets = s;
        r = state_format(s->agent->state, NULL, NULL, 0, &save->text, &file.size);
        file.data = save->text;
        if (r == 0)
                r = writer_replace(s->agent->writer, &file, 1, on_state_saved, save);
        if (r < 0) {
                free(save->text);
                free(save);
                return r;
        }
        s->n_state_saves++;
        return 0;
}

void sets_save_state(Sets *s)
{
        if (s->current)
                s->state_dirty = true;
        else
                s->state_dirty = save_state_now(s) < 0;
}

/* ---- between sets ---------------------------------------------------------------------------- */

/* Those that wait to be verified anew: their labels are positions in the configuration of before.
 */
static void queue_forget_again(Sets *s)
{
        for (Offer **at = &s->first; *at;) {
                Offer *o = *at;

                if (!o->again) {
                        at = &o->next;
                        continue;
                }
                *at = o->next;
                s->n_queued--;
                offer_free(o);
        }
        s->last = &s->first;
        while (*s->last)
                s->last = &(*s->last)->next;
}

static bool waits_again(const Sets *s, size_t label)
{
        for (const Offer *o = s->first; o; o = o->next)
                if (o->again && o->label == label)
                        return true;
        return false;
}

/* Once each: a passwd that changes faster than sets are verified must not fill the queue. */
static void queue_again(Sets *s)
{
        for (size_t i = 0; i < s->agent->config->n_issuers; i++) {
                const IssuerState *issuer = &s->agent->issuers[i];
                Offer *o;

                if (!issuer->jws || waits_again(s, i))
                        continue;
                o = calloc(1, sizeof(*o));
                if (!o)
                        return;
                *o = (Offer){ .sets = s,
                              .label = (uint32_t)i,
                              .again = true,
                              .jws = malloc(issuer->jws_size + 1),
                              .size = issuer->jws_size };
                if (!o->jws) {
                        offer_free(o);
                        return;
                }
                memcpy(o->jws, issuer->jws, issuer->jws_size);
                o->jws[o->size] = '\0';
                queue_push(s, o);
        }
}

/* Carry over what is known of issuers that stay; the sets of those that went are over. */
static int swap_config(Sets *s)
{
        Agent *a = s->agent;
        Config *old = a->config, *new = s->next_config;
        IssuerState *before = a->issuers;
        const size_t n_before = old->n_issuers;
        IssuerState *after = calloc(new->n_issuers, sizeof(*after));

        if (!after)
                return -ENOMEM;
        for (size_t i = 0; i < new->n_issuers; i++) {
                const SetFloor *floor = state_floor(a->state, new->issuers[i].issuer);

                if (floor)
                        after[i].floor = *floor;
                for (size_t j = 0; j < n_before; j++) {
                        if (!streq(new->issuers[i].issuer, old->issuers[j].issuer))
                                continue;
                        after[i] = before[j];
                        before[j] = (IssuerState){};
                }
        }
        a->issuers = after;
        a->config = TAKE_PTR(s->next_config);
        if (a->sessions)
                sessions_set_grace(a->sessions, a->config->session_grace_usec);
        (void)agent_refresh(a); /* before those that went are freed */
        agent_issuers_free(before, n_before);
        config_free(old);
        (void)publish_sources(a->config);
        return 0;
}

static void swap_pending(Sets *s)
{
        Agent *a = s->agent;

        if (!s->next_config && !s->next_local)
                return;
        if (s->next_local) {
                localdb_free(a->local);
                a->local = TAKE_PTR(s->next_local);
                if (!s->next_config)
                        (void)agent_refresh(a);
        }
        if (s->next_config) {
                queue_forget_again(s);
                if (swap_config(s) < 0)
                        s->next_config = config_free(s->next_config);
        }
        queue_again(s);
}

static void sets_next(Sets *s)
{
        while (!s->current && !s->stopping) {
                Offer *o;

                swap_pending(s);
                o = queue_pop(s);
                if (!o)
                        return;
                s->current = o;
                if (offer_begin(o) == 0)
                        return;
                offer_answer(o, "refused busy the agent has too much to do");
                s->current = offer_free(o);
        }
}

void sets_offer_done(Sets *s)
{
        s->current = offer_free(s->current);
        if (s->stopping)
                return;
        if (s->state_dirty)
                sets_save_state(s);
        sets_next(s);
}

int sets_offer(Sets *s, uint32_t label, char *jws, size_t size, SetsDone done, void *userdata)
{
        Offer *o;

        if (s->n_queued >= SETS_QUEUE_MAX)
                return -EBUSY;
        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        *o = (Offer){ .sets = s,
                      .label = label,
                      .jws = jws,
                      .size = size,
                      .done = done,
                      .userdata = userdata };
        queue_push(s, o);
        sets_next(s);
        return 0;
}

void sets_change_config(Sets *s, Config *config)
{
        config_free(s->next_config);
        s->next_config = config;
        sets_next(s);
}

void sets_change_local(Sets *s, LocalDb *local)
{
        localdb_free(s->next_local);
        s->next_local = local;
        sets_next(s);
}

/* ---- at start -------------------------------------------------------------------------------- */

static int load_one(Sets *s, size_t index)
{
        Agent *a = s->agent;
        const SetFloor *floor = state_floor(a->state, a->config->issuers[index].issuer);
        char path[sizeof(PATH_SETS_DIR) + 80];
        bool changed = false;
        Offer *o;
        int r;

        if (!floor)
                return 0;
        a->issuers[index].floor = *floor;
        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        *o = (Offer){ .sets = s,
                      .label = (uint32_t)index,
                      .index = index,
                      .again = true,
                      .now = agent_judging_now(a),
                      .floor = *floor };
        (void)snprintf(path, sizeof(path), PATH_SETS_DIR "/%s.jws", floor->hash);
        r = file_read_trusted(path, owner_trusted(), SET_SIZE_MAX, &o->jws, &o->size);
        if (r == 0)
                r = offer_verify(o);
        if (r < 0 || o->r < 0) {
                (void)snprintf(o->error.code, sizeof(o->error.code), "archive");
                (void)snprintf(o->error.detail, sizeof(o->error.detail), "%s: %s", path,
                               strerror(r < 0 ? -r : -o->r));
        }
        if (r < 0 || o->r != 0) {
                offer_record_refused(o);
                offer_free(o);
                return 0;
        }
        r = idmap_learn(a->idmap, o->set, a->local, &changed);
        if (r == 0 && changed) {
                _cleanup_free_ char *uids = NULL;
                size_t size = 0;

                r = idmap_format(a->idmap, &uids, &size);
                if (r == 0)
                        r = file_replace(PATH_UIDS_FILE, uids, size, 0600, geteuid(), getegid(),
                                         true);
        }
        if (r == 0)
                offer_put_in_force(o);
        offer_free(o);
        return r;
}

int sets_load_archived(Sets *s)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->agent->config->n_issuers; i++)
                r = load_one(s, i);
        return r;
}
