/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's own questions and changes: what is in force, since when the clock is trusted, what
 * was ended or locked. */

#include "nhi-agentd/agent.h"

#include "nhi-agentd/control/denials.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/expiry.h"
#include "nhi-agentd/journal.h"
#include "nhi-agentd/publish.h"
#include "nhi-agentd/sets.h"
#include "nhi-agentd/state.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>

#define USEC ((int64_t)USEC_PER_SEC)
/* An issuer's clock may be ahead of ours by SET_AHEAD_SEC. */
#define CLOCK_SLACK_USEC ((int64_t)SET_AHEAD_SEC * USEC)
/* How long an ended grant is remembered that no set has any more: a set lives seven days at most.
 */
#define ENDED_KEEP_SEC (8 * 86400)

Now agent_now(const Agent *a)
{
        return (Now){ .real_usec = now_realtime_usec(), .boot_usec = now_boottime_usec() };
}

/* What the clock must say at least, as verified sets have proved it. */
static int64_t proved_usec(const Agent *a, int64_t boot_usec)
{
        return a->floor_real_usec + (boot_usec - a->floor_boot_usec);
}

bool agent_clock_is_behind(const Agent *a, Now now)
{
        return now.real_usec + CLOCK_SLACK_USEC < proved_usec(a, now.boot_usec);
}

Now agent_judging_now(const Agent *a)
{
        Now now = agent_now(a);

        if (agent_clock_is_behind(a, now))
                now.real_usec = proved_usec(a, now.boot_usec);
        return now;
}

void agent_prove_time(Agent *a, int64_t iat_sec, int64_t boot_usec)
{
        if (iat_sec > INT64_MAX / USEC || iat_sec * USEC <= proved_usec(a, boot_usec))
                return;
        a->floor_real_usec = iat_sec * USEC;
        a->floor_boot_usec = boot_usec;
}

void agent_record(Agent *a, const Event *e)
{
        journal_event(a->journal, e);
        denials_add(a->denials, e, now_realtime_usec() / USEC);
}

static uint32_t on_n_sessions(void *userdata, const char *jti)
{
        const Agent *a = userdata;

        return a->sessions ? sessions_of_grant(a->sessions, jti) : 0;
}

HostView agent_host_view(Agent *a)
{
        return (HostView){
                .locked = &a->locked,
                .ended = &a->ended,
                .n_sessions = on_n_sessions,
                .userdata = a,
                .clock_behind = agent_clock_is_behind(a, agent_now(a)),
        };
}

static int compare_jti(const void *a, const void *b)
{
        return strcmp((*(const Grant *const *)a)->jti, (*(const Grant *const *)b)->jti);
}

const Grant *agent_grant(const Agent *a, const char *jti)
{
        const Grant key = { .jti = jti }, *at = &key;
        const Grant **found;

        if (!jti || a->store.n_grants == 0)
                return NULL;
        found = bsearch(&at, a->by_jti, a->store.n_grants, sizeof(*a->by_jti), compare_jti);
        return found ? *found : NULL;
}

/* ---- refresh --------------------------------------------------------------------------------- */

static void empty_store(Agent *a)
{
        grant_store_done(&a->store);
        a->store = (GrantStore){};
        free(TAKE_PTR(a->by_jti));
}

static int rebuild_store(Agent *a)
{
        const size_t n = a->config->n_issuers;
        _cleanup_free_ const GrantSet **sets = calloc(n + 1, sizeof(*sets));
        const Grant **by_jti;
        GrantStore store = {};
        size_t n_sets = 0;
        int r;

        if (!sets)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (a->issuers[i].set)
                        sets[n_sets++] = a->issuers[i].set;
        r = grant_store_build(sets, n_sets, &store);
        if (r < 0)
                return r;
        by_jti = malloc((store.n_grants + 1) * sizeof(*by_jti));
        if (!by_jti) {
                grant_store_done(&store);
                return -ENOMEM;
        }
        for (size_t i = 0; i < store.n_grants; i++)
                by_jti[i] = store.grants[i];
        qsort(by_jti, store.n_grants, sizeof(*by_jti), compare_jti);

        empty_store(a);
        a->store = store;
        a->by_jti = by_jti;
        return 0;
}

static bool is_ended(const Agent *a, const Grant *g)
{
        const StateEnded *e = state_ended(a->state, g->jti);

        return (e && (e->exp_sec == 0 || g->exp_sec <= e->exp_sec)) ||
               sets_is_narrowed(a->sets, g->jti);
}

/* By its own end, not by the offline limit of its set, which a newer set moves. */
static bool is_over(const Grant *g, Now now)
{
        return g->exp_sec * USEC <= now.real_usec ||
               (g->exp_sec <= g->set_exp_sec && g->boot_end_usec <= now.boot_usec);
}

static bool is_in_store(void *userdata, const char *jti)
{
        return agent_grant(userdata, jti) != NULL;
}

