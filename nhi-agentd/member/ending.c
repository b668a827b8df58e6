/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A membership that is over: say so where there is a terminal, ask what carries it to end, kill
 * what is left after the grace, look until two looks in a row find nothing, write it down. */

#include "nhi-agentd/member/internal.h"

#include "lib/base/macro.h"
#include "nhi-agentd/session/terminal.h"

#include <inttypes.h>
#include <stdio.h>

#define GRACE_USEC         2000000ull /* unless the host says other */
#define ROUND_USEC         20000ull   /* between looks while it should be a matter of moments */
#define SLOW_USEC          5000000ull /* and once something does not die */
#define SURVIVOR_USEC      4000000ull /* behind the grace: when that is written down */
#define UNSURE_LOOKS_FEW   2u         /* where nothing outlived the grace */
#define UNSURE_LOOKS_MAX   20u        /* on a host where processes come and go all the time */
#define CLEAN_LOOKS_NEEDED 2u         /* a look that forks race with may have missed one */

static void ending_free(MemberEnding *e)
{
        free((char *)e->member.of.name);
        free(e->asked);
        free(e);
}

MemberEnding *ending_find(Members *m, uid_t uid, gid_t gid)
{
        for (MemberEnding *e = m->endings; e; e = e->next)
                if (e->member.of.uid == uid && e->member.of.gid == gid && e->kind != ENDING_WORDS)
                        return e;
        return NULL;
}

static void ending_remove(Members *m, MemberEnding *gone)
{
        for (MemberEnding **at = &m->endings; *at; at = &(*at)->next)
                if (*at == gone) {
                        *at = gone->next;
                        ending_free(gone);
                        return;
                }
}

void member_ending_cancel(Members *m, uid_t uid, gid_t gid)
{
        MemberEnding *e = ending_find(m, uid, gid);

        if (e)
                ending_remove(m, e);
}

void member_endings_free(Members *m)
{
        while (m->endings)
                ending_remove(m, m->endings);
}

/* ---- begin -------------------------------------------------------------------------------------
 */

static MemberEnding *ending_new(Members *m, EndingKind kind, const Membership *of,
                                int64_t since_usec)
{
        MemberEnding *e = calloc(1, sizeof(*e));
        MemberList copy = {};

        if (!e || member_list_add(&copy, of) < 0) {
                free(e);
                free(copy.items);
                return NULL; /* the next review tries again */
        }
        e->kind = kind;
        e->member = copy.items[0];
        free(copy.items);
        e->since_ticks = process_ticks_of_usec(since_usec);
        e->begun_usec = now_monotonic_usec();
        e->look_from = m->look + 1;
        e->next = m->endings;
        m->endings = e;
        return e;
}

void member_ending_begin(Members *m, const Membership *of, int64_t since_usec, const char *why)
{
        const EndingKind kind =
                membership_is_on_trial(m->agent, of) ? ENDING_OBSERVED : ENDING_KILLS;
        const Now now = agent_now(m->agent);
        MemberEnding *e;

        if (ending_find(m, of->uid, of->gid))
                return;
        e = ending_new(m, kind, of, since_usec);
        if (!e)
                return;
        (void)snprintf(e->why, sizeof(e->why), "%s", why);
        if (of->end_sec < now.real_usec / (int64_t)USEC_PER_SEC)
                e->late_usec = now.real_usec - of->end_sec * (int64_t)USEC_PER_SEC;
}

void member_words_begin(Members *m, const Membership *of, int64_t since_usec, int64_t left_usec)
{
        MemberEnding *e = ending_new(m, ENDING_WORDS, of, since_usec);

        if (e)
                e->left_usec = left_usec;
}

/* ---- written down ------------------------------------------------------------------------------
 */

static uint64_t ending_age_usec(const MemberEnding *e)
{
        return now_monotonic_usec() - e->begun_usec;
}

static void detail_format(const MemberEnding *e, char *ret, size_t size)
{
        size_t used = (size_t)snprintf(ret, size, "gid %u", e->member.of.gid);

        if (e->n_apart > 0 && used < size)
                used += (size_t)snprintf(ret + used, size - used, "; of system units: %u",
                                         e->n_apart);
        for (size_t i = 0; i < e->n_pids && used + 20 < size; i++)
                used += (size_t)snprintf(ret + used, size - used, "%s%d", i == 0 ? "; pids " : " ",
                                         (int)e->pids[i]);
}

