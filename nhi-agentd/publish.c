/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/publish.h"

#include "nhi-agentd/publish-snapshot.h"
#include "nhi-agentd/state.h"
#include "nhi-agentd/writer.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/snapshot/build.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>

#define PUBLISH_LATE_USEC    USEC_PER_SEC /* an ending waits no longer for its withdrawal */
#define PUBLISH_AGAIN_USEC   USEC_PER_SEC
#define PUBLISH_QUICK_USEC   20000u /* what takes no longer is not put off */
#define PUBLISH_LATER_FACTOR 20u    /* of one processor at most a twentieth */

/* Patterns of a gate as the gates file has them: globs, and %GROUP. */
static int gate_patterns(const GateRule *g, char ***ret)
{
        const size_t n = g->accounts.n + g->groups.n;
        char **list = calloc(n + 1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const bool is_group = i >= g->accounts.n;
                const char *name =
                        is_group ? g->groups.items[i - g->accounts.n] : g->accounts.items[i];

                if (asprintf(&list[i], "%s%s", is_group ? "%" : "", name) < 0) {
                        list[i] = NULL;
                        *ret = list;
                        return -ENOMEM;
                }
        }
        *ret = list;
        return 0;
}

static int put_gate(GatesText *t, const GateRule *g)
{
        char **patterns = NULL;
        int r = gate_patterns(g, &patterns);

        if (r == 0)
                r = gates_text_gate(t, g->name, g->mode, g->services.items, g->services.n,
                                    (const char *const *)patterns, g->accounts.n + g->groups.n);
        for (size_t i = 0; patterns && patterns[i]; i++)
                free(patterns[i]);
        free(patterns);
        return r;
}

int publish_gates_text(const Config *config, const IdMap *idmap, char **ret, size_t *ret_size)
{
        GatesText t = {};
        int r = gates_text_begin(&t);

        for (size_t i = 0; r == 0 && i < config->n_gates; i++)
                r = put_gate(&t, &config->gates[i]);
        for (size_t i = 0; r == 0 && i < idmap_n_users(idmap); i++) {
                const IdMapUser u = idmap_user_at(idmap, i);

                r = gates_text_account(&t, u.name, u.uid);
        }
        if (r == 0)
                r = gates_text_end(&t);
        if (r == 0) {
                *ret = TAKE_PTR(t.text);
                *ret_size = t.size;
        }
        gates_text_done(&t);
        return r;
}

typedef struct Copy {
        char *text;
        WriterFile file;
} Copy;

static void on_copied(void *userdata, int r)
{
        Copy *c = userdata;

        free(c->text);
        free(c);
}

/* The copy that outlives a reboot: modules read it while /run has none yet. Takes text. */
static void copy_gates(Agent *a, char *text, size_t size)
{
        Copy *c = calloc(1, sizeof(*c));

        if (!c) {
                free(text);
                return;
        }
        c->text = text;
        c->file = (WriterFile){ PATH_GATES_STATE, c->text, size, 0644 };
        if (writer_replace(a->writer, &c->file, 1, on_copied, c) < 0)
                on_copied(c, -EBUSY);
}

/* ---- one publication: on the thread ------------------------------------------------------------
 */

typedef struct Publication {
        Publisher *publisher;
        PublishView view;
        uint64_t serial;     /* what was wanted when it began */
        uint64_t since_usec; /* CLOCK_MONOTONIC */
        char *gates_text;    /* NULL: as they were */
        size_t gates_size;
        size_t n_active;
} Publication;

typedef struct Retired {
        struct Retired *next;
        void *(*release)(void *object);
        void *object;
        atomic_bool *taken; /* one of those that take no memory; NULL: from the heap */
} Retired;

/* More than one set leaves behind: what is retired is freed though memory has run out. */
#define RETIRED_AT_HAND 16u

struct Publisher {
        Agent *agent;
        Writer *thread;
        Publication *current; /* under way; NULL: none */
        uint64_t wanted, published;
        uint64_t length_usec; /* of the last one */
        sd_event_source *late, *later;
        PublishWaiter *waiters;
        Retired *retired; /* not handed over yet */
        Retired at_hand[RETIRED_AT_HAND];
        atomic_bool taken[RETIRED_AT_HAND];
        /* The thread's own while a publication is under way: hash of the gates in /run. */
        char gates_hash[65];
};

static int make_gates(Publication *c)
{
        Publisher *p = c->publisher;
        _cleanup_free_ char *text = NULL;
        char hash[65];
        size_t size = 0;
        int r;

        r = publish_gates_text(c->view.config, c->view.idmap, &text, &size);
        if (r < 0)
                return r;
        content_hash(text, size, hash);
        if (streq(hash, p->gates_hash))
                return 0;
        r = file_replace(PATH_GATES_RUN, text, size, 0644, geteuid(), getegid(), false);
        if (r < 0)
                return r;
        memcpy(p->gates_hash, hash, sizeof(hash));
        c->gates_text = TAKE_PTR(text);
        c->gates_size = size;
        return 0;
}

