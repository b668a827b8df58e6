/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When is published, and what follows: on the loop (publish.h: B2, B4). */

#include "nhi-agentd/publish-internal.h"

#include "nhi-agentd/member/member.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"

#define PUBLISH_LATE_USEC    USEC_PER_SEC /* an ending waits no longer for its withdrawal */
#define PUBLISH_AGAIN_USEC   USEC_PER_SEC
#define PUBLISH_QUICK_USEC   20000u /* what takes no longer is not put off */
#define PUBLISH_LATER_FACTOR 20u    /* of one processor at most a twentieth */

static void timer_arm(sd_event_source *timer, uint64_t usec)
{
        (void)sd_event_source_set_time_relative(timer, usec);
        (void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/* Nothing of ours is answered: what is left when the true snapshot cannot be had (B4); tried
 * again soon. */
static void publish_empty(Publisher *p, uint64_t generation)
{
        const SnapshotBuild b = { .generation = generation };
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        r = snapshot_build(&b, &data, &size);
        if (r == 0)
                r = snapshot_publish(PATH_SNAPSHOT, data, size);
        if (r < 0)
                (void)unlink(PATH_SNAPSHOT);
        timer_arm(p->later, PUBLISH_AGAIN_USEC);
}

DEFINE_CLEANUP(Publication *, publication_free)

static void waiters_tell(Publisher *p)
{
        for (PublishWaiter **at = &p->waiters; *at;) {
                PublishWaiter *w = *at;

                if (w->serial > p->published) {
                        at = &w->next;
                        continue;
                }
                *at = w->next;
                w->done(w->userdata);
                at = &p->waiters; /* done() may have changed the list */
        }
}

static void publication_done(Publication *c, int r)
{
        Publisher *p = c->publisher;

        /* B5 */
        if (r == 0)
                r = members_note(p->agent->members, &c->given);
        if (r == 0)
                r = snapshot_commit(PATH_SNAPSHOT);
        if (r < 0)
                publish_empty(p, c->view.generation);
        publication_copy_gates(c);
        p->agent->n_active = c->n_active;
        p->published = c->serial;
        p->length_usec = now_monotonic_usec() - c->since_usec;
}

static void publish_begin(Publisher *p);

static void review(Agent *a)
{
        sessions_review(a->sessions);
        members_review(a->members);
}

/* B2: everything that changed is withdrawn, and only now its sessions end. */
static void settle(Publisher *p)
{
        if (p->published < p->wanted) {
                publish_begin(p);
                return;
        }
        (void)sd_event_source_set_enabled(p->late, SD_EVENT_OFF);
        if (p->agent->reconciled)
                review(p->agent);
}

static void on_made(void *userdata, int r)
{
        Publication *c = userdata;
        Publisher *p = c->publisher;

        p->current = NULL;
        if (r == -ECANCELED) {
                publication_free(c);
                return;
        }
        publication_done(c, r);
        publication_free(c);
        settle(p);
        waiters_tell(p);
        retired_hand_over(p);
}

static int publication_start(Publisher *p)
{
        _cleanup_(publication_freep) Publication *c = NULL;
        int r;

        r = publication_new(p, &c);
        if (r == 0)
                r = writer_call(p->thread, publication_make, on_made, c);
        if (r < 0)
                return r;
        p->current = TAKE_PTR(c);
        return 0;
}

static void publish_begin(Publisher *p)
{
        (void)sd_event_source_set_enabled(p->later, SD_EVENT_OFF);
        if (p->current || publication_start(p) == 0)
                return;
        /* B4. Nobody waits for what cannot begin. */
        publish_empty(p, ++p->agent->generation);
        p->published = p->wanted;
        timer_arm(p->late, 0);
}

void publish(Publisher *p)
{
        if (p->published == p->wanted) {
                timer_arm(p->late, PUBLISH_LATE_USEC);
        }
        p->wanted++;
        publish_begin(p);
}

static bool is_put_off(const Publisher *p)
{
        int enabled = SD_EVENT_OFF;

        (void)sd_event_source_get_enabled(p->later, &enabled);
        return enabled != SD_EVENT_OFF;
}

void publish_later(Publisher *p)
{
        if (p->length_usec < PUBLISH_QUICK_USEC) {
                publish(p);
                return;
        }
        if (!is_put_off(p))
                timer_arm(p->later, PUBLISH_LATER_FACTOR * p->length_usec);
}

static int on_later(sd_event_source *source, uint64_t usec, void *userdata)
{
        publish(userdata);
        return 0;
}

/* B2: no ending waits for a publication that does not come. */
static int on_late(sd_event_source *source, uint64_t usec, void *userdata)
{
        Publisher *p = userdata;

        if (p->agent->reconciled)
                review(p->agent);
        waiters_tell(p);
        if (p->published < p->wanted)
                timer_arm(p->late, PUBLISH_LATE_USEC);
        return 0;
}

int publish_now(Publisher *p)
{
        Publication *c = NULL;
        int r;

        if (p->current) {
                publish(p);
                return 0;
        }
        p->wanted++;
        r = publication_new(p, &c);
        if (r < 0) {
                publish_empty(p, ++p->agent->generation);
                return r;
        }
        r = publication_make(c);
        publication_done(c, r);
        publication_free(c);
        return r;
}

bool publish_is_settled(const Publisher *p)
{
        return !p->current && p->published == p->wanted && !is_put_off(p);
}

void publish_progress(const Publisher *p, uint64_t *ret_changed, uint64_t *ret_published)
{
        *ret_changed = p->wanted;
        *ret_published = p->published;
}

void publish_wait(Publisher *p, PublishWaiter *w)
{
        w->serial = p->wanted;
        w->next = p->waiters;
        p->waiters = w;
        if (p->published < p->wanted)
                return;
        timer_arm(p->late, 0);
}

void publish_forget(Publisher *p, PublishWaiter *w)
{
        for (PublishWaiter **at = &p->waiters; *at; at = &(*at)->next)
                if (*at == w) {
                        *at = w->next;
                        return;
                }
}

DEFINE_CLEANUP(Publisher *, publisher_free)

static int timer_new(Publisher *p, sd_event_time_handler_t handler, const char *name,
                     sd_event_source **ret)
{
        int r;

        r = sd_event_add_time_relative(p->agent->event, ret, CLOCK_MONOTONIC, 0, 1000, handler, p);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(*ret, name);
        return sd_event_source_set_enabled(*ret, SD_EVENT_OFF);
}

int publisher_new(Agent *a, Publisher **ret)
{
        _cleanup_(publisher_freep) Publisher *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->agent = a;
        r = timer_new(p, on_late, "publish-late", &p->late);
        if (r >= 0)
                r = timer_new(p, on_later, "publish-later", &p->later);
        if (r >= 0)
                r = writer_new(a->event, "nhi-publish", &p->thread);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

Publisher *publisher_free(Publisher *p)
{
        if (!p)
                return NULL;
        p->thread = writer_free(p->thread);
        retired_free(p->retired);
        sd_event_source_disable_unref(p->late);
        sd_event_source_disable_unref(p->later);
        free(p);
        return NULL;
}
