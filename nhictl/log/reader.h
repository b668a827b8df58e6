/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The records of a log directory in their order, and on while it is being written. What is read is
 * believed: whether the chain holds, nhictl log verify says. No agent is needed.
 *
 *  N1 Each record MUST come once, and no line that is not whole, whatever is rotated, compressed or
 *     removed meanwhile.
 *  N2 A line that is no record MUST be named, and MUST NOT end the reading. */

#include "lib/log/chain.h"
#include "nhictl/args.h"

#include <jansson.h>

/* What of it is wanted; all that is 0 or NULL wants everything. Texts are borrowed. */
typedef struct LogFilter {
        const char *account, *grant, *verdict;
        const char *service;            /* its class (ssh) or its PAM service (sshd) */
        const char *actor;              /* the subject, or any link of the act chain */
        ArgList events;                 /* any of these */
        int64_t since_usec, until_usec; /* from the first on, before the second */
        uint64_t seq_first, seq_last;   /* both included; seq_last 0: to the end */
} LogFilter;

typedef struct LogRecord {
        const char *line; /* as it stands, without its newline */
        size_t size;
        LogLine head;       /* views into line */
        const json_t *json; /* NULL for LOG_READER_BAD */
        int64_t real_usec;  /* when it happened: `at` where it was written later, else `time` */
        const char *file;   /* the segment's name */
        const char *wrong;  /* for LOG_READER_BAD: what, in words */
        uint64_t after_seq; /* for LOG_READER_BAD: the record before that line; 0: none */
} LogRecord;

typedef struct LogReader LogReader;

/* filter (may be NULL) is copied, its texts are not. 0 and an owned *ret; -ENOENT where dir is no
 * log's; another negative errno, -EACCES above all. */
int log_reader_open(const char *dir, const LogFilter *filter, LogReader **ret);
LogReader *log_reader_free(LogReader *r);
DEFINE_CLEANUP(LogReader *, log_reader_free);

#define LOG_READER_END 1 /* nothing more is there yet */
#define LOG_READER_BAD 2 /* a line that is no record: *ret has file, wrong, after_seq and line */
/* The next record that fits, borrowed until the next call: 0; LOG_READER_*, after which one may go
 * on; or a negative errno. */
int log_reader_next(LogReader *r, LogRecord *ret);

/* After LOG_READER_END: until something was written there, or for so long. 0; -EINTR where a signal
 * came. Both may come for nothing: ask log_reader_next() again. */
int log_reader_wait(LogReader *r, uint64_t usec);

/* Does it fit? For who has a record from elsewhere; json has its members. */
bool log_filter_fits(const LogFilter *f, const LogLine *head, const json_t *json);
