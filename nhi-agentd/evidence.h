/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The step between decide and answer: an event goes in, and only when it is recorded does the
 * request go on, which then decides again, since time has passed. Always asynchronous. The record
 * is the journal's copy; a durable log takes its place behind this door. */

#include "nhi-agentd/event.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

typedef struct Agent Agent;
typedef struct Evidence Evidence;

#define EVIDENCE_PENDING_MAX 8192u

/* r: 0, or the negative errno for which the answer must be a denial. */
typedef void (*EvidenceDone)(void *userdata, int r);

int evidence_new(Agent *a, Evidence **ret);
/* Whoever still waits is answered with -ECANCELED. */
Evidence *evidence_free(Evidence *v);
/* Texts of e are used before this returns. done is called once, never from within; a negative errno
 * from the call itself: done is not called, deny. */
int evidence_append(Evidence *v, const Event *e, EvidenceDone done, void *userdata);
/* Tell those whose events are recorded by now; the loop tells all others in its next turn. For who
 * has just taken requests in, at the end of that: it spares them a turn of the loop. */
void evidence_settle(Evidence *v);

#ifdef NHI_TEST
extern bool evidence_is_slow; /* nothing is recorded before the loop's next turn */
#endif
