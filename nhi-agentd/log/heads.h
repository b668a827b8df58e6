/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Heads of the log, signed and kept where the log is not: in the journal, for whoever anchors them
 * elsewhere, and, so that a log that was rolled back shows at the next start, in the state. */

#include "nhi-agentd/log/log.h"

#include "lib/jose/jose.h"

#include "nhi-agentd/writer.h"

typedef struct Heads Heads;

typedef struct HeadsOptions {
        Log *log;
        Writer *writer;
        const SigningKey *key;
        const char *state_path;  /* the head's text, 0600 */
        const char *signed_path; /* the compact JWS, 0644 */
        uint64_t interval_usec;
        void (*emit)(void *userdata, const char *jws); /* to the journal */
        void *userdata;
} HeadsOptions;

int heads_new(sd_event *event, const HeadsOptions *o, Heads **ret);
Heads *heads_free(Heads *h);
/* Make one now, if the log has moved since the last: at a new segment. */
void heads_make(Heads *h);
/* The same, kept before this returns: at stop, after log_stop(). */
void heads_make_last(Heads *h);
void heads_set_interval(Heads *h, uint64_t interval_usec);

/* The head that was kept: 0; -ENOENT; -EBADMSG where the file is none; another negative errno. */
int head_load(const char *path, LogHead *ret);
