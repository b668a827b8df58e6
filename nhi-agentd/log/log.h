/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The decision log as the loop sees it: records go in, and when they are on the disk the loop is
 * told. One thread, "nhi-log", writes; what waits together shares one write and one sync. The loop
 * formats and never waits.
 *
 *  W1 done MUST be called with 0 only for a record that is on the disk.
 *  W2 Records are written in the order in which they were appended. */

#include "nhi-agentd/log/store.h"

#include "lib/log/record.h"

#include <systemd/sd-event.h>

#define LOG_QUEUE_MAX       8192u               /* records that wait */
#define LOG_QUEUE_BYTES_MAX (16u * 1024 * 1024) /* and what they take */

/* Less than this is said before there is nothing. */
#define LOG_SPACE_LOW (256u * 1024 * 1024)

typedef struct Log Log;

/* On the loop, once: 0, or why the record is not in the log. -ECANCELED at log_free(). */
typedef void (*LogDone)(void *userdata, int r);

typedef struct LogOptions {
        LogStoreConfig store;
        const LogHead *floor; /* as log_store_open() */
        int error;
        /* On the loop: the log cannot be written from now on; a new segment has begun. */
        void (*on_failed)(void *userdata);
        void (*on_segment)(void *userdata);
        /* On the loop, may be NULL: less than LOG_SPACE_LOW is left, so many bytes; again when it
         * had twice that in between. */
        void (*on_space)(void *userdata, uint64_t n_free);
        void *userdata;
} LogOptions;

/* Opens the log before it returns: for the agent's start. A log that cannot be written is no error
 * of this call (log_error()), and on_failed is not called for it. */
int log_new(sd_event *event, const LogOptions *o, Log **ret);
/* Write what waits and end the thread; log_head() then is the last one. Nothing is answered. */
void log_stop(Log *l);
/* And answer all that is left with -ECANCELED. */
Log *log_free(Log *l);

/* Where nothing else can be written it goes to the reserve: break-glass; what nobody waits for, as
 * long as half of the reserve is free. */
#define LOG_APPEND_RESERVE 1u
#define LOG_APPEND_NOTICE  2u

/* The body is copied, and need not be one LogBody: data and size of one that is done. set: the hash
 * that it cites, or NULL. 0; -EBUSY where too much waits; the log's error where it has failed;
 * -ENOMEM. Then done, which may be NULL, is not called. */
int log_append(Log *l, const char *body, size_t size, const char *set, unsigned flags, LogDone done,
               void *userdata);
/* The same for a session of a counted grant, taken from log_uses(): its use_n-th. */
int log_append_use(Log *l, const char *body, size_t size, const char *set, LogUse *use,
                   uint32_t use_n, LogDone done, void *userdata);
/* What the log says of counted grants; the log's own. */
LogUses *log_uses(Log *l);
/* An administrator's act, with its record. */
int log_resume(Log *l, const char *body, size_t size, LogDone done, void *userdata);
/* Begin a new segment, as soon as what waits is written. */
int log_rotate(Log *l, LogDone done, void *userdata);

/* End segments by these from now on. */
void log_set_rotation(Log *l, uint64_t rotate_size, int64_t rotate_age_usec);

/* Tell those whose records are on the disk by now; the loop tells them in its next turn otherwise.
 */
void log_settle(Log *l);

/* 0, or why it cannot be written; *ret_text (may be NULL) in words. */
int log_error(const Log *l, const char **ret_text);
/* The last record that the loop was told of. */
void log_head(const Log *l, LogHead *ret);
size_t log_n_pending(const Log *l);
