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
        state_free_graves(s);
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

        return i && i->floor.ver > 0 ? &i->floor : NULL;
}

const SetFloor *state_list_floor(const State *s, const char *issuer)
{
        const StateIssuer *i = issuer_find(s, issuer);

        return i && i->list.ver > 0 ? &i->list : NULL;
}

const KeysFloor *state_keys_floor(const State *s, const char *issuer)
{
        const StateIssuer *i = issuer_find(s, issuer);

        return i && i->keys.floor.ver > 0 ? &i->keys : NULL;
}

const SetFloor *state_fresh_floor(const State *s, const char *issuer)
{
        const StateIssuer *i = issuer_find(s, issuer);

        return i && i->fresh.ver > 0 ? &i->fresh : NULL;
}

/* -ENOSPC, -ENOMEM. */
static int issuer_add(State *s, const char *issuer, StateIssuer **ret)
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
        *ret = i;
        return 0;
}

int state_set_floor(State *s, const char *issuer, const SetFloor *floor)
{
        StateIssuer *i = NULL;
        int r = issuer_add(s, issuer, &i);

        if (r == 0)
                i->floor = *floor;
        return r;
}

int state_set_list_floor(State *s, const char *issuer, const SetFloor *floor)
{
        StateIssuer *i = NULL;
        int r = issuer_add(s, issuer, &i);

        if (r == 0)
                i->list = floor ? *floor : (SetFloor){};
        return r;
}

int state_set_keys_floor(State *s, const char *issuer, const KeysFloor *floor)
{
        StateIssuer *i = NULL;
        int r = issuer_add(s, issuer, &i);

        if (r == 0)
                i->keys = floor ? *floor : (KeysFloor){};
        return r;
}

int state_set_fresh_floor(State *s, const char *issuer, const SetFloor *floor)
{
        StateIssuer *i = NULL;
        int r = issuer_add(s, issuer, &i);

        if (r == 0)
                i->fresh = floor ? *floor : (SetFloor){};
        return r;
}

unsigned state_issuer(const State *s, const char *issuer)
{
        const StateIssuer *i = issuer_find(s, issuer);

        return i ? (unsigned)(i - s->issuers) + 1 : 0;
}

static int ended_compare(const StateEnded *e, unsigned issuer, const char *jti)
{
        const int order = strcmp(e->jti, jti);

        return order != 0 ? order : (e->issuer > issuer) - (e->issuer < issuer);
}

