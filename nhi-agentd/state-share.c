/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Shares of a state for threads, and the texts that go only when the last of them does. */

#include "nhi-agentd/state.h"

#include "lib/base/macro.h"

#include <stdlib.h>

void state_free_graves(State *s)
{
        for (size_t i = 0; i < s->n_graves; i++)
                free(s->graves[i]);
        free(TAKE_PTR(s->graves));
        s->n_graves = 0;
}

/* Where there is no memory to remember it, it is lost rather than read after it was freed. */
void state_bury_text(State *s, char *text)
{
        char **grown;

        if (s->n_shares == 0) {
                free(text);
                return;
        }
        /* By doubling: the sizes at which it is full are the powers of two. */
        grown = s->graves;
        if ((s->n_graves & (s->n_graves - 1)) == 0)
                grown = reallocarray(s->graves, s->n_graves ? 2 * s->n_graves : 1, sizeof(*grown));
        if (!grown)
                return;
        s->graves = grown;
        s->graves[s->n_graves++] = text;
}

static void *copy_of(const void *items, size_t n, size_t size)
{
        void *copy = calloc(n + 1, size);

        if (copy && n > 0)
                memcpy(copy, items, n * size);
        return copy;
}

int state_share(State *s, State *ret)
{
        State share = *s;

        share.graves = NULL;
        share.n_graves = share.n_shares = 0;
        share.ended = copy_of(s->ended, s->n_ended, sizeof(*s->ended));
        share.locked = copy_of(s->locked, s->n_locked, sizeof(*s->locked));
        if (!share.ended || !share.locked) {
                free(share.ended);
                free(share.locked);
                return -ENOMEM;
        }
        s->n_shares++;
        *ret = share;
        return 0;
}

void state_unshare(State *s, State *share)
{
        if (!share->ended)
                return;
        free(share->ended);
        free(share->locked);
        *share = (State){};
        if (--s->n_shares == 0)
                state_free_graves(s);
}
