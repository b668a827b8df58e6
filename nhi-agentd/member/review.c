/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which memberships are over (member.h: MB1, MB2). */

#include "nhi-agentd/member/internal.h"

#include "lib/base/macro.h"
#include "nhi-agentd/core/rules.h"
#include "nhi-agentd/lists.h"
#include "nhi-agentd/publish-snapshot.h"
#include "nhi-agentd/state.h"

typedef enum MemberStanding {
        MEMBER_UNPROVEN = 0, /* nothing says so, and nothing proves that it is over */
        MEMBER_GIVEN,
        MEMBER_OVER,
} MemberStanding;

static bool gives_group(const Grant *g, const char *group)
{
        for (size_t i = 0; i < g->n_terms; i++)
                if (g->terms[i].type == TERM_GROUP && list_contains(&g->terms[i].groups, group))
                        return true;
        return false;
}

/* That issuer's own. */
static const Grant *grant_of(const Agent *a, const Membership *m)
{
        size_t n = 0;
        const Grant *const *grants = grant_store_find(&a->store, m->name, &n);

        for (size_t i = 0; i < n; i++)
                if (streq(grants[i]->jti, m->jti) && streq(grants[i]->issuer, m->issuer))
                        return grants[i];
        return NULL;
}

static bool issuer_is_verified(const Agent *a, const char *issuer)
{
        return a->standing && agent_set(a, issuer);
}

/* By a list, though no set has its grant. An entry may mean those only that begin before a time. */
static bool is_named(const Agent *a, const Membership *m)
{
        const Grant tied = { .jti = m->jti,
                             .account = m->name,
                             .issuer = m->issuer,
                             .nbf_sec = m->nbf_sec,
                             .kid = m->kid };

        return m->nbf_sec > 0 && agent_lists_name(a, &tied);
}

/* Decided on this host, whatever sets say. */
static const char *why_of_host(const Agent *a, const Membership *m)
{
        const StateEnded *e = state_ended(a->state, state_issuer(a->state, m->issuer), m->jti);

        if (list_contains_sorted(&a->locked, m->name) || list_contains_sorted(&a->locked, m->jti))
                return reason_token(REASON_LOCKED);
        return e && e->exp_sec == 0 ? reason_token(REASON_GIVEN_BACK) : NULL;
}

static int64_t real_end_usec(const Membership *m)
{
        return m->end_sec < INT64_MAX / (int64_t)USEC_PER_SEC ? m->end_sec * (int64_t)USEC_PER_SEC
                                                              : INT64_MAX;
}

/* What the snapshot gives, by the same rules; its end is kept up to date. */
static bool is_given(const Agent *a, const Grant *g, Membership *m, Now now)
{
        int64_t end_sec = 0, boot_end_usec = 0;

        if (!g || agent_has_ended(a, g) || !gives_group(g, m->group) ||
            !grant_is_active(g, now, &end_sec, &boot_end_usec))
                return false;
        m->end_sec = end_sec;
        m->boot_end_usec = boot_end_usec;
        return true;
}

static MemberStanding member_judge(const Agent *a, Membership *m, Now now, const char **ret_why)
{
        const Grant *g = grant_of(a, m);
        const char *of_host = why_of_host(a, m);
        const ListVerdict lists = g ? agent_lists(a, g, NULL, NULL) : LIST_SILENT;

        if (of_host) {
                *ret_why = of_host;
                return MEMBER_OVER;
        }
        if (lists == LIST_NAMES || (!g && is_named(a, m))) {
                *ret_why = reason_token(REASON_REVOKED);
                return MEMBER_OVER;
        }
        if (lists == LIST_SILENT && is_given(a, g, m, now))
                return MEMBER_GIVEN;
        if (now.real_usec >= real_end_usec(m) || now.boot_usec >= m->boot_end_usec) {
                *ret_why = reason_token(REASON_EXPIRED);
                return MEMBER_OVER;
        }
        /* What a list said that is lost proves nothing. */
        if (lists != LIST_SILENT || !issuer_is_verified(a, m->issuer))
                return MEMBER_UNPROVEN;
        *ret_why = reason_token(REASON_REVOKED);
        return MEMBER_OVER;
}

bool membership_is_of_host(const Agent *a, const Membership *m)
{
        uint32_t gid = 0;

        return localdb_group(a->local, m->group, &gid) && gid == m->gid &&
               localdb_is_member(a->local, m->name, m->group);
}

/* ---- all of them -------------------------------------------------------------------------------
 */

static void next_end_note(Members *m, const Membership *of)
{
        const int64_t real = real_end_usec(of), boot = of->boot_end_usec;

        m->next_real_usec = real < m->next_real_usec ? real : m->next_real_usec;
        m->next_boot_usec = boot < m->next_boot_usec ? boot : m->next_boot_usec;
}

/* Judge those of one account and one group: is one of them still there, or may be? */
static bool run_judge(Members *m, Member *items, size_t n, Now now)
{
        bool is_alive = false;

        for (size_t i = 0; i < n; i++) {
                Member *at = &items[i];

                at->why = NULL;
                if (member_judge(m->agent, &at->of, now, &at->why) == MEMBER_OVER)
                        continue;
                next_end_note(m, &at->of);
                is_alive = true;
        }
        return is_alive;
}

static int64_t run_since(const Member *items, size_t n)
{
        int64_t since = items[0].of.since_usec;

        for (size_t i = 1; i < n; i++)
                since = items[i].of.since_usec < since ? items[i].of.since_usec : since;
        return since;
}

static const Member *run_latest(const Member *items, size_t n)
{
        const Member *latest = items;

        for (size_t i = 1; i < n; i++)
                latest = items[i].of.end_sec > latest->of.end_sec ? &items[i] : latest;
        return latest;
}

/* Another one stays: it has been given since the first of them was. True where some went. */
static bool run_narrow(Members *m, size_t first, size_t *n)
{
        const int64_t since = run_since(&m->list.items[first], *n);
        const size_t before = *n;

        for (size_t i = first; i < first + *n;) {
                m->list.items[i].of.since_usec = since;
                if (!m->list.items[i].why) {
                        i++;
                        continue;
                }
                member_list_remove(&m->list, i, 1);
                (*n)--;
        }
        return *n < before;
}

/* Where the file cannot be written now the old one names more than there is: nothing is lost. */
void members_review(Members *m)
{
        const Now now = agent_now(m->agent);
        bool changed = false;

        m->next_real_usec = m->next_boot_usec = INT64_MAX;
        for (size_t i = 0, n; i < m->list.n; i += n) {
                Member *items = &m->list.items[i];

                n = member_list_run(&m->list, i);
                if (run_judge(m, items, n, now)) {
                        member_ending_cancel(m, items->of.uid, items->of.gid);
                        changed |= run_narrow(m, i, &n);
                } else if (membership_is_of_host(m->agent, &items->of)) {
                        member_ending_cancel(m, items->of.uid, items->of.gid);
                        member_list_remove(&m->list, i, n);
                        n = 0;
                        changed = true;
                } else {
                        const Member *latest = run_latest(items, n);

                        member_ending_begin(m, &latest->of, run_since(items, n), latest->why);
                }
        }
        if (changed)
                (void)members_save(m);
        member_warn_arm(m);
        member_look_arm(m);
}

void members_time_passed(Members *m, Now now)
{
        if (now.real_usec >= m->next_real_usec || now.boot_usec >= m->next_boot_usec)
                members_review(m);
}
