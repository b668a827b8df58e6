/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The records of a log directory in their order, and on while it is being written. What is read is
 * believed: whether the chain holds, nhictl log verify says. No agent is needed.
 *
 *  N1 Each record MUST come once, and no line that is not whole, whatever is rotated, compressed or
 *     removed meanwhile.
 *  N2 A line that is no record MUST be named, and MUST NOT end the reading. (Lines that cannot fit
 *     the filter are not parsed as JSON.) */

#include "nhictl/log/filter.h"

typedef struct LogRecord {
        const char *line; /* as it stands, without its newline */
        size_t size;
        LogLine head;       /* views into line */
        const json_t *json; /* NULL for LOG_READER_BAD */
        int64_t real_usec;  /* when it happened: `at` where it was written later, else `time` */
        const char *file;   /* the segment's name */
        const char *log_id; /* as the segment's first record says; "" where it does not */
        const char *host;   /* likewise */
        const char *wrong;  /* for LOG_READER_BAD, which has else only file and: what, in words */
        uint64_t after_seq; /* the last record before it; 0: none */
} LogRecord;

typedef struct LogReader LogReader;

/* filter (may be NULL) is copied, its texts are not. 0 and an owned *ret; or the negative errno of
 * the directory: -EACCES, -ENOENT, ... */
int log_reader_open(const char *dir, const LogFilter *filter, LogReader **ret);
LogReader *log_reader_free(LogReader *r);
DEFINE_CLEANUP(LogReader *, log_reader_free);

#define LOG_READER_END 1 /* nothing more is there yet */
#define LOG_READER_BAD 2 /* a line that is no record; a segment that cannot be read to its end */
/* The next record that fits, borrowed until the next call: 0; LOG_READER_*, after which one may go
 * on; or a negative errno. */
int log_reader_next(LogReader *r, LogRecord *ret);

/* After LOG_READER_END: until something was written there, or for so long. 0; -EINTR where a signal
 * came. It may come for nothing: ask log_reader_next() again. */
int log_reader_wait(LogReader *r, uint64_t usec);

/* No file is there that a log consists of. */
bool log_reader_is_empty(const LogReader *r);
