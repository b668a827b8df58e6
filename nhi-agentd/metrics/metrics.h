/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The metrics file, for node-exporter's textfile collector or whoever reads it: written anew every
 * metrics.interval to metrics.file, 0644, old or new and never half of it. It is removed when the
 * agent stops, or writes another one: numbers that nobody keeps up are not left to be believed.
 *
 * Written on a thread of its own: a path that hangs holds up neither the loop nor a set. */

#include "nhi-agentd/agent.h"

/* Writes nothing before metrics_configure(). */
int metrics_new(Agent *a, Metrics **ret);
Metrics *metrics_free(Metrics *m);
/* As the configuration in force says; at start and when there is another one. NULL does nothing. */
void metrics_configure(Metrics *m);

typedef struct MetricsView {
        const char *path;
        int64_t interval_sec;
        int64_t written_sec; /* 0: not yet */
        const char *error;   /* why it could not be written the last time; NULL: it was */
} MetricsView;
/* false where none is wanted, and for NULL. */
bool metrics_view(const Metrics *m, MetricsView *ret);
/* Is nothing being written? */
bool metrics_is_settled(const Metrics *m);
