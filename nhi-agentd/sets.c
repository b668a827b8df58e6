/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/sets.h"

#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "lib/wire/feed.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

/* ---- one offer ------------------------------------------------------------------------------- */

Offer *offer_new(Sets *s)
{
        Offer *o = calloc(1, sizeof(*o));

        if (!o)
                return NULL;
        o->sets = s;
        o->archive_fd = -EBADF;
        return o;
}

static void *bytes_release(void *object)
{
        return set_bytes_free(object);
}

static void *set_release(void *object)
{
        return grant_set_free(object);
}

static void *standing_release(void *object)
{
        return standing_free(object);
}

/* What is large is given back off the loop; the standing before the set that it points into. */
Offer *offer_free(Offer *o)
{
        Publisher *p;

        if (!o)
                return NULL;
        p = o->sets->agent->publisher;
        publish_forget(p, &o->published);
        publish_retire(p, standing_release, o->standing);
        publish_retire(p, set_release, o->set);
        publish_retire(p, bytes_release, o->bytes);
        config_free(o->config);
        idmap_free(o->idmap);
        state_unshare(o->sets->agent->state, &o->state);
        closep(&o->archive_fd);
        free(o->gone.grants);
        free(o->narrowed.items);
        free(o->path);
        free(o->uids);
        free(o);
        return NULL;
}

void offer_answer(Offer *o, const char *format, ...)
{
        char line[SET_DETAIL_MAX + 256];
        va_list args;

        if (!o->done)
                return;
        va_start(args, format);
        (void)vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        o->done(o->userdata, line);
        o->done = NULL;
}

/* ---- the queue ------------------------------------------------------------------------------- */

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
        s->n_bytes -= o->bytes ? o->bytes->size : 0;
        return o;
}

static void queue_push(Sets *s, Offer *o)
{
        *s->last = o;
        s->last = &o->next;
        s->n_queued++;
        s->n_bytes += o->bytes ? o->bytes->size : 0;
}

static void offer_drop(Offer *o)
{
        offer_answer(o, "refused stopping the agent stops");
        offer_free(o);
}

Sets *sets_free(Sets *s)
{
        Offer *o;

        if (!s)
                return NULL;
        s->stopping = true;
        while ((o = queue_pop(s)))
                offer_drop(o);
        if (s->current)
                offer_drop(s->current);
        config_free(s->next_config);
        localdb_free(s->next_local);
        free(s->on_disk.issuer);
        free(s);
        return NULL;
}

/* ---- state.json ------------------------------------------------------------------------------ */

typedef struct StateSave {
        Sets *sets;
        State share;
} StateSave;

static void state_save_free(StateSave *save)
{
        state_unshare(save->sets->agent->state, &save->share);
        free(save);
}

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
        state_save_free(save);
}

static int write_state(void *userdata)
{
        const StateSave *save = userdata;
        const State *s = &save->share;
        const OnDisk *d = &save->sets->on_disk;
        const SetFloor *floor = d->issuer ? state_floor(s, d->issuer) : NULL;
        const bool is_behind = d->issuer && (!floor || floor->ver < d->floor.ver);
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        /* Shared before a set was saved, written after it: no floor is lowered by that. */
        r = state_format(s, is_behind ? d->issuer : NULL, &d->floor,
                         d->time_floor_sec > s->time_floor_sec ? d->time_floor_sec
                                                               : s->time_floor_sec,
                         &text, &size);
        return r == 0 ? file_replace(PATH_STATE_FILE, text, size, 0600, geteuid(), getegid(), true)
                      : r;
}

