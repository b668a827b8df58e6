/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the agent publishes: the gates file, the identity snapshot and the list of sources, all of
 * them in /run (memory, not disk).
 *
 *  B1 The gates come first: an account MUST be gated before it is visible.
 *  B2 What was withdrawn MUST be withdrawn before the sessions under it are ended; a publication
 *     that takes too long holds no ending up.
 *  B3 The loop only renames: gates and snapshot are made on a thread of their own, from a view that
 *     does not change meanwhile, one at a time and in order. What changes meanwhile is published
 *     next.
 *  B4 A snapshot that cannot be made MUST be replaced by one that answers nothing.
 *  B5 Memberships that grants give MUST be remembered before the snapshot that gives them is put in
 *     place (member.h). */

#include "nhi-agentd/agent.h"

/* The gates file's text, malloc'ed, for these definitions. */
int publish_gates_text(const Config *config, const IdMap *idmap, char **ret, size_t *ret_size);
/* /run/nhi/sources.json for nhi-fetchd; at start and when the configuration changed. */
int publish_sources(const Config *config);

int publisher_new(Agent *a, Publisher **ret);
/* Whoever waits is told. What was retired is freed. */
Publisher *publisher_free(Publisher *p);

/* Something changed: publish it, and then review the sessions. */
void publish(Publisher *p);
/* Time passed: what has ended is withdrawn by its own deadline already, so that this may wait, in a
 * large host, until a few times the last publication's length have passed. */
void publish_later(Publisher *p);
/* At once, on the loop: before anybody is served. 0 or the first negative errno. */
int publish_now(Publisher *p);
/* Is all that changed published, and nothing put off? */
bool publish_is_settled(const Publisher *p);
/* Numbers of what changed: of the last change, and of the last one that is published. */
void publish_progress(const Publisher *p, uint64_t *ret_changed, uint64_t *ret_published);
/* Call done once, when what is in force now is published (or could not be), never from within.
 * The waiter stays until then, or until publish_forget(). */
typedef struct PublishWaiter {
        struct PublishWaiter *next;
        void (*done)(void *userdata);
        void *userdata;
        uint64_t serial;
} PublishWaiter;
void publish_wait(Publisher *p, PublishWaiter *w);
void publish_forget(Publisher *p, PublishWaiter *w);

/* Free what a publication under way may still read, once none does any more; off the loop, where
 * freeing a large set takes long. NULL does nothing. */
void publish_retire(Publisher *p, void *(*release)(void *object), void *object);