/* Forget what no set has any more, so that there is room for what ends now. */
static void prune_ended(Agent *a, int64_t now_sec)
{
        state_prune_ended(a->state, now_sec - ENDED_KEEP_SEC, is_in_store, a);
}

/* Remember what either clock has ended, so that no clock revives it (T01, T03). True where there
 * was something new. */
static bool note_ended(Agent *a, Now now)
{
        bool changed = false;

        for (size_t i = 0; i < a->store.n_grants; i++) {
                const Grant *g = a->store.grants[i];
                const Event e = { .kind = EVENT_GRANT_ENDED,
                                  .grant = g,
                                  .account = g->account,
                                  .code = "expired" };

                if (!is_over(g, now) || is_ended(a, g))
                        continue;
                if (!changed)
                        prune_ended(a, now.real_usec / USEC);
                if (state_add_ended(a->state, g->jti, g->exp_sec, now.real_usec / USEC) < 0)
                        continue;
                agent_record(a, &e);
                changed = true;
        }
        return changed;
}

static int rebuild_views(Agent *a)
{
        const char **ended = malloc((a->store.n_grants + 1) * sizeof(*ended));
        size_t n = 0;

        if (!ended)
                return -ENOMEM;
        for (size_t i = 0; i < a->store.n_grants; i++)
                if (is_ended(a, a->store.grants[i]))
                        ended[n++] = a->store.grants[i]->jti;
        free(a->ended.items);
        a->ended = (StrList){ .items = ended, .n = n };
        a->locked = (StrList){ .items = (const char **)a->state->locked, .n = a->state->n_locked };
        return 0;
}

static void check_freshness(Agent *a, Now now)
{
        for (size_t i = 0; i < a->config->n_issuers; i++) {
                IssuerState *s = &a->issuers[i];
                unsigned percent = s->set ? expiry_age_percent(s->set, now) : 0;
                char detail[1200];
                const Event e = { .kind = EVENT_SOURCE_STALE,
                                  .code = percent >= 80 ? "80" : "50",
                                  .detail = detail };

                percent = percent >= 80 ? 80 : percent >= 50 ? 50 : 0;
                if (!s->set || percent <= s->stale_percent)
                        continue;
                (void)snprintf(detail, sizeof(detail),
                               "%s: %u percent of the set's lifetime have passed; at 100 percent "
                               "every grant of it is over",
                               a->config->issuers[i].issuer, percent);
                agent_record(a, &e);
                s->stale_percent = percent;
        }
}

static void say_status(const Agent *a)
{
        size_t n_verified = 0;

        if (!a->serving)
                return;
        for (size_t i = 0; i < a->config->n_issuers; i++)
                n_verified += a->issuers[i].set != NULL;
        (void)sd_notifyf(0, "STATUS=%zu of %zu issuers verified, %zu grants, %zu sessions%s%s",
                         n_verified, a->config->n_issuers, a->store.n_grants,
                         a->sessions ? sessions_count(a->sessions) : 0,
                         a->config_error[0] ? "; configuration refused: " : "", a->config_error);
}

int agent_refresh(Agent *a)
{
        const Now now = agent_now(a);
        int r;

        /* Without memory nothing is in force: old grants may be about to be freed. */
        r = rebuild_store(a);
        if (r < 0)
                empty_store(a);
        if (note_ended(a, now))
                sets_save_state(a->sets);
        r = rebuild_views(a);
        if (r < 0) {
                empty_store(a);
                a->ended.n = 0;
        }
        if (!a->reconciled)
                return 0;
        check_freshness(a, now);
        r = publish(a);
        sessions_review(a->sessions);
        (void)expiry_arm(a->expiry, now);
        say_status(a);
        return r;
}

/* ---- changes made on this host ----------------------------------------------------------------
 */

int agent_give_back(Agent *a, const char *jti)
{
        const Grant *g = agent_grant(a, jti);
        const int64_t now_sec = now_realtime_usec() / USEC;
        int r;

        if (!g)
                return -ENOENT;
        if (is_ended(a, g))
                return -EALREADY;
        prune_ended(a, now_sec);
        r = state_add_ended(a->state, jti, 0, now_sec);
        if (r < 0)
                return r;
        agent_record(a, &(const Event){ .kind = EVENT_GRANT_ENDED,
                                        .grant = g,
                                        .account = g->account,
                                        .code = "given-back" });
        sets_save_state(a->sets);
        return agent_refresh(a);
}

int agent_lock(Agent *a, const char *name, bool locked, bool *ret_changed)
{
        int r;

        if (!name_is_sane(name) && !jti_is_valid(name))
                return -EINVAL;
        r = state_lock(a->state, name, locked);
        if (r < 0)
                return r;
        if (r > 0) {
                sets_save_state(a->sets);
                (void)agent_refresh(a);
        }
        *ret_changed = r > 0;
        return 0;
}
