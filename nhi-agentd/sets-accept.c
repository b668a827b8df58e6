/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One offered set from its bytes into force (sets.h: W1, W2). */

#include "nhi-agentd/sets-internal.h"

#include "lib/base/io.h"
#include "lib/base/path.h"

#include <stdarg.h>
#include <stdio.h>

Offer *offer_free(Offer *o)
{
        if (!o)
                return NULL;
        free(o->jws);
        grant_set_free(o->set);
        idmap_free(o->idmap);
        free(o->path);
        free(o->uids);
        free(o->state);
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

/* The very set that state.json names, which the archive could not give back. */
static bool is_lost(const IssuerState *s, const char *hash)
{
        return !s->set && streq(s->floor.hash, hash);
}

/* The issuer whose key signed is found by trying: a foreign key is refused before anything is
 * parsed. The error that is told is the labelled source's own. */
int offer_verify(void *offer)
{
        Offer *o = offer;
        Agent *a = o->sets->agent;
        const size_t n = a->config->n_issuers, first = o->label < n ? o->label : 0;

        char hash[65];

        content_hash(o->jws, o->size, hash);
        o->r = SET_E_REFUSED;
        o->index = first;
        for (size_t k = 0; k < n && o->r == SET_E_REFUSED; k++) {
                const size_t i = (first + k) % n;
                const IssuerState *s = &a->issuers[i];
                SetError error = {};

                if (o->again && k > 0)
                        break;
                o->r = grant_set_verify(o->jws, o->size, &a->config->issuers[i].policy, &s->floor,
                                        a->local, a->idmap, o->now, o->again || is_lost(s, hash),
                                        &o->set, &error);
                if (o->r != SET_E_REFUSED)
                        o->index = i;
                else if (k == 0 || streq(o->error.code, "key"))
                        o->error = error;
        }
        return 0;
}

void offer_record_refused(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        char detail[SET_DETAIL_MAX + 1100];
        Event e = { .kind = EVENT_SET_REFUSED, .code = o->error.code, .detail = detail };

        (void)snprintf(detail, sizeof(detail), "%s: %s", a->config->issuers[o->index].issuer,
                       o->error.detail);
        s->refused = o->error;
        s->refused_sec = o->now.real_usec / (int64_t)USEC_PER_SEC;
        agent_record(a, &e);
        offer_answer(o, "refused %s %s", o->error.code, o->error.detail);
}

static int compare_jti(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The jtis of a set, sorted, malloc'ed; borrowed texts. */
static const char **sorted_jtis(const GrantSet *set)
{
        const char **jtis = malloc((set->n_grants + 1) * sizeof(*jtis));

        if (!jtis)
                return NULL;
        for (size_t i = 0; i < set->n_grants; i++)
                jtis[i] = set->grants[i].jti;
        qsort(jtis, set->n_grants, sizeof(*jtis), compare_jti);
        return jtis;
}

/* Call gone() for each grant of the old set that the new one no longer has. */
static int each_gone(const GrantSet *old, const GrantSet *new,
                     int (*gone)(Offer *o, const Grant *g), Offer *o)
{
        _cleanup_free_ const char **jtis = sorted_jtis(new);
        int r = 0;

        if (!jtis)
                return -ENOMEM;
        for (size_t i = 0; i < old->n_grants && r == 0; i++)
                if (!bsearch(&old->grants[i].jti, jtis, new->n_grants, sizeof(*jtis), compare_jti))
                        r = gone(o, &old->grants[i]);
        return r;
}

static int narrow(Offer *o, const Grant *g)
{
        IssuerState *s = &o->sets->agent->issuers[o->index];
        char **grown = reallocarray(s->narrowed, s->n_narrowed + 1, sizeof(*grown));

        if (!grown)
                return -ENOMEM;
        s->narrowed = grown;
        grown[s->n_narrowed] = strdup(g->jti);
        if (!grown[s->n_narrowed])
                return -ENOMEM;
        s->n_narrowed++;
        return 0;
}

static int record_revoked(Offer *o, const Grant *g)
{
        const Event e = {
                .kind = EVENT_GRANT_ENDED, .grant = g, .account = g->account, .code = "revoked"
        };

        if (!state_ended(o->sets->agent->state, g->jti))
                agent_record(o->sets->agent, &e);
        return 0;
}

/* W2: what the new set revokes is over now. The set in force, verified anew, takes nothing of that
 * back. */
static void offer_narrow(Offer *o)
{
        IssuerState *s = &o->sets->agent->issuers[o->index];

        if (!s->set || o->again)
                return;
        sets_clear_narrowed(s);
        (void)each_gone(s->set, o->set, narrow, o);
        if (s->n_narrowed == 0)
                return;
        qsort(s->narrowed, s->n_narrowed, sizeof(char *), compare_jti);
        (void)agent_refresh(o->sets->agent);
}

static void record_accepted(Offer *o)
{
        Agent *a = o->sets->agent;
        char detail[1200];
        const Event e = { .kind = EVENT_SET_ACCEPTED, .detail = detail };

        (void)snprintf(detail, sizeof(detail), "%s version %lld, %zu grants, %zu quarantined, %s",
                       o->set->issuer, (long long)o->set->ver, o->set->n_grants,
                       o->set->n_quarantine, o->set->hash);
        agent_record(a, &e);
        for (size_t i = 0; i < o->set->n_quarantine; i++) {
                const Quarantine *q = &o->set->quarantine[i];
                const Event quarantine = { .kind = EVENT_QUARANTINE,
                                           .code = q->code,
                                           .detail = detail };

                (void)snprintf(detail, sizeof(detail), "%s: %s", q->entry,
                               q->detail ? q->detail : "");
                agent_record(a, &quarantine);
        }
}

void offer_put_in_force(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        GrantSet *old = TAKE_PTR(s->set);
        const bool is_news = !old || !streq(old->hash, o->set->hash);

        if (is_news)
                record_accepted(o);
        if (old)
                (void)each_gone(old, o->set, record_revoked, o);
        if (o->idmap) {
                idmap_free(a->idmap);
                a->idmap = TAKE_PTR(o->idmap);
        }
        (void)state_set_floor(a->state, o->set->issuer, &o->floor);
        if (o->time_floor_sec > a->state->time_floor_sec)
                a->state->time_floor_sec = o->time_floor_sec;
        agent_prove_time(a, o->set->iat_sec, o->now.boot_usec);
        s->floor = o->floor;
        if (is_news) {
                s->accepted_sec = o->now.real_usec / (int64_t)USEC_PER_SEC;
                s->judged = o->now;
                s->stale_percent = 0;
        }
        s->refused_sec = 0;
        s->refused = (SetError){};
        free(s->jws);
        s->jws = TAKE_PTR(o->jws);
        s->jws_size = o->size;
        s->set = TAKE_PTR(o->set);
        if (!o->again)
                sets_clear_narrowed(s);
        (void)agent_refresh(a); /* before the old set, into which the old store points, goes */
        grant_set_free(old);
}

static void on_saved(void *userdata, int r)
{
        Offer *o = userdata;
        Sets *s = o->sets;

        if (s->stopping || r == -ECANCELED) {
                offer_answer(o, "refused stopping the agent stops");
        } else if (r < 0) {
                (void)snprintf(o->error.code, sizeof(o->error.code), "not-saved");
                (void)snprintf(o->error.detail, sizeof(o->error.detail),
                               "%s: %s; what it revokes is over all the same", PATH_STATE_DIR,
                               strerror(-r));
                offer_record_refused(o);
        } else {
                char line[160];

                (void)snprintf(line, sizeof(line), "accepted %lld %s", (long long)o->set->ver,
                               o->set->hash);
                offer_put_in_force(o);
                offer_answer(o, "%s", line);
        }
        sets_offer_done(s);
}

/* What the set defines, and every byte that goes to disk before it is in force. */
static int offer_prepare(Offer *o, WriterFile files[static 3], size_t *ret_n)
{
        Agent *a = o->sets->agent;
        size_t size = 0, n = 0;
        bool changed = false;
        int r;

        r = idmap_copy(a->idmap, &o->idmap);
        if (r == 0)
                r = idmap_learn(o->idmap, o->set, a->local, &changed);
        if (r < 0)
                return r;

        o->floor.ver = o->set->ver;
        memcpy(o->floor.hash, o->set->hash, sizeof(o->floor.hash));
        o->time_floor_sec = o->set->iat_sec > a->state->time_floor_sec ? o->set->iat_sec
                                                                       : a->state->time_floor_sec;
        if (!o->again) {
                if (asprintf(&o->path, PATH_SETS_DIR "/%s.jws", o->set->hash) < 0) {
                        o->path = NULL;
                        return -ENOMEM;
                }
                files[n++] = (WriterFile){ o->path, o->jws, o->size, 0600 };
        }
        if (changed) {
                r = idmap_format(o->idmap, &o->uids, &size);
                if (r < 0)
                        return r;
                files[n++] = (WriterFile){ PATH_UIDS_FILE, o->uids, size, 0600 };
        }
        if (!o->again) {
                r = state_format(a->state, o->set->issuer, &o->floor, o->time_floor_sec, &o->state,
                                 &size);
                if (r < 0)
                        return r;
                files[n++] = (WriterFile){ PATH_STATE_FILE, o->state, size, 0600 };
        }
        *ret_n = n;
        return 0;
}

static void offer_accept(Offer *o)
{
        WriterFile files[3] = {};
        size_t n = 0;
        int r;

        offer_narrow(o);
        r = offer_prepare(o, files, &n);
        if (r == 0 && n > 0)
                r = writer_replace(o->sets->agent->writer, files, n, on_saved, o);
        if (r < 0 || n == 0)
                on_saved(o, r);
}

/* What is in force is refused under the new policy: it is in force no longer. */
static void offer_withdraw(Offer *o)
{
        Agent *a = o->sets->agent;
        IssuerState *s = &a->issuers[o->index];
        GrantSet *old = TAKE_PTR(s->set);

        if (!old)
                return;
        (void)agent_refresh(a);
        grant_set_free(old);
}

static void on_verified(void *userdata, int r)
{
        Offer *o = userdata;
        Sets *s = o->sets;
        const IssuerState *issuer = &s->agent->issuers[o->index];

        if (s->stopping || r == -ECANCELED) {
                offer_answer(o, "refused stopping the agent stops");
                sets_offer_done(s);
                return;
        }
        if (r < 0)
                o->r = r;
        if (o->r == 0) {
                offer_accept(o);
                return;
        }
        if (o->r == SET_E_UNCHANGED) {
                offer_answer(o, "unchanged %lld %s", (long long)issuer->floor.ver,
                             issuer->floor.hash);
        } else {
                if (o->r < 0) {
                        (void)snprintf(o->error.code, sizeof(o->error.code), "not-verified");
                        (void)snprintf(o->error.detail, sizeof(o->error.detail), "%s",
                                       strerror(-o->r));
                }
                offer_record_refused(o);
                if (o->again && o->r == SET_E_REFUSED)
                        offer_withdraw(o);
        }
        sets_offer_done(s);
}

/* Verified anew, a set's ends on the boot clock do not move out with a clock that was set back
 * since it was accepted (T01). */
static Now judging_now_again(const Offer *o)
{
        const Now then = o->sets->agent->issuers[o->label].judged;
        Now now = agent_judging_now(o->sets->agent);
        const int64_t least_usec = then.real_usec + (now.boot_usec - then.boot_usec);

        if (then.boot_usec > 0 && now.real_usec < least_usec)
                now.real_usec = least_usec;
        return now;
}

int offer_begin(Offer *o)
{
        o->now = o->again ? judging_now_again(o) : agent_judging_now(o->sets->agent);
        return writer_call(o->sets->agent->writer, offer_verify, on_verified, o);
}
