/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/source.h"
#include "nhictl/log/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>

#define READ_SIZE  (256u * 1024)
#define PIECE_SIZE (64u * 1024)

struct LogStream {
        int fd;
        uint64_t offset; /* in the file: of the next byte to read */
        Unpacker *unpacker;
        char *buffer;
        size_t capacity;   /* LOG_STREAM_BUFFER at most */
        size_t begin, end; /* of what is not taken yet; no NUL in it */
        size_t n_behind;   /* of a compressed one: bytes behind end, from the NUL on */
        bool is_skipping;  /* the rest of a line that was longer than the buffer */
        bool is_done;      /* a compressed one: its rest has been taken */
        char *rest;        /* LOG_TORN_MAX */
        char name[LOG_NAME_SIZE + 1];
};

/* ---- opening -----------------------------------------------------------------------------------
 */

LogStream *log_stream_free(LogStream *s)
{
        if (!s)
                return NULL;
        closep(&s->fd);
        (void)unpacker_free(s->unpacker);
        free(s->buffer);
        free(s->rest);
        free(s);
        return NULL;
}

static int open_closed(LogStream *s, int dir_fd, LogFileKind kind, uint64_t first_seq)
{
        log_name_format(kind, first_seq, s->name);
        s->fd = openat(dir_fd, s->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (s->fd < 0)
                return -errno;
        return kind == LOG_FILE_COMPRESSED ? unpacker_new(&s->unpacker) : 0;
}

/* It is compressed, and its .log removed, behind our back. */
static int open_segment(LogStream *s, const LogSource *source, const LogSegment *segment)
{
        int r;

        if (segment->first_seq > 0) {
                r = open_closed(s, source->dir_fd, segment->kind, segment->first_seq);
                return r == -ENOENT && segment->kind == LOG_FILE_CLOSED
                               ? open_closed(s, source->dir_fd, LOG_FILE_COMPRESSED,
                                             segment->first_seq)
                               : r;
        }
        memcpy(s->name, segment->name, sizeof(s->name));
        s->fd = fcntl(segment->kind == LOG_FILE_ACTIVE ? source->active_fd : source->reserve_fd,
                      F_DUPFD_CLOEXEC, 3);
        return s->fd < 0 ? -errno : 0;
}

int log_stream_open(const LogSource *source, size_t i, LogStream **ret)
{
        _cleanup_(log_stream_freep) LogStream *s = calloc(1, sizeof(*s));
        struct stat st;
        int r;

        if (!s)
                return -ENOMEM;
        s->fd = -EBADF;
        r = open_segment(s, source, &source->segments.items[i]);
        if (r < 0)
                return r;
        if (fstat(s->fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EPERM;
        s->capacity = READ_SIZE;
        s->buffer = malloc(s->capacity);
        if (!s->buffer)
                return -ENOMEM;
        *ret = TAKE_PTR(s);
        return 0;
}

uint64_t log_stream_offset(const LogStream *s)
{
        return s->offset;
}

uint64_t log_stream_size(const LogStream *s)
{
        struct stat st;

        return fstat(s->fd, &st) < 0 || st.st_size < 0 ? 0 : (uint64_t)st.st_size;
}

const char *log_stream_name(const LogStream *s)
{
        return s->name;
}

/* ---- bytes -------------------------------------------------------------------------------------
 */

/* Room behind end, for at least one byte more than what is not taken. */
static int make_room(LogStream *s)
{
        const size_t capacity = 2 * s->capacity;
        char *buffer;

        if (s->begin > 0) {
                memmove(s->buffer, s->buffer + s->begin, s->end - s->begin);
                s->end -= s->begin;
                s->begin = 0;
        }
        if (s->end < s->capacity)
                return 0;
        buffer = realloc(s->buffer, capacity);
        if (!buffer)
                return -ENOMEM;
        s->buffer = buffer;
        s->capacity = capacity;
        return 0;
}

/* Of a compressed one what follows a NUL stays behind s->end; of others it is read again, for it
 * may be a record by then. */
static int fill(LogStream *s, size_t *ret_size)
{
        char *at, *nul;
        size_t size = 0, room;
        int r;

        if (s->n_behind > 0 || s->is_done) {
                *ret_size = 0;
                return 0;
        }
        r = make_room(s);
        if (r < 0)
                return r;
        at = s->buffer + s->end;
        room = s->capacity - s->end;
        if (room > READ_SIZE)
                room = READ_SIZE;
        r = s->unpacker ? unpacker_read(s->unpacker, s->fd, &s->offset, at, room, &size)
                        : read_at(s->fd, &s->offset, at, room, &size);
        if (r < 0)
                return r;
        nul = size > 0 ? memchr(at, '\0', size) : NULL;
        *ret_size = nul ? (size_t)(nul - at) : size;
        s->end += *ret_size;
        if (s->unpacker)
                s->n_behind = size - *ret_size;
        else
                s->offset -= size - *ret_size;
        return 0;
}

/* ---- lines -------------------------------------------------------------------------------------
 */

/* The last newline or the first of what is not taken, from where on there may be one. */
static const char *find_newline(const LogStream *s, size_t from, bool last)
{
        const char *p = s->buffer + from;
        const size_t size = s->end - from;

        if (size == 0)
                return NULL;
        return last ? memrchr(p, '\n', size) : memchr(p, '\n', size);
}

/* One line, or as many as there are, without reading more than that takes. */
static int take(LogStream *s, bool many, const char **ret, size_t *ret_size)
{
        size_t from = s->begin, size = 0;
        const char *newline;
        int r;

        while (!(newline = find_newline(s, from, many))) {
                size_t searched = s->end - s->begin;

                if (searched == LOG_STREAM_BUFFER)
                        break;
                r = fill(s, &size);
                if (r < 0)
                        return r;
                if (size == 0)
                        return 0;
                from = s->begin + searched;
        }
        *ret = s->buffer + s->begin;
        *ret_size = newline ? (size_t)(newline + 1 - *ret) : LOG_STREAM_BUFFER;
        s->begin += *ret_size;
        s->is_skipping = !newline;
        return 1;
}

/* Behind a line that was longer than the buffer: its rest. */
static int skip(LogStream *s)
{
        while (s->is_skipping) {
                const char *line;
                size_t size;
                int r = take(s, false, &line, &size);

                if (r <= 0)
                        return r;
        }
        return 1;
}

int log_stream_line(LogStream *s, const char **ret, size_t *ret_size)
{
        int r = skip(s);

        if (r > 0)
                r = take(s, false, ret, ret_size);
        if (r > 0 && !s->is_skipping)
                (*ret_size)--;
        return r;
}

int log_stream_lines(LogStream *s, const char **ret, size_t *ret_size)
{
        int r = skip(s);

        return r > 0 ? take(s, true, ret, ret_size) : r;
}

/* ---- what is left ------------------------------------------------------------------------------
 */

/* To the next byte that may be no NUL: what is only reserved, or a hole, is not read. */
static bool skip_hole(LogStream *s)
{
        const off_t at = s->unpacker ? -1 : lseek(s->fd, (off_t)s->offset, SEEK_DATA);

        if (at >= 0)
                s->offset = (uint64_t)at;
        return at >= 0 || s->unpacker || errno != ENXIO;
}

/* Bytes of the fragment, at their place in it; NULs are there already. */
static int put_rest(LogStream *s, uint64_t at, const char *data, size_t size, size_t *used)
{
        const size_t n = log_used_size(data, size);

        if (n == 0)
                return 0;
        if (at > LOG_TORN_MAX || n > LOG_TORN_MAX - at)
                return -EFBIG;
        if (!s->rest)
                s->rest = calloc(1, LOG_TORN_MAX);
        if (!s->rest)
                return -ENOMEM;
        memcpy(s->rest + at, data, n);
        *used = (size_t)at + n;
        return 0;
}

/* All that is behind the lines; *used: to the last byte that is not NUL. */
static int read_rest(LogStream *s, size_t *used)
{
        uint64_t at = s->end - s->begin + s->n_behind;
        int r = put_rest(s, 0, s->buffer + s->begin, (size_t)at, used);

        while (r == 0) {
                const uint64_t before = s->offset;
                char piece[PIECE_SIZE];
                size_t size = 0;

                if (!skip_hole(s))
                        return 0;
                at += s->unpacker ? 0 : s->offset - before;
                r = s->unpacker ? unpacker_read(s->unpacker, s->fd, &s->offset, piece,
                                                sizeof(piece), &size)
                                : read_at(s->fd, &s->offset, piece, sizeof(piece), &size);
                if (r == 0 && size == 0)
                        return 0;
                if (r == 0)
                        r = put_rest(s, at, piece, size, used);
                at += size;
        }
        return r;
}

int log_stream_rest(LogStream *s, const char **ret, size_t *ret_size)
{
        const uint64_t offset = s->offset;
        size_t used = 0;
        int r;

        free(s->rest);
        s->rest = NULL;
        r = read_rest(s, &used);
        s->is_done = s->unpacker != NULL;
        if (!s->unpacker)
                s->offset = offset;
        if (r < 0)
                return r;
        *ret = s->rest ? s->rest : "";
        *ret_size = used;
        return 0;
}
