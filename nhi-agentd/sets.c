/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/sets.h"

#include "nhi-agentd/sets-internal.h"

#include "lib/base/io.h"

#define RETRY_FIRST_USEC    USEC_PER_SEC
#define RETRY_DOUBLINGS_MAX 6u

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata);

/* ---- the queue ------------------------------------------------------------------------------- */

DEFINE_CLEANUP(Sets *, sets_free)

int sets_new(Agent *a, Sets **ret)
{
        _cleanup_(sets_freep) Sets *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->agent = a;
        s->last = &s->first;
        s->unsaved_at = SIZE_MAX;
        r = sd_event_add_time_relative(a->event, &s->retry, CLOCK_BOOTTIME, 0, 0, on_retry, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->retry, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(a->event, &s->refused, CLOCK_BOOTTIME, 0, 0,
                                               sets_on_refused, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->refused, SD_EVENT_OFF);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(s->retry, "sets-retry");
        (void)sd_event_source_set_description(s->refused, "sets-refused");
        *ret = TAKE_PTR(s);
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
        sd_event_source_disable_unref(s->retry);
        sd_event_source_disable_unref(s->refused);
        config_free(s->next_config);
        localdb_free(s->next_local);
        free(s->on_disk.issuer);
        free(s);
        return NULL;
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
                if (!o) {
                        sets_again_later(s);
                        return;
                }
                o->label = (uint32_t)i;
                o->again = true;
                queue_push(s, o);
        }
}

void sets_verify_again(Sets *s)
{
        queue_again(s);
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
        if (!s->next_config) {
                o = believed_next_unsaved(s);
                if (!o)
                        o = fresh_next_due(s);
                return o ? o : queue_pop(s);
        }
        o = offer_new(s);
        if (!o) {
                s->next_config = config_free(s->next_config);
                sets_refuse_config(s, -ENOMEM);
                agent_reloaded(s->agent);
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

static void begin_failed(Offer *o, int r)
{
        if (o->config) {
                sets_refuse_config(o->sets, r);
                agent_reloaded(o->sets->agent);
        } else if (o->again) {
                o->index = o->label;
                o->r = r;
                offer_refuse(o);
        } else {
                offer_answer(o, "refused busy the agent has too much to do");
        }
}

static void sets_next(Sets *s)
{
        while (!s->current && !s->stopping) {
                Offer *o = take_next(s);
                int r;

                if (!o)
                        return;
                s->current = o;
                r = o->config ? config_begin(o) : offer_begin(o);
                if (r == 0)
                        return;
                begin_failed(o, r);
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

/* ---- what failed ----------------------------------------------------------------------------- */

static bool waits_for_retry(const Sets *s)
{
        int enabled = SD_EVENT_OFF;

        return sd_event_source_get_enabled(s->retry, &enabled) >= 0 && enabled != SD_EVENT_OFF;
}

void sets_retry_later(Sets *s)
{
        if (s->stopping || waits_for_retry(s))
                return;
        (void)sd_event_source_set_time_relative(s->retry, RETRY_FIRST_USEC << s->n_failures);
        (void)sd_event_source_set_enabled(s->retry, SD_EVENT_ONESHOT);
        if (s->n_failures < RETRY_DOUBLINGS_MAX)
                s->n_failures++;
}

void sets_recovered(Sets *s)
{
        s->n_failures = 0;
}

void sets_again_later(Sets *s)
{
        s->again_due = true;
        sets_retry_later(s);
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
        Sets *s = userdata;

        if (s->stopping)
                return 0;
        if (s->state_dirty)
                sets_save_state(s);
        if (s->again_due) {
                s->again_due = false;
                queue_again(s);
        }
        s->unsaved_at = 0;
        sets_next(s);
        return 0;
}

/* ---- what others ask for --------------------------------------------------------------------- */

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
        if (s->next_config)
                agent_reloaded(s->agent);
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

void sets_time_passed(Sets *s)
{
        sets_next(s);
}

bool sets_are_settled(const Sets *s)
{
        return !s->current && !s->first && !s->next_config && !s->next_local &&
               s->n_state_saves == 0 && (!s->state_dirty || waits_for_retry(s));
}