static void ending_record(Members *m, const MemberEnding *e, EventKind kind, uint32_t n_survivors)
{
        const Membership *of = &e->member.of;
        const Grant *grant = agent_grant(m->agent, of->jti);
        const Grant gone = { .jti = of->jti, .account = of->name, .issuer = of->issuer };
        char detail[256];
        const Event event = {
                .kind = kind,
                .account = of->name,
                .uid = of->uid,
                .target_group = of->group,
                .mode = e->kind == ENDING_OBSERVED ? "observe" : "enforce",
                .grant = grant && streq(grant->issuer, of->issuer) ? grant : &gone,
                .code = e->why,
                .detail = detail,
                .took_usec = (int64_t)ending_age_usec(e) + e->late_usec,
                .n_survivors = n_survivors,
                .n_denials = kind == EVENT_MEMBERSHIP_END ? e->n_asked : 0,
        };

        detail_format(e, detail, sizeof(detail));
        agent_record(m->agent, &event);
}

/* Nobody carried it: that its grant is over is written down already. */
static void ending_finish(Members *m, MemberEnding *e)
{
        const unsigned n_left = e->n_apart + (e->kind == ENDING_OBSERVED ? e->n_found : 0);

        if (e->n_asked > 0 || n_left > 0)
                ending_record(m, e, EVENT_MEMBERSHIP_END, n_left);
        if (e->n_apart > 0 && e->kind == ENDING_KILLS)
                ending_record(m, e, EVENT_SURVIVOR, e->n_apart);
        members_forget(m, e->member.of.uid, e->member.of.gid);
        ending_remove(m, e);
}

/* A look that was under way when it began says nothing of it. */
bool ending_counts(const Members *m, const MemberEnding *e)
{
        return (int)(m->look - e->look_from) >= 0;
}

/* ---- rounds ------------------------------------------------------------------------------------
 */

uint64_t ending_grace_usec(const Members *m)
{
        const uint64_t usec = m->agent->config->session_grace_usec;

        return usec > 0 ? usec : GRACE_USEC;
}

/* From when the first one was asked: a loop that came late takes nobody's time. */
bool ending_grace_is_over(const Members *m, const MemberEnding *e)
{
        return e->asked_usec > 0 && now_monotonic_usec() - e->asked_usec > ending_grace_usec(m);
}

static void words_say(const MemberEnding *e)
{
        const Membership *of = &e->member.of;
        char text[256];

        if (e->kind == ENDING_KILLS)
                (void)snprintf(
                        text, sizeof(text),
                        "\r\nnhi: you are no longer in %s (%s); what carries it ends now.\r\n",
                        of->group, e->why);
        else
                (void)snprintf(
                        text, sizeof(text),
                        "\r\nnhi: you are in %s for %lld s more; what carries it then ends.\r\n",
                        of->group, (long long)((e->left_usec + 500000) / (int64_t)USEC_PER_SEC));
        (void)terminal_tell(e->pids, e->n_pids, of->uid, text);
}

/* What was gone before it was looked at may have left a child that no look has seen. */
static void ending_count(const Members *m, MemberEnding *e)
{
        if (e->n_found > 0) {
                e->n_clean = e->n_unsure = 0;
                e->n_hard += ending_grace_is_over(m, e);
        } else if (m->n_missed == 0 ||
                   ++e->n_unsure > (e->n_hard > 0 ? UNSURE_LOOKS_MAX : UNSURE_LOOKS_FEW)) {
                e->n_clean++;
        }
}

/* True where e is through, and is freed. */
static bool kills_looked(Members *m, MemberEnding *e)
{
        ending_count(m, e);
        if (e->n_clean >= CLEAN_LOOKS_NEEDED) {
                ending_finish(m, e);
                return true;
        }
        if (e->n_hard > 1)
                member_ending_crowd(m, e);
        if (e->n_looks == 1 && e->n_pids > 0)
                words_say(e);
        if (e->n_found > 0 && !e->survivor_recorded &&
            ending_age_usec(e) > ending_grace_usec(m) + SURVIVOR_USEC) {
                ending_record(m, e, EVENT_SURVIVOR, e->n_found);
                e->survivor_recorded = true;
        }
        return false;
}

static void ending_looked(Members *m, MemberEnding *e)
{
        bool gone = true;

        if (!ending_counts(m, e))
                return;
        e->n_looks++;
        switch (e->kind) {
        case ENDING_KILLS:
                gone = kills_looked(m, e);
                break;
        case ENDING_OBSERVED:
                ending_finish(m, e);
                break;
        case ENDING_WORDS:
                if (e->n_pids > 0)
                        words_say(e);
                ending_remove(m, e);
                break;
        }
        if (gone)
                return;
        e->n_found = e->n_apart = 0;
        e->n_pids = 0;
}

void member_endings_looked(Members *m)
{
        for (MemberEnding *e = m->endings, *next; e; e = next) {
                next = e->next;
                ending_looked(m, e);
        }
}

bool member_endings_due(const Members *m, uint64_t *ret_usec)
{
        uint64_t usec = SLOW_USEC;

        for (const MemberEnding *e = m->endings; e; e = e->next)
                if (!e->survivor_recorded || e->n_clean > 0)
                        usec = ROUND_USEC;
        *ret_usec = usec;
        return m->endings != NULL;
}
