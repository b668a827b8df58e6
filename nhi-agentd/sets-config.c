/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Another configuration, between two sets: what is known of issuers that stay is carried over, the
 * sets of those that went are over. */

#include "nhi-agentd/ended.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/issuer-policy.h"
#include "nhi-agentd/metrics/metrics.h"
#include "nhi-agentd/report.h"
#include "nhi-agentd/sets-internal.h"

#include <stdio.h>

/* Where the issuer stood in the configuration in force; its number of issuers: nowhere. */
static size_t place_before(const Agent *a, const char *issuer)
{
        size_t i = 0;

        while (i < a->config->n_issuers && !streq(a->config->issuers[i].issuer, issuer))
                i++;
        return i;
}

static bool stays(const Config *new, const char *issuer)
{
        for (size_t i = 0; i < new->n_issuers; i++)
                if (streq(new->issuers[i].issuer, issuer))
                        return true;
        return false;
}

/* What goes with issuers that are no longer there, to be written down. Without memory for that they
 * go all the same. */
static void find_left(Offer *o)
{
        const Agent *a = o->sets->agent;
        const Config *before = a->config;

        o->left = calloc(before->n_issuers + 1, sizeof(*o->left));
        if (!o->left)
                return;
        o->n_left = before->n_issuers;
        for (size_t i = 0; i < before->n_issuers; i++) {
                GrantList lessened = {};

                if (stays(o->config, before->issuers[i].issuer))
                        continue;
                (void)standing_compare(&a->store, &o->standing->store, before->issuers[i].issuer,
                                       &o->left[i], &lessened);
                free(lessened.grants);
        }
}

static bool has_other_roots(const SetPolicy *before, const SetPolicy *after)
{
        char old[65], new[65];

        roots_digest(before->roots, before->n_roots, before->root_threshold, old);
        roots_digest(after->roots, after->n_roots, after->root_threshold, new);
        return before->n_roots + after->n_roots > 0 && !streq(old, new);
}

/* Of issuers that were not there: what they took is taken again. */
static int read_lists(Offer *o)
{
        const Agent *a = o->sets->agent;
        const size_t n = o->config->n_issuers;

        o->lists = calloc(n + 1, sizeof(*o->lists));
        o->key_lists = calloc(n + 1, sizeof(*o->key_lists));
        if (!o->lists || !o->key_lists)
                return -ENOMEM;
        o->n_lists = n;
        for (size_t i = 0; i < n; i++) {
                const Issuer *issuer = &o->config->issuers[i];
                const size_t before = place_before(a, issuer->issuer);
                const bool is_new = before == a->config->n_issuers;
                IssuerState after = {};
                SetPolicy policy;

                if (!is_new &&
                    !has_other_roots(&a->config->issuers[before].policy, &issuer->policy))
                        continue;
                keys_read(a->state, issuer, agent_now(a), &o->key_lists[i]);
                if (!is_new)
                        continue;
                after.keys = o->key_lists[i].keys;
                after.keys_are_lost = o->key_lists[i].is_lost;
                policy = issuer_policy(issuer, &after);
                list_read(a->state, &policy, agent_now(a), &o->lists[i]);
        }
        return 0;
}

/* On the thread: between sets nobody changes what is in force. */
static int config_prepare(void *offer)
{
        Offer *o = offer;
        const Agent *a = o->sets->agent;
        const size_t n = o->config->n_issuers;
        _cleanup_free_ const GrantSet **sets = calloc(n + 1, sizeof(*sets));
        int r;

        if (!sets)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const size_t before = place_before(a, o->config->issuers[i].issuer);

                if (before < a->config->n_issuers)
                        sets[i] = a->issuers[before].set;
        }
        r = standing_build(sets, n, &o->standing);
        if (r == 0)
                r = read_lists(o);
        if (r == 0)
                find_left(o);
        return r;
}

static IssuerState *carry_over(Agent *a, const Config *new)
{
        IssuerState *after = agent_issuers_new(new->n_issuers);

        for (size_t i = 0; after && i < new->n_issuers; i++) {
                const SetFloor *floor = state_floor(a->state, new->issuers[i].issuer);
                const size_t before = place_before(a, new->issuers[i].issuer);

                if (floor)
                        after[i].floor = *floor;
                if (before == a->config->n_issuers)
                        continue;
                after[i] = a->issuers[before];
                a->issuers[before] = (IssuerState){ .archive_fd = -EBADF };
                after[i].offered_sec = 0;
                heard_keep(&after[i], &a->config->issuers[before].source, &new->issuers[i].source);
        }
        return after;
}

