/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the store. */

#include "nhi-agentd/log/store.h"

#include "lib/log/record.h"

#include <stdarg.h>

/* Space is reserved in steps, so that a sync has no size to write and a small disk is not filled.
 */
#define LOG_STEP_SIZE (8u * 1024 * 1024)
#define LOG_NEW_NAME  ".decisions.log.new"

/* Sets that the active segment cites, sorted. */
typedef struct Cited {
        uint8_t (*hashes)[LOG_HASH_SIZE];
        size_t n, capacity;
} Cited;

/* 0 or -ENOMEM; a text that is no hash is passed over. */
int cited_add(Cited *c, const char *text, size_t size);
void cited_done(Cited *c);
/* Write the segment's .sets: one hash a line. */
int cited_save(const Cited *c, int dir_fd, uint64_t first_seq);

/* A file that records are appended to. */
typedef struct LogFile {
        int fd;
        uint64_t size;      /* of what is durable; the next record goes here */
        uint64_t allocated; /* reserved so far */
        uint64_t first_seq; /* 0: no record yet */
        int64_t first_usec;
        uint64_t begun_size, begun_seq; /* where what it began with ends; 0: not known */
        bool is_ended;
        bool is_failed;  /* no more is written to it */
        bool is_damaged; /* its bytes stay as they are */
        Cited cited;
} LogFile;

struct LogStore {
        LogStoreConfig config;
        char *dir;
        int dir_fd;
        LogFile active, reserve;
        LogChain chain;
        int64_t chain_usec;
        char log_id[LOG_ID_SIZE + 1];
        char before[LOG_NAME_SIZE + 1]; /* name of the segment before the active one */
        uint64_t n_segments;
        LogHead floor;     /* copied; seq 0: none */
        bool end_is_known; /* every file that may have the last record was read */
        int error;
        char error_text[LOG_ERROR_MAX];
        char buffer[LOG_BATCH_MAX];
};

/* Latch the first error, with its words; returns it. */
int store_fail(LogStore *s, int error, const char *format, ...)
        __attribute__((__format__(__printf__, 3, 4)));

void logfile_init(LogFile *f);
void logfile_done(LogFile *f);
/* Reserve space for size more bytes, step at a time, or these alone where a step does not fit. */
int logfile_reserve(LogFile *f, uint64_t size, uint64_t step);
/* Write and sync behind what is durable. */
int logfile_append(LogFile *f, const char *data, size_t size);
/* Cut off what is not durable, or only reserved; durably. */
int logfile_trim(LogFile *f);
/* A file of the log, read to the end of what may be in it: malloc'ed. What is reserved behind that
 * counts in *ret_allocated. -ENOENT, -EPERM, -EFBIG, ... */
int logfile_load(int dir_fd, const char *name, int *ret_fd, char **ret, size_t *ret_size,
                 uint64_t *ret_allocated);

/* Lines at the chain's end into s->buffer from *size on; the chain is the caller's copy. */
int store_line(LogStore *s, LogChain *chain, int64_t now, const LogBody *body, size_t *size);
/* log-created, or segment. */
void store_begin_body(const LogStore *s, LogBody *ret);
/* A new active segment: its first record, where given one more, and what was used so far. -EBADMSG
 * where that would be a second log beside the segments of the first. */
int store_begin_segment(LogStore *s, const LogEntry *second);
/* Rename a trimmed file to what its first record says, write its .sets and close it. Where that was
 * begun before it is finished. */
int store_put_away(LogStore *s, LogFile *f, const char *name);
/* Count what these lines say of sessions of counted grants: 0, -ENOMEM or -ENOSPC. */
int store_load_uses(LogStore *s, const char *data, size_t size);
/* These are in the log. */
void store_count_uses(LogStore *s, const LogEntry *entries, size_t n);
/* Everything up to where records can be appended: 0 or the error. */
int store_open_log(LogStore *s);
/* The reserve; where the log failed before and it has records, the chain goes on from them. */
int store_open_reserve(LogStore *s);
void log_new_id(char ret[static LOG_ID_SIZE + 1]);
/* Those entries that may go there, while nothing else can be written. */
void store_append_reserve(LogStore *s, LogEntry *entries, size_t n);
