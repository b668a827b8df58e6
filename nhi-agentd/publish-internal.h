/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between publish.c (when, on the loop), publish-make.c (one publication, on a thread) and
 * publish-retired.c (what it may still read is freed behind it). */

#include "nhi-agentd/publish-snapshot.h"
#include "nhi-agentd/publish.h"
#include "nhi-agentd/writer.h"

#include <stdatomic.h>

typedef struct Publication {
        Publisher *publisher;
        PublishView view;
        uint64_t serial;     /* what was wanted when it began */
        uint64_t since_usec; /* CLOCK_MONOTONIC */
        char *gates_text;    /* NULL: as they were */
        size_t gates_size;
        size_t n_active;
        MemberList given;
} Publication;

typedef struct Retired {
        struct Retired *next;
        void *(*release)(void *object);
        void *object;
        atomic_bool *taken; /* one of those that take no memory; NULL: from the heap */
} Retired;

/* More than one set leaves behind: what is retired is freed though memory has run out. */
#define RETIRED_AT_HAND 16u

struct Publisher {
        Agent *agent;
        Writer *thread;
        Publication *current; /* under way; NULL: none */
        uint64_t wanted, published;
        uint64_t length_usec; /* of the last one */
        sd_event_source *late, *later;
        PublishWaiter *waiters;
        Retired *retired; /* not handed over yet */
        Retired at_hand[RETIRED_AT_HAND];
        atomic_bool taken[RETIRED_AT_HAND];
        /* The thread's own while a publication is under way: hash of the gates in /run. */
        char gates_hash[65];
};

/* publish-make.c: of what is in force now. 0 and *ret, or a negative errno. */
int publication_new(Publisher *p, Publication **ret);
void publication_free(Publication *c);
/* Make the gates, put them in place, and stage the snapshot; userdata is the publication. On the
 * thread, or on the loop while nobody is served. */
int publication_make(void *userdata);
/* The gates it made are saved where they outlive a reboot. */
void publication_copy_gates(Publication *c);

/* publish-retired.c: what was retired goes to the thread, behind what is under way there. */
void retired_hand_over(Publisher *p);
void retired_free(Retired *first);
