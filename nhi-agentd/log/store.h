/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of the decision log, as one thread writes them. Promises, cited by
 * tests/unit/test-log-store.c, test-log-crash.c and tests/fault:
 *
 *  L1 What log_store_append() returned 0 for MUST be on the disk, in its place in the chain.
 *  L2 After the first write, sync or allocation that fails nothing MUST be written but what the
 *     reserve is for, until log_store_resume(). Nothing is tried again, but less space than a step
 *     where no step is left.
 *  L3 Whatever a crash leaves, log_store_open() MUST find the last record or say that it cannot;
 *     records that were there stay there, byte by byte.
 *  L4 Between two syncs at most LOG_BATCH_MAX bytes are written. */

#include "nhi-agentd/log/uses.h"

#include "lib/log/head.h"
#include "lib/log/segment.h"

#define LOG_SEGMENT_SIZE_MIN (1024u * 1024)
#define LOG_SEGMENT_SIZE_MAX (1024u * 1024 * 1024)
#define LOG_RESERVE_SIZE     (1024u * 1024)
/* Space is reserved in steps, so that a sync has no size to write and a small disk is not filled.
 */
#define LOG_STEP_SIZE (8u * 1024 * 1024)
#define LOG_KID_MAX   64u
#define LOG_ERROR_MAX 512u

typedef struct LogStoreConfig {
        const char *dir; /* copied, as are the others */
        uint64_t rotate_size;
        int64_t rotate_age_usec; /* 0: never */
        uint64_t step_size;      /* space reserved at a time; 0: LOG_STEP_SIZE */
        char host[LOG_HOST_MAX + 1];
        char kid[LOG_KID_MAX]; /* the host key's thumbprint */
        LogUses *uses;         /* not copied: what the log says of counted grants; NULL: unheeded */
} LogStoreConfig;

/* A record to be: body is a LogBody's, done. */
typedef struct LogEntry {
        const char *body;
        size_t body_size;
        const char *set;  /* the hash it cites, LOG_HASH_TEXT_SIZE digits; NULL or "": none */
        bool use_reserve; /* goes to the reserve where nothing else can be written, */
        bool is_notice;   /* as long as half of it is free */
        LogUse *use;      /* of which this is the use_n-th; NULL: none */
        uint32_t use_n;
        int r; /* log_store_append(): 0, or why it is not in the log */
} LogEntry;

typedef struct LogStore LogStore;

/* Open the log or begin one. floor: a head that was kept elsewhere, or NULL; a log that ends before
 * it or has another record there was rolled back. error: not 0 where the log failed before and
 * nobody has resumed it. *ret is set, and owned, also where the log cannot be written: then
 * log_store_error() says so. A negative errno where there is no memory. */
int log_store_open(const LogStoreConfig *c, const LogHead *floor, int error, LogStore **ret);
LogStore *log_store_free(LogStore *s);

/* 0, or the negative errno by which it failed: -ESTALE rolled back, -EBADMSG damaged, -EBUSY
 * failed before. *ret_text (may be NULL): a sentence that names the file. */
int log_store_error(const LogStore *s, const char **ret_text);

/* Append these in this order, each with its own result; what they take, with LOG_PREFIX_MAX for
 * each, is at most LOG_BATCH_MAX. One write and one sync for all of them, and a rotation before
 * them where one is due. */
void log_store_append(LogStore *s, LogEntry *entries, size_t n);
/* End segments by these from now on. */
void log_store_set_rotation(LogStore *s, uint64_t rotate_size, int64_t rotate_age_usec);
/* Close the segment and begin another one, whatever its size. 0 or a negative errno. */
int log_store_rotate(LogStore *s);
/* An administrator's act: end the segment as far as it is durable, begin another, with this record
 * first. 0, or a negative errno: then it has failed still. Where the end of the log could not be
 * read, it is read now; what is wrong with it must be known before it can be resumed. A log that
 * has not failed stays as it is. */
int log_store_resume(LogStore *s, const LogEntry *resumed);

/* The last record that is on the disk, and when it was written. */
void log_store_head(const LogStore *s, LogHead *ret);
/* What the filesystem has left, in bytes; UINT64_MAX where it does not say. */
uint64_t log_store_free_space(const LogStore *s);
/* Changes with every segment that begins. */
uint64_t log_store_segment(const LogStore *s);