typedef struct Before {
        Config *config;
        IssuerState *issuers;
} Before;

static void *before_release(void *object)
{
        Before *b = object;

        agent_issuers_free(b->issuers, b->config->n_issuers);
        config_free(b->config);
        free(b);
        return NULL;
}

static const GateRule *gate_find(const Config *c, const char *name)
{
        for (size_t i = 0; i < c->n_gates; i++)
                if (streq(c->gates[i].name, name))
                        return &c->gates[i];
        return NULL;
}

static const char *mode_word(const GateRule *g)
{
        return !g ? NULL : g->mode == GATE_ENFORCE ? "enforce" : "observe";
}

static void record_mode(Agent *a, const char *name, const GateRule *before, const GateRule *after)
{
        const char *from = mode_word(before), *to = mode_word(after);
        char detail[256];
        const Event e = {
                .kind = EVENT_CONFIG_CHANGED, .mode = to, .code = "gate", .detail = detail
        };

        if (streq_ptr(from, to))
                return;
        (void)snprintf(detail, sizeof(detail), "%s: from %s to %s", name, from ? from : "none",
                       to ? to : "none");
        agent_record(a, &e);
}

/* Each gate that enforces from now on, or no longer does, and each that is new or gone. */
static void record_modes(Agent *a, const Config *before, const Config *after)
{
        for (size_t i = 0; i < after->n_gates; i++)
                record_mode(a, after->gates[i].name, gate_find(before, after->gates[i].name),
                            &after->gates[i]);
        for (size_t i = 0; i < before->n_gates; i++)
                if (!gate_find(after, before->gates[i].name))
                        record_mode(a, before->gates[i].name, &before->gates[i], NULL);
}

static int config_put_in_force(Offer *o)
{
        Agent *a = o->sets->agent;
        Before *before = calloc(1, sizeof(*before));
        IssuerState *after = before ? carry_over(a, o->config) : NULL;

        if (!after) {
                free(before);
                return -ENOMEM;
        }
        record_modes(a, a->config, o->config);
        sets_flush_refused(o->sets); /* of issuers that go */
        *before = (Before){ .config = a->config, .issuers = a->issuers };
        a->issuers = after;
        a->config = TAKE_PTR(o->config);
        for (size_t i = 0; i < o->n_lists; i++) {
                keys_put(a, i, &o->key_lists[i]);
                if (!a->issuers[i].list)
                        list_put(a, i, &o->lists[i]);
        }
        a->state->n_sharing = a->config->n_issuers;
        if (a->sessions)
                sessions_set_grace(a->sessions, a->config->session_grace_usec);
        evidence_config_changed(a->evidence, before->config);
        metrics_configure(a->metrics);
        agent_put_standing(a, TAKE_PTR(o->standing));
        for (size_t i = 0; i < o->n_left; i++)
                ended_by_set(a->ended, &o->left[i], TAKE_PTR(before->issuers[i].set),
                             "issuer-removed");
        publish_retire(a->publisher, before_release, before);
        agent_refresh(a);
        reports_begin(a->reports);
        (void)publish_sources(a->config);
        sets_config_changed(o->sets);
        return 0;
}

void sets_refuse_config(Sets *s, int r)
{
        const Event e = { .kind = EVENT_CONFIG_REFUSED, .detail = strerror(-r) };

        agent_record(s->agent, &e);
}

/* Whoever asked for it finds its gates in the file that PAM reads. */
static void on_published(void *userdata)
{
        Offer *o = userdata;

        agent_reloaded(o->sets->agent);
        sets_offer_done(o->sets);
}

static void on_prepared(void *userdata, int r)
{
        Offer *o = userdata;
        Sets *s = o->sets;

        if (r == 0 && !s->stopping)
                r = config_put_in_force(o);
        if (r < 0 && !s->stopping)
                sets_refuse_config(s, r);
        if (r < 0 || s->stopping || !s->agent->reconciled) {
                on_published(o);
                return;
        }
        o->published = (PublishWaiter){ .done = on_published, .userdata = o };
        publish_wait(s->agent->publisher, &o->published);
}

int config_begin(Offer *o)
{
        return writer_call(o->sets->agent->worker, config_prepare, on_prepared, o);
}
