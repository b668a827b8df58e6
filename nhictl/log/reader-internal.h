/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Of reader.c and reader-line.c. */

#include "nhictl/log/glance.h"
#include "nhictl/log/reader.h"

/* A line that is no record, until the next one has said whether it is a torn fragment. */
typedef struct Doubt {
        bool is_there;
        size_t size;
        char hash[LOG_HASH_TEXT_SIZE + 1];
} Doubt;

struct LogReader {
        char *dir;
        LogFilter filter;
        int watch_fd; /* inotify; -EBADF: only polled */
        LogSource *source;
        Glance *glances; /* one for each segment of source, and one behind them */
        size_t i;        /* of the segment that is read, or comes next */
        LogStream *stream;
        LogStream *tails[2]; /* the active segment and the reserve, once they were read */
        size_t n_tails;
        uint64_t seq; /* of the last record that was seen */
        char log_id[LOG_ID_SIZE + 1];
        char host[256];
        bool is_first_line; /* of the segment */
        Doubt doubt;
        const char *line; /* one that is to be looked at before another is read */
        size_t line_size;
        json_t *json;
        char file[LOG_NAME_SIZE + 1];
        char wrong[160];
};

/* A LOG_READER_BAD with these words. */
int reader_bad(LogReader *r, LogRecord *ret, const char *wrong);
/* The line in doubt was no torn fragment. */
int reader_end_doubt(LogReader *r, LogRecord *ret);

#define NOT_WANTED 3
/* From this stream until something is found: as log_reader_next(), or NOT_WANTED where it has no
 * whole line left. */
int reader_read_stream(LogReader *r, LogStream *stream, LogRecord *ret);
