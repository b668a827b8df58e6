/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The agent's own questions and changes: what is in force, since when the clock is trusted, what
 * was ended or locked. */

#include "nhi-agentd/agent.h"

#include "nhi-agentd/control/denials.h"
#include "nhi-agentd/core/rules.h"
#include "nhi-agentd/ended.h"
#include "nhi-agentd/evidence.h"
#include "nhi-agentd/expiry.h"
#include "nhi-agentd/journal.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/member/member.h"
#include "nhi-agentd/publish.h"
#include "nhi-agentd/report.h"
#include "nhi-agentd/sets.h"
#include "nhi-agentd/staleness.h"
#include "nhi-agentd/standing.h"
#include "nhi-agentd/state.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <stdio.h>
#include <systemd/sd-daemon.h>

#define USEC ((int64_t)USEC_PER_SEC)
/* An issuer's clock may be ahead of ours by SET_AHEAD_SEC. */
#define CLOCK_SLACK_USEC ((int64_t)SET_AHEAD_SEC * USEC)

#ifdef NHI_TEST
int64_t agent_ahead_usec;
#endif

Now agent_now(const Agent *a)
{
        Now now = { .real_usec = now_realtime_usec(), .boot_usec = now_boottime_usec() };

#ifdef NHI_TEST
        now.real_usec += agent_ahead_usec;
        now.boot_usec += agent_ahead_usec;
#endif
        return now;
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
        if (iat_sec > TIME_SEC_MAX || iat_sec * USEC <= proved_usec(a, boot_usec))
                return;
        a->floor_real_usec = iat_sec * USEC;
        a->floor_boot_usec = boot_usec;
}

void agent_tell(Agent *a, const Event *e)
{
        journal_event(a->journal, e);
        tally_event(&a->tally, e);
        denials_add(a->denials, e, now_realtime_usec() / USEC);
        if (a->reports)
                reports_note(a->reports, e);
}

void agent_record(Agent *a, const Event *e)
{
        agent_tell(a, e);
        if (a->evidence)
                evidence_note(a->evidence, e);
}

static uint32_t on_n_uses(void *userdata, const Grant *g)
{
        const Agent *a = userdata;

        return evidence_n_uses(a->evidence, g);
}

bool agent_has_ended(const Agent *a, const Grant *g)
{
        if (state_grant_is_ended(a->state, g))
                return true;
        for (size_t i = 0; i < a->config->n_issuers; i++)
                if (streq(a->config->issuers[i].issuer, g->issuer) &&
                    list_contains_sorted(&a->issuers[i].narrowed, g->jti))
                        return true;
        return false;
}

static bool on_is_ended(void *userdata, const Grant *g)
{
        return agent_has_ended(userdata, g);
}

static const Grant *on_newest(void *userdata, const Grant *g)
{
        const Agent *a = userdata;

        for (size_t i = 0; i < a->config->n_issuers; i++) {
                const Grant *newest = grant_list_find(&a->issuers[i].lessened, g->jti);

                if (newest && streq(newest->issuer, g->issuer))
                        return newest;
        }
        return NULL;
}

static ListVerdict on_lists(void *userdata, const Grant *g, const char **ret_title)
{
        return agent_lists(userdata, g, ret_title, NULL);
}

HostView agent_host_view(Agent *a)
{
        return (HostView){
                .locked = &a->locked,
                .is_ended = on_is_ended,
                .lists = on_lists,
                .n_uses = on_n_uses,
                .newest = on_newest,
                .userdata = a,
                .clock_behind = agent_clock_is_behind(a, agent_now(a)),
        };
}

const Grant *agent_grant(const Agent *a, const char *jti)
{
        return grant_store_grant(&a->store, jti);
}

static void *standing_release(void *object)
{
        return standing_free(object);
}

void agent_put_standing(Agent *a, Standing *standing)
{
        publish_retire(a->publisher, standing_release, a->standing);
        a->standing = standing;
        a->store = standing ? standing->store : (GrantStore){};
        a->by_boot = standing ? standing->by_boot : NULL;
        a->n_by_boot = a->store.n_grants;
        ended_restart(a->ended);
}

/* ---- refresh --------------------------------------------------------------------------------- */

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

static void view_locked(Agent *a)
{
        a->locked = (StrList){ .items = (const char **)a->state->locked, .n = a->state->n_locked };
}

void agent_refresh(Agent *a)
{
        const Now now = agent_now(a);

        view_locked(a);
        ended_note(a->ended);
        if (!a->reconciled)
                return;
        staleness_review(a, now);
        publish(a->publisher);
        (void)expiry_arm(a->expiry, now);
        say_status(a);
}

void agent_time_passed(Agent *a)
{
        const Now now = agent_now(a);

        ended_note(a->ended);
        if (!a->reconciled)
                return;
        staleness_review(a, now);
        sessions_review(a->sessions);
        members_time_passed(a->members, now);
        publish_later(a->publisher);
        sets_time_passed(a->sets);
        (void)expiry_arm(a->expiry, now);
        say_status(a);
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
        if (agent_has_ended(a, g))
                return -EALREADY;
        ended_prune(a, now_sec);
        r = state_add_ended(a->state, state_issuer(a->state, g->issuer), jti, 0, now_sec);
        if (r < 0)
                return r;
        agent_record(a, &(const Event){ .kind = EVENT_GRANT_ENDED,
                                        .grant = g,
                                        .account = g->account,
                                        .code = "given-back" });
        sessions_grant_over(a->sessions, g->account);
        sets_save_state(a->sets);
        agent_refresh(a);
        return 0;
}

/* Both may be locked: an account, or a grant. */
static const char *account_of(const Agent *a, const char *name)
{
        const Grant *g = agent_grant(a, name);

        return g ? g->account : name;
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
                agent_refresh(a);
        }
        if (r > 0 && locked) /* also where no session of it is open */
                sessions_grant_over(a->sessions, account_of(a, name));
        *ret_changed = r > 0;
        return 0;
}