static int make_publication(void *userdata)
{
        Publication *c = userdata;
        _cleanup_free_ uint8_t *data = NULL;
        size_t size = 0;
        int r;

        r = make_gates(c);
        if (r == 0)
                r = snapshot_image(&c->view, &data, &size, &c->n_active);
        return r == 0 ? snapshot_stage(PATH_SNAPSHOT, data, size) : r;
}

/* ---- on the loop ------------------------------------------------------------------------------
 */

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

static void publication_free(Publication *c)
{
        if (!c)
                return;
        state_unshare(c->publisher->agent->state, &c->view.state);
        free(c->gates_text);
        free(c);
}
DEFINE_CLEANUP(Publication *, publication_free)

static int publication_new(Publisher *p, Publication **ret)
{
        _cleanup_(publication_freep) Publication *c = calloc(1, sizeof(*c));
        Agent *a = p->agent;
        int r;

        if (!c)
                return -ENOMEM;
        c->publisher = p;
        c->serial = p->wanted;
        c->since_usec = now_monotonic_usec();
        c->view = (PublishView){ .store = a->store,
                                 .config = a->config,
                                 .idmap = a->idmap,
                                 .local = a->local,
                                 .now = agent_now(a),
                                 .generation = ++a->generation };
        for (size_t i = 0; i < a->config->n_issuers && i < ELEMENTSOF(c->view.narrowed); i++)
                c->view.narrowed[i] = a->issuers[i].narrowed;
        r = state_share(a->state, &c->view.state);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

static void retired_free(Retired *first)
{
        for (Retired *i = first, *next; i; i = next) {
                next = i->next;
                (void)i->release(i->object);
                if (i->taken)
                        atomic_store(i->taken, false);
                else
                        free(i);
        }
}

static int free_retired(void *userdata)
{
        retired_free(userdata);
        return 0;
}

static void on_retired(void *userdata, int r)
{
}

/* The thread runs one job after the other: behind what is under way nobody reads them. */
static void hand_over_retired(Publisher *p)
{
        if (p->retired && writer_call(p->thread, free_retired, on_retired, p->retired) == 0)
                p->retired = NULL;
}

static Retired *retired_new(Publisher *p)
{
        for (size_t i = 0; i < RETIRED_AT_HAND; i++)
                if (!atomic_exchange(&p->taken[i], true)) {
                        p->at_hand[i] = (Retired){ .taken = &p->taken[i] };
                        return &p->at_hand[i];
                }
        return calloc(1, sizeof(Retired));
}

void publish_retire(Publisher *p, void *(*release)(void *object), void *object)
{
        Retired *i;

        if (!object)
                return;
        i = p ? retired_new(p) : NULL;
        if (!i) {
                /* Without a publication under way nobody reads it; else it is lost. */
                if (!p || !p->current)
                        (void)release(object);
                return;
        }
        i->next = p->retired;
        i->release = release;
        i->object = object;
        p->retired = i;
        hand_over_retired(p);
}

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

        if (r == 0)
                r = snapshot_commit(PATH_SNAPSHOT);
        if (r < 0)
                publish_empty(p, c->view.generation);
        if (c->gates_text)
                copy_gates(p->agent, TAKE_PTR(c->gates_text), c->gates_size);
        p->agent->n_active = c->n_active;
        p->published = c->serial;
        p->length_usec = now_monotonic_usec() - c->since_usec;
}

static void publish_begin(Publisher *p);

/* B2: everything that changed is withdrawn, and only now its sessions end. */
static void settle(Publisher *p)
{
        if (p->published < p->wanted) {
                publish_begin(p);
                return;
        }
        (void)sd_event_source_set_enabled(p->late, SD_EVENT_OFF);
        if (p->agent->reconciled)
                sessions_review(p->agent->sessions);
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
        hand_over_retired(p);
}

static int publication_start(Publisher *p)
{
        _cleanup_(publication_freep) Publication *c = NULL;
        int r;

        r = publication_new(p, &c);
        if (r == 0)
                r = writer_call(p->thread, make_publication, on_made, c);
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

void publish_later(Publisher *p)
{
        int enabled = SD_EVENT_OFF;

        if (p->length_usec < PUBLISH_QUICK_USEC) {
                publish(p);
                return;
        }
        (void)sd_event_source_get_enabled(p->later, &enabled);
        if (enabled != SD_EVENT_OFF)
                return;
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
                sessions_review(p->agent->sessions);
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
        r = make_publication(c);
        publication_done(c, r);
        publication_free(c);
        return r;
}

bool publish_is_settled(const Publisher *p)
{
        return !p->current && p->published == p->wanted;
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

int publish_sources(const Config *config)
{
        json_t *sources = json_array(), *root;
        _cleanup_free_ char *text = NULL;

        for (size_t i = 0; i < config->n_issuers; i++)
                json_array_append_new(sources,
                                      json_pack("{s:I, s:s, s:s, s:s}", "index", (json_int_t)i,
                                                "issuer", config->issuers[i].issuer, "type",
                                                config->issuers[i].source_type, "path",
                                                config->issuers[i].source_path));
        root = json_pack("{s:i, s:o}", "schema", 1, "sources", sources);
        text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
        json_decref(root);
        if (!text)
                return -ENOMEM;
        return file_replace(PATH_SOURCES_RUN, text, strlen(text), 0644, geteuid(), getegid(),
                            false);
}
