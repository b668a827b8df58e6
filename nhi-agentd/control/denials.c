/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/control/denials.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <stdio.h>

/* A name is never cut, so that two accounts never look alike: nobody reads another's denials. */
#define DENIAL_NAME_SIZE (4 * LABEL_SIZE_MAX + 1)
#define DENIAL_WORD_SIZE (SERVICE_SIZE_MAX + 16)
#define DENIAL_TEXT_SIZE 512

typedef struct Denial {
        int64_t time_sec, first_sec;
        uint64_t decision_id, n;
        uint32_t uid;
        Reason reason;
        bool is_flood;
        bool is_named; /* account is a name that somebody can have, and stands here unescaped */
        char account[DENIAL_NAME_SIZE], target[DENIAL_NAME_SIZE];
        char class[DENIAL_WORD_SIZE], service[DENIAL_WORD_SIZE];
        char phase[32], mode[16], jti[72];
        char command[DENIAL_TEXT_SIZE];
} Denial;

struct Denials {
        size_t n;
        uint16_t order[DENIALS_MAX]; /* places, the newest first */
        Denial places[DENIALS_MAX];
};

int denials_new(Denials **ret)
{
        Denials *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;

        *ret = d;
        return 0;
}

Denials *denials_free(Denials *d)
{
        free(d);
        return NULL;
}

/* The grant that was nearest is worth naming: its holder learns what to have changed. */
static const char *event_jti(const Event *e)
{
        const Grant *g = e->has_decision && e->decision.grant ? e->decision.grant : e->grant;

        return g ? g->jti : NULL;
}

static void copy_text(char *ret, size_t size, const char *text)
{
        text_escape(ret, size, text ? text : "");
}

/* A sane name is kept as it is, so that its owner finds it; a backslash may well be part of it. */
static void copy_account(Denial *slot, const char *name)
{
        slot->is_named = name && name_is_sane(name);
        if (slot->is_named)
                (void)snprintf(slot->account, sizeof(slot->account), "%s", name);
        else
                copy_text(slot->account, sizeof(slot->account), name);
}

static bool is_of_account(const Denial *s, const Denial *other)
{
        return s->is_named == other->is_named && streq(s->account, other->account);
}

/* The entry of the flood that this event goes on with: its rank, or d->n. */
static size_t flood_rank(const Denials *d, const Denial *new, int64_t first_sec)
{
        for (size_t i = 0; i < d->n; i++) {
                const Denial *s = &d->places[d->order[i]];

                if (s->is_flood && s->reason == new->reason &&is_of_account(s, new) &&
                    streq(s->class, new->class) && first_sec <= s->time_sec + DENIALS_LULL)
                        return i;
        }
        return d->n;
}

/* Each login without a grant for a user manager has that refused, and nobody misses it: it stands
 * once, and does not push to the front what somebody asks for. */
static bool counts_as_before(Denials *d, const Denial *new)
{
        if (new->reason != REASON_USER_MANAGER_NOT_GRANTED)
                return false;
        for (size_t i = 0; i < d->n; i++) {
                Denial *s = &d->places[d->order[i]];

                if (s->reason != new->reason || !is_of_account(s, new) ||
                    !streq(s->mode, new->mode))
                        continue;
                s->n += new->n;
                s->time_sec = new->time_sec;
                s->decision_id = new->decision_id;
                return true;
        }
        return false;
}

/* Whose place a new one takes: its rank. */
static size_t victim_rank(const Denials *d, const Denial *new)
{
        size_t n_own = 0, own = d->n - 1;

        for (size_t i = 0; i < d->n; i++)
                if (is_of_account(&d->places[d->order[i]], new)) {
                        n_own++;
                        own = i;
                }
        return n_own >= DENIALS_SHARE ? own : d->n - 1;
}

/* The place of this rank becomes the newest. */
static Denial *bring_first(Denials *d, size_t rank)
{
        const uint16_t place = d->order[rank];

        memmove(d->order + 1, d->order, rank * sizeof(*d->order));
        d->order[0] = place;
        return &d->places[place];
}

static void denial_fill(Denial *ret, const Event *e, int64_t now_sec)
{
        *ret = (Denial){
                .is_flood = e->kind == EVENT_DENIALS,
                .time_sec = now_sec,
                .first_sec = now_sec,
                .decision_id = e->decision_id,
                .n = 1,
                .uid = e->account ? e->uid : UINT32_MAX,
                .reason = e->has_decision ? e->decision.reason : REASON_NO_GRANT,
        };
        if (ret->is_flood) {
                ret->n = e->n_denials;
                ret->first_sec = e->first_sec;
                ret->time_sec = e->last_sec;
        }
        copy_account(ret, e->account);
        copy_text(ret->target, sizeof(ret->target), e->target);
        copy_text(ret->class, sizeof(ret->class), e->class);
        copy_text(ret->service, sizeof(ret->service), e->service);
        copy_text(ret->phase, sizeof(ret->phase), e->phase);
        copy_text(ret->mode, sizeof(ret->mode), e->mode);
        copy_text(ret->jti, sizeof(ret->jti), event_jti(e));
        copy_text(ret->command, sizeof(ret->command), e->command);
}

void denials_add(Denials *d, const Event *e, int64_t now_sec)
{
        Denial new, *at;
        size_t rank;

        if (!d ||
            (e->kind != EVENT_DENIAL && e->kind != EVENT_DENIALS && e->kind != EVENT_WOULD_DENY))
                return;
        denial_fill(&new, e, now_sec);
        if (counts_as_before(d, &new))
                return;
        rank = new.is_flood ? flood_rank(d, &new, e->first_sec) : d->n;
        if (rank < d->n) {
                at = bring_first(d, rank);
                at->n += new.n;
                at->time_sec = new.time_sec;
                return;
        }
        if (d->n < DENIALS_MAX) {
                d->order[d->n] = (uint16_t)d->n;
                rank = d->n++;
        } else {
                rank = victim_rank(d, &new);
        }
        *bring_first(d, rank) = new;
}

static DenialView denial_view(const Denial *s)
{
        return (DenialView){
                .time_sec = s->time_sec,
                .uid = s->is_named ? s->uid : UINT32_MAX,
                .account = s->account,
                .class = s->class,
                .service = s->service,
                .phase = s->phase,
                .target = s->target,
                .command = s->command,
                .jti = s->jti,
                .mode = s->mode,
                .reason = s->reason,
                .decision_id = s->decision_id,
                .n = s->n,
                .first_sec = s->first_sec,
        };
}

size_t denials_list(const Denials *d, const char *account, DenialView *ret, size_t n)
{
        size_t n_found = 0;

        if (!d)
                return 0;

        for (size_t i = 0; i < d->n && n_found < n; i++) {
                const Denial *s = &d->places[d->order[i]];

                if (account && (!s->is_named || !streq(s->account, account)))
                        continue;
                ret[n_found++] = denial_view(s);
        }
        return n_found;
}
