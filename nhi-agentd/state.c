/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/state.h"

#include "lib/base/macro.h"

#include <stdlib.h>

int state_new(State **ret)
{
        *ret = calloc(1, sizeof(State));
        return *ret ? 0 : -ENOMEM;
}

State *state_free(State *s)
{
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_issuers; i++)
                free(s->issuers[i].issuer);
        for (size_t i = 0; i < s->n_ended; i++)
                free(s->ended[i].jti);
        for (size_t i = 0; i < s->n_locked; i++)
                free(s->locked[i]);
        free(s->ended);
        free(s->locked);
        free(s);
        return NULL;
}

static StateIssuer *issuer_find(const State *s, const char *issuer)
{
        for (size_t i = 0; i < s->n_issuers; i++)
                if (streq(s->issuers[i].issuer, issuer))
                        return (StateIssuer *)(uintptr_t)&s->issuers[i];
        return NULL;
}

const SetFloor *state_floor(const State *s, const char *issuer)
{
        const StateIssuer *i = issuer_find(s, issuer);

        return i ? &i->floor : NULL;
}

int state_set_floor(State *s, const char *issuer, const SetFloor *floor)
{
        StateIssuer *i = issuer_find(s, issuer);

        if (!i) {
                if (s->n_issuers == STATE_ISSUERS_MAX)
                        return -ENOSPC;
                i = &s->issuers[s->n_issuers];
                i->issuer = strdup(issuer);
                if (!i->issuer)
                        return -ENOMEM;
                s->n_issuers++;
        }
        i->floor = *floor;
        return 0;
}

/* Where jti stands, or would stand. */
static size_t ended_position(const State *s, const char *jti)
{
        size_t low = 0, high = s->n_ended;

        while (low < high) {
                const size_t mid = low + (high - low) / 2;

                if (strcmp(s->ended[mid].jti, jti) < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

const StateEnded *state_ended(const State *s, const char *jti)
{
        const size_t i = ended_position(s, jti);

        return i < s->n_ended && streq(s->ended[i].jti, jti) ? &s->ended[i] : NULL;
}

/* Room for one more, by doubling: a host that ends grants for years must not copy them all for
 * each. */
static int ended_grow(State *s)
{
        const size_t capacity = s->ended_capacity ? 2 * s->ended_capacity : 64;
        StateEnded *grown;

        if (s->n_ended < s->ended_capacity)
                return 0;
        grown = reallocarray(s->ended, capacity, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->ended = grown;
        s->ended_capacity = capacity;
        return 0;
}

int state_add_ended(State *s, const char *jti, int64_t exp_sec, int64_t at_sec)
{
        const size_t i = ended_position(s, jti);
        char *copy;

        if (i < s->n_ended && streq(s->ended[i].jti, jti)) {
                StateEnded *e = &s->ended[i];

                if (e->exp_sec != 0 && (exp_sec == 0 || exp_sec > e->exp_sec))
                        e->exp_sec = exp_sec;
                e->at_sec = at_sec;
                return 0;
        }
        if (s->n_ended >= STATE_ENDED_MAX)
                return -ENOSPC;
        if (ended_grow(s) < 0)
                return -ENOMEM;
        copy = strdup(jti);
        if (!copy)
                return -ENOMEM;
        memmove(&s->ended[i + 1], &s->ended[i], (s->n_ended - i) * sizeof(*s->ended));
        s->ended[i] = (StateEnded){ .jti = copy, .exp_sec = exp_sec, .at_sec = at_sec };
        s->n_ended++;
        return 0;
}

void state_prune_ended(State *s, int64_t before_sec,
                       bool (*is_needed)(void *userdata, const char *jti), void *userdata)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n_ended; i++) {
                if (s->ended[i].at_sec < before_sec && !is_needed(userdata, s->ended[i].jti))
                        free(s->ended[i].jti);
                else
                        s->ended[n++] = s->ended[i];
        }
        s->n_ended = n;
}

int state_lock(State *s, const char *name, bool locked)
{
        size_t i = 0;
        char **grown, *copy;

        while (i < s->n_locked && strcmp(s->locked[i], name) < 0)
                i++;
        if (locked == (i < s->n_locked && streq(s->locked[i], name)))
                return 0;
        if (!locked) {
                free(s->locked[i]);
                s->n_locked--;
                memmove(&s->locked[i], &s->locked[i + 1], (s->n_locked - i) * sizeof(char *));
                return 1;
        }
        if (s->n_locked >= STATE_LOCKED_MAX)
                return -ENOSPC;
        grown = reallocarray(s->locked, s->n_locked + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->locked = grown;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        memmove(&s->locked[i + 1], &s->locked[i], (s->n_locked - i) * sizeof(char *));
        s->locked[i] = copy;
        s->n_locked++;
        return 1;
}