static int save_state_now(Sets *s)
{
        StateSave *save = calloc(1, sizeof(*save));
        int r;

        if (!save)
                return -ENOMEM;
        save->sets = s;
        r = state_share(s->agent->state, &save->share);
        if (r == 0)
                r = writer_call(s->agent->writer, write_state, on_state_saved, save);
        if (r < 0) {
                state_save_free(save);
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

/* What waits for a set to be saved does not wait for the next agent. */
void sets_stop(Sets *s)
{
        if (!s || s->stopping)
                return;
        s->stopping = true;
        if (s->state_dirty)
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
                Offer *o;

                if (s->agent->issuers[i].archive_fd < 0 || waits_again(s, i))
                        continue;
                o = offer_new(s);
                if (!o)
                        return;
                o->label = (uint32_t)i;
                o->again = true;
                queue_push(s, o);
        }
}

static void *local_release(void *object)
{
        return localdb_free(object);
}

static void swap_local(Sets *s)
{
        Agent *a = s->agent;

        publish_retire(a->publisher, local_release, a->local);
        a->local = TAKE_PTR(s->next_local);
        agent_refresh(a);
        queue_again(s);
}

/* A configuration goes before the sets that wait: they are judged by it. */
static Offer *take_next(Sets *s)
{
        Offer *o;

        if (s->next_local)
                swap_local(s);
        if (!s->next_config)
                return queue_pop(s);
        o = offer_new(s);
        if (!o) {
                s->next_config = config_free(s->next_config);
                return queue_pop(s);
        }
        o->config = TAKE_PTR(s->next_config);
        return o;
}

void sets_config_changed(Sets *s)
{
        queue_forget_again(s);
        queue_again(s);
}

static void sets_next(Sets *s)
{
        while (!s->current && !s->stopping) {
                Offer *o = take_next(s);

                if (!o)
                        return;
                s->current = o;
                if ((o->config ? config_begin(o) : offer_begin(o)) == 0)
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

/* However many wait, what they hold is bounded; one alone is bounded by itself. */
static bool is_full(const Sets *s, size_t size)
{
        return s->n_queued >= SETS_QUEUE_MAX ||
               (s->n_bytes > 0 && size > SETS_QUEUE_BYTES_MAX - s->n_bytes);
}

int sets_offer_bytes(Sets *s, uint32_t label, SetBytes *bytes, SetsDone done, void *userdata)
{
        Offer *o;

        if (is_full(s, bytes->size))
                return -EBUSY;
        o = offer_new(s);
        if (!o)
                return -ENOMEM;
        o->label = label;
        o->bytes = bytes;
        o->done = done;
        o->userdata = userdata;
        queue_push(s, o);
        sets_next(s);
        return 0;
}

int sets_offer(Sets *s, uint32_t label, char *jws, size_t size, SetsDone done, void *userdata)
{
        SetBytes *bytes = NULL;
        int r;

        r = set_bytes_new(jws, size, &bytes);
        if (r < 0)
                return r;
        r = sets_offer_bytes(s, label, bytes, done, userdata);
        if (r < 0)
                free(bytes); /* jws stays the caller's */
        return r;
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

bool sets_are_settled(const Sets *s)
{
        return !s->current && !s->first && !s->next_config && !s->next_local && !s->state_dirty &&
               s->n_state_saves == 0;
}

/* ---- at start -------------------------------------------------------------------------------- */

static void fd_close(int *fd)
{
        closep(fd);
        *fd = -EBADF;
}

static int load_prepared(Offer *o, const char *path)
{
        int r;

        if (o->r < 0) {
                (void)snprintf(o->error.code, sizeof(o->error.code), "archive");
                (void)snprintf(o->error.detail, sizeof(o->error.detail), "%s: %s", path,
                               strerror(-o->r));
        }
        if (o->r != 0) {
                offer_record_refused(o);
                return 0;
        }
        r = offer_save(o);
        if (r == 0)
                offer_put_in_force(o);
        return r;
}

static int load_one(Sets *s, size_t index)
{
        Agent *a = s->agent;
        IssuerState *issuer = &a->issuers[index];
        const SetFloor *floor = state_floor(a->state, a->config->issuers[index].issuer);
        char path[sizeof(PATH_SETS_DIR) + 80];
        size_t size = 0;
        Offer *o;
        int r;

        if (!floor)
                return 0;
        issuer->floor = *floor;
        o = offer_new(s);
        if (!o)
                return -ENOMEM;
        o->label = (uint32_t)index;
        o->again = true;
        o->now = agent_judging_now(a);
        (void)snprintf(path, sizeof(path), PATH_SETS_DIR "/%s.jws", floor->hash);
        r = file_open_trusted(AT_FDCWD, path, owner_trusted(), &issuer->archive_fd, &size);
        if (r == 0)
                (void)offer_prepare(o);
        else
                o->r = r;
        o->index = index;
        r = load_prepared(o, path);
        /* What is not in force is the source's to bring back. */
        if (!issuer->set)
                fd_close(&issuer->archive_fd);
        offer_free(o);
        return r;
}

int sets_load_archived(Sets *s)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < s->agent->config->n_issuers; i++) {
                (void)sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%u", FEED_REPLY_USEC);
                r = load_one(s, i);
        }
        return r;
}