/* Where it stands, or would stand. */
static size_t ended_position(const State *s, unsigned issuer, const char *jti)
{
        size_t low = 0, high = s->n_ended;

        while (low < high) {
                const size_t mid = low + (high - low) / 2;

                if (ended_compare(&s->ended[mid], issuer, jti) < 0)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

static bool ended_is_at(const State *s, size_t i, unsigned issuer, const char *jti)
{
        return i < s->n_ended && ended_compare(&s->ended[i], issuer, jti) == 0;
}

/* Where either is not known, it is taken for the other's. */
static bool ended_is_of(const StateEnded *e, unsigned issuer)
{
        return e->issuer == issuer || e->issuer == 0 || issuer == 0;
}

const StateEnded *state_ended(const State *s, unsigned issuer, const char *jti)
{
        const size_t exact = ended_position(s, issuer, jti), first = ended_position(s, 0, jti);

        if (ended_is_at(s, exact, issuer, jti))
                return &s->ended[exact];
        return first < s->n_ended && streq(s->ended[first].jti, jti) &&
                               ended_is_of(&s->ended[first], issuer)
                       ? &s->ended[first]
                       : NULL;
}

bool state_grant_is_ended(const State *s, const Grant *g)
{
        size_t i = ended_position(s, 0, g->jti);
        unsigned issuer;

        if (i == s->n_ended || !streq(s->ended[i].jti, g->jti))
                return false;
        issuer = state_issuer(s, g->issuer);
        for (; i < s->n_ended && streq(s->ended[i].jti, g->jti); i++) {
                const StateEnded *e = &s->ended[i];

                if (ended_is_of(e, issuer) && (e->exp_sec == 0 || g->exp_sec <= e->exp_sec))
                        return true;
        }
        return false;
}

/* Room for n more, by doubling: a host that ends grants for years must not copy them all for each.
 */
static int ended_reserve(State *s, size_t n)
{
        size_t capacity = s->ended_capacity ? s->ended_capacity : 64;
        StateEnded *grown;

        if (n <= s->ended_capacity - s->n_ended)
                return 0;
        while (capacity - s->n_ended < n)
                capacity *= 2;
        grown = reallocarray(s->ended, capacity, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->ended = grown;
        s->ended_capacity = capacity;
        return 0;
}

/* For how many more of this issuer's there is room. */
static size_t ended_room(const State *s, unsigned issuer)
{
        const size_t share = STATE_ENDED_MAX / (s->n_sharing > 0 ? s->n_sharing : 1);
        const size_t n = s->n_ended_of[issuer];
        const size_t all = s->n_ended < STATE_ENDED_ALL_MAX ? STATE_ENDED_ALL_MAX - s->n_ended : 0;
        const size_t own = n < share ? share - n : 0;

        return own < all ? own : all;
}

static void ended_update(StateEnded *e, int64_t exp_sec, int64_t at_sec)
{
        if (e->exp_sec != 0 && (exp_sec == 0 || exp_sec > e->exp_sec))
                e->exp_sec = exp_sec;
        e->at_sec = at_sec;
}

int state_add_ended(State *s, unsigned issuer, const char *jti, int64_t exp_sec, int64_t at_sec)
{
        const size_t i = ended_position(s, issuer, jti);
        char *copy;

        if (ended_is_at(s, i, issuer, jti)) {
                ended_update(&s->ended[i], exp_sec, at_sec);
                return 0;
        }
        if (ended_room(s, issuer) == 0)
                return -ENOSPC;
        if (ended_reserve(s, 1) < 0)
                return -ENOMEM;
        copy = strdup(jti);
        if (!copy)
                return -ENOMEM;
        memmove(&s->ended[i + 1], &s->ended[i], (s->n_ended - i) * sizeof(*s->ended));
        s->ended[i] =
                (StateEnded){ .jti = copy, .exp_sec = exp_sec, .at_sec = at_sec, .issuer = issuer };
        s->n_ended++;
        s->n_ended_of[issuer]++;
        return 0;
}

/* Merge from the end, where there is room, so that nothing is moved twice. */
static void batch_merge(State *s, const StateEnded *new, size_t n)
{
        size_t old = s->n_ended, to = old + n;

        while (n > 0) {
                if (old > 0 &&
                    ended_compare(&s->ended[old - 1], new[n - 1].issuer, new[n - 1].jti) > 0)
                        s->ended[--to] = s->ended[--old];
                else
                        s->ended[--to] = new[--n];
        }
}

/* What one entry of a batch came to: already known, new (copied into *ret), or no room for it. */
typedef enum Taken { TAKEN_KNOWN, TAKEN_NEW, TAKEN_NOT } Taken;

static Taken batch_take(State *s, const StateEnded *e, StateEnded *ret)
{
        const size_t at = ended_position(s, e->issuer, e->jti);

        if (ended_is_at(s, at, e->issuer, e->jti)) {
                ended_update(&s->ended[at], e->exp_sec, e->at_sec);
                return TAKEN_KNOWN;
        }
        /* n_ended grows when the batch is merged; what is for all is reserved. */
        if (ended_room(s, e->issuer) == 0)
                return TAKEN_NOT;
        *ret = *e;
        ret->jti = strdup(e->jti);
        if (!ret->jti)
                return TAKEN_NOT;
        s->n_ended_of[e->issuer]++;
        return TAKEN_NEW;
}

int state_add_ended_batch(State *s, StateEnded *batch, size_t n, size_t *ret_n)
{
        _cleanup_free_ StateEnded *new = calloc(n + 1, sizeof(*new));
        size_t n_new = 0, n_taken = 0;

        if (!new || ended_reserve(s, n) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                Taken taken = TAKEN_NOT;

                if (n_new < STATE_ENDED_ALL_MAX - s->n_ended)
                        taken = batch_take(s, &batch[i], &new[n_new]);
                if (taken == TAKEN_NEW)
                        n_new++;
                if (taken != TAKEN_NOT)
                        batch[n_taken++] = batch[i];
        }
        batch_merge(s, new, n_new);
        s->n_ended += n_new;
        *ret_n = n_taken;
        return 0;
}

void state_prune_ended(State *s, int64_t before_sec,
                       bool (*is_needed)(void *userdata, const char *jti), void *userdata)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n_ended; i++) {
                if (s->ended[i].at_sec < before_sec && !is_needed(userdata, s->ended[i].jti)) {
                        s->n_ended_of[s->ended[i].issuer]--;
                        state_bury_text(s, s->ended[i].jti);
                } else {
                        s->ended[n++] = s->ended[i];
                }
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
                state_bury_text(s, s->locked[i]);
                s->n_locked--;
                memmove(&s->locked[i], &s->locked[i + 1], (s->n_locked - i) * sizeof(char *));
                return 1;
        }
        if (s->n_locked >= STATE_LOCKED_MAX)
                return -ENOSPC;
        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        /* Last: who has a view of the list sees it move only when it changes. */
        grown = reallocarray(s->locked, s->n_locked + 1, sizeof(*grown));
        if (!grown) {
                free(copy);
                return -ENOMEM;
        }
        s->locked = grown;
        memmove(&s->locked[i + 1], &s->locked[i], (s->n_locked - i) * sizeof(char *));
        s->locked[i] = copy;
        s->n_locked++;
        return 1;
}
