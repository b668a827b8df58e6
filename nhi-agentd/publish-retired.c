/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What was in force and is no longer: a publication under way may still read it. */

#include "nhi-agentd/publish-internal.h"

#include <stdlib.h>

void retired_free(Retired *first)
{
        for (Retired *i = first, *next; i; i = next) {
                next = i->next;
                (void)i->release(i->object);
                if (i->taken)
                        atomic_store(i->taken, false);
                else
                        free(i);
        }
}

static int free_retired(void *userdata)
{
        retired_free(userdata);
        return 0;
}

static void on_retired(void *userdata, int r)
{
}

/* The thread runs one job after the other: behind what is under way nobody reads them. */
void retired_hand_over(Publisher *p)
{
        if (p->retired && writer_call(p->thread, free_retired, on_retired, p->retired) == 0)
                p->retired = NULL;
}

static Retired *retired_new(Publisher *p)
{
        for (size_t i = 0; i < RETIRED_AT_HAND; i++)
                if (!atomic_exchange(&p->taken[i], true)) {
                        p->at_hand[i] = (Retired){ .taken = &p->taken[i] };
                        return &p->at_hand[i];
                }
        return calloc(1, sizeof(Retired));
}

void publish_retire(Publisher *p, void *(*release)(void *object), void *object)
{
        Retired *i;

        if (!object)
                return;
        i = p ? retired_new(p) : NULL;
        if (!i) {
                /* Without a publication under way nobody reads it; else it is lost. */
                if (!p || !p->current)
                        (void)release(object);
                return;
        }
        i->next = p->retired;
        i->release = release;
        i->object = object;
        p->retired = i;
        retired_hand_over(p);
}
