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
        int64_t time_sec;
        uint64_t decision_id;
        uint32_t uid;
        Reason reason;
        bool is_named; /* account is a name that somebody can have, and stands here unescaped */
        char account[DENIAL_NAME_SIZE], target[DENIAL_NAME_SIZE];
        char class[DENIAL_WORD_SIZE], service[DENIAL_WORD_SIZE];
        char phase[32], mode[16], jti[72];
        char command[DENIAL_TEXT_SIZE];
} Denial;

struct Denials {
        size_t next; /* where the next one goes */
        size_t n;
        Denial ring[DENIALS_MAX];
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

void denials_add(Denials *d, const Event *e, int64_t now_sec)
{
        Denial *slot;

        if (!d || (e->kind != EVENT_DENIAL && e->kind != EVENT_WOULD_DENY))
                return;

        slot = &d->ring[d->next];
        slot->time_sec = now_sec;
        slot->decision_id = e->decision_id;
        slot->uid = e->account ? e->uid : UINT32_MAX;
        slot->reason = e->has_decision ? e->decision.reason : REASON_NO_GRANT;
        copy_account(slot, e->account);
        copy_text(slot->target, sizeof(slot->target), e->target);
        copy_text(slot->class, sizeof(slot->class), e->class);
        copy_text(slot->service, sizeof(slot->service), e->service);
        copy_text(slot->phase, sizeof(slot->phase), e->phase);
        copy_text(slot->mode, sizeof(slot->mode), e->mode);
        copy_text(slot->jti, sizeof(slot->jti), event_jti(e));
        copy_text(slot->command, sizeof(slot->command), e->command);

        d->next = (d->next + 1) % DENIALS_MAX;
        if (d->n < DENIALS_MAX)
                d->n++;
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
        };
}

size_t denials_list(const Denials *d, const char *account, DenialView *ret, size_t n)
{
        size_t n_found = 0;

        if (!d)
                return 0;

        for (size_t i = 0; i < d->n && n_found < n; i++) {
                const Denial *s = &d->ring[(d->next + DENIALS_MAX - 1 - i) % DENIALS_MAX];

                if (account && (!s->is_named || !streq(s->account, account)))
                        continue;
                ret[n_found++] = denial_view(s);
        }
        return n_found;
}
