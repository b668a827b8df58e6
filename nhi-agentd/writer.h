/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A thread for what the loop must not wait for: disk, hashes, what takes as long as a set is large.
 * Jobs run in the order in which they were queued; each is answered on the loop, once. The queue is
 * bounded. The agent has three, since a login that ends must wait for no set that is verified; the
 * decision log has one of its own (log/log.h):
 *
 *   "nhi-disk"     durable files
 *   "nhi-verify"   sets from their bytes to what stands in their place; configuration, local files
 *   "nhi-publish"  identity snapshots and gates, publish.h's own */

#include <stddef.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define WRITER_QUEUE_MAX 256u
#define WRITER_FILES_MAX 8u

typedef struct Writer Writer;

/* On the loop: r is what the work returned; -ECANCELED at writer_free(), when nothing more may be
 * started. */
typedef void (*WriterDone)(void *userdata, int r);
/* On the thread: touches only what userdata owns or what nobody changes meanwhile. */
typedef int (*WriterWork)(void *userdata);

typedef struct WriterFile {
        const char *path; /* static or owned by the job's userdata until done */
        const void *data; /* likewise */
        size_t size;
        mode_t mode;
} WriterFile;

/* name: the thread's, at most 15 bytes, static. */
int writer_new(sd_event *event, const char *name, Writer **ret);
/* Finish what is queued, answer all of it with -ECANCELED, end the thread. */
Writer *writer_free(Writer *w);

/* Jobs that are not answered yet. */
size_t writer_n_pending(const Writer *w);

/* 0, -EBUSY where the queue is full, or another negative errno: then done is not called. */
int writer_call(Writer *w, WriterWork work, WriterDone done, void *userdata);
/* Replace these files durably, in this order, up to the first error. */
int writer_replace(Writer *w, const WriterFile *files, size_t n, WriterDone done, void *userdata);

#ifdef NHI_TEST
/* Called before each job of the thread of this name runs, on it; what is not 0 is the job's result
 * instead. */
extern int (*_Atomic writer_inject)(const char *thread);
#endif
