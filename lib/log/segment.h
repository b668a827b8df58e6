/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of a log, and where in one the records end. */

#include "lib/log/chain.h"

#include <stdbool.h>

/* "decisions-00000000000000000001.log.zst" */
#define LOG_NAME_SIZE 38u

typedef enum LogFileKind {
        LOG_FILE_NONE = 0, /* no file of a log's */
        LOG_FILE_ACTIVE,
        LOG_FILE_RESERVE,
        LOG_FILE_CLOSED,
        LOG_FILE_COMPRESSED,
        LOG_FILE_SETS, /* the list of what a closed one cites */
} LogFileKind;

/* The name of a closed segment ("" where kind has no first seq in its name). */
void log_name_format(LogFileKind kind, uint64_t first_seq, char ret[static LOG_NAME_SIZE + 1]);
/* *ret_first_seq is 0 where the name has none. */
LogFileKind log_name_parse(const char *name, uint64_t *ret_first_seq);

typedef struct LogSegment {
        LogFileKind kind;   /* CLOSED, COMPRESSED, ACTIVE or RESERVE */
        uint64_t first_seq; /* 0 for ACTIVE and RESERVE: their first record says it */
        char name[LOG_NAME_SIZE + 1];
} LogSegment;

typedef struct LogSegments {
        LogSegment *items;
        size_t n;
} LogSegments;

/* Every segment of a directory in the order of its records: closed ones by first seq (the .log
 * where the .zst is there, too), then the active one, then the reserve. Other names are passed
 * over. 0 or a negative errno; log_segments_done(). */
int log_segments_list(int dir_fd, LogSegments *ret);
void log_segments_done(LogSegments *s);

/* A segment's records end at its first NUL, or at its end: the size of what stands before. Bytes
 * behind the last newline of that are a record that is being written, or torn. */
size_t log_segment_extent(const char *data, size_t size);
/* Up to behind the last byte that is not NUL. */
size_t log_used_size(const char *data, size_t size);

/* Where to go on after a stop. */
typedef struct LogTail {
        size_t records_size;  /* bytes of whole lines */
        size_t fragment_size; /* bytes behind them, up to the last that is not NUL; 0: clean */
        LogChain chain;       /* the last record; seq 0: the segment has none */
        uint64_t first_seq;   /* of the first record; 0: none */
        bool is_ended;        /* the last record is segment-end: it was being closed */
        char log_id[LOG_ID_SIZE + 1]; /* as its first record says it; "" */
} LogTail;

/* Find the end of a whole segment. The chain within is not verified: what is damaged further up is
 * the verifier's to name, and nothing of it is ever touched. 0; -EBADMSG where the fragment is over
 * LOG_TORN_MAX or the line before it is no record: this is no crash, but damage. */
int log_tail_find(const char *data, size_t size, LogTail *ret);

/* Make a fragment what it has to be before a newline ends it (format.h). */
void log_fragment_settle(char *fragment, size_t size);
