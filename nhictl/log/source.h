/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bytes of a log directory: its segments in order, each as whole lines, .log and .log.zst
 * alike, also while the agent writes, rotates, compresses and removes. Names that are no segment's
 * (damaged-*.log, too) are passed over. What the lines say is the reader's and the verifier's.
 *
 *  S1 Memory MUST be bounded, whatever the files are: LOG_STREAM_BUFFER, and zstd's window of
 *     LOG_STREAM_WINDOW_LOG.
 *  S2 A file that shrinks while it is read MUST be an end or an error and no signal: nothing is
 *     mapped.
 *  S3 A compressed segment that is damaged, cut off, or larger than any segment may be MUST be an
 *     error, never a shorter segment. */

#include "lib/base/macro.h"
#include "lib/log/segment.h"

#define LOG_STREAM_BUFFER     (4u * 1024 * 1024) /* more than LOG_TORN_MAX */
#define LOG_STREAM_WINDOW_LOG 27
/* log.rotate_size is at most 1 GiB; what ends a segment comes on top. */
#define LOG_STREAM_SIZE_MAX (UINT64_C(1088) * 1024 * 1024)

typedef struct LogSource {
        int dir_fd;
        LogSegments segments; /* as log_segments_list() has them */
        int active_fd;        /* of those segments: the names may be others' by now; -EBADF: none */
        int reserve_fd;
} LogSource;

/* Look at the directory. The active segment and the reserve are opened at once, so that they belong
 * to the closed ones that are listed; while a rotation is under way it is waited for a moment. No
 * segment at all is no error. 0; -ENOENT, -ENOTDIR, -EACCES, ... of the directory; -EAGAIN where it
 * never stood still. */
int log_source_open(const char *dir, LogSource **ret);
LogSource *log_source_free(LogSource *s);
DEFINE_CLEANUP(LogSource *, log_source_free);

typedef struct LogStream LogStream;

/* Segment i from its first byte. A closed one that has been compressed since is found; -ENOENT
 * where it has been removed. -EPERM: no regular file. Streams outlive their source. */
int log_stream_open(const LogSource *s, size_t i, LogStream **ret);
LogStream *log_stream_free(LogStream *s);
DEFINE_CLEANUP(LogStream *, log_stream_free);

/* The next line without its newline, a view until the next call, as long as it may be: 1; 0: no
 * whole line is left (yet: of the active segment one may ask again later, and gets what has been
 * written since); -EBADMSG, -EFBIG: S3; another negative errno. */
int log_stream_line(LogStream *s, const char **ret, size_t *ret_size);
/* The same for many whole lines at once, with their newlines. */
int log_stream_lines(LogStream *s, const char **ret, size_t *ret_size);

/* After 0: what stands behind the last newline, to the last byte that is not NUL: a record that is
 * being written, or a torn one (LogTail's fragment); -EFBIG where that is more than LOG_TORN_MAX.
 * The view ends with the next call. The segment's records end at its first NUL, and so do lines. */
int log_stream_rest(LogStream *s, const char **ret, size_t *ret_size);

/* For a bar that shows progress: bytes of the file that have been read, and that there are. */
uint64_t log_stream_offset(const LogStream *s);
uint64_t log_stream_size(const LogStream *s);
/* The file it was opened by, "decisions-....log.zst". */
const char *log_stream_name(const LogStream *s);
