/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/reader.h"

#include "lib/base/io.h"
#include "lib/jose/json.h"
#include "nhictl/log/source.h"
#include "nhictl/reply.h"

#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* Where a filesystem tells nobody (a network's), it is looked at so often. */
#define POLL_USEC (1 * USEC_PER_SEC)

/* A segment as its first two lines show it. */
typedef struct Glance {
        bool is_known;
        uint64_t seq;
        int64_t real_usec;
        bool is_resumed; /* what could not be written before is in it */
} Glance;

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

static void reader_close(LogReader *r)
{
        r->stream = log_stream_free(r->stream);
        for (; r->n_tails > 0; r->n_tails--)
                r->tails[r->n_tails - 1] = log_stream_free(r->tails[r->n_tails - 1]);
        r->source = log_source_free(r->source);
        free(r->glances);
        r->glances = NULL;
}

LogReader *log_reader_free(LogReader *r)
{
        if (!r)
                return NULL;
        reader_close(r);
        if (r->watch_fd >= 0)
                (void)close(r->watch_fd);
        json_decref(r->json);
        free(r->dir);
        free(r);
        return NULL;
}

/* ---- which segments ----------------------------------------------------------------------------
 */

static bool is_event(const LogLine *l, const char *event)
{
        return l->event_size == strlen(event) && memcmp(l->event, event, l->event_size) == 0;
}

static int glance_at(const LogSource *source, size_t i, Glance *ret)
{
        _cleanup_(log_stream_freep) LogStream *stream = NULL;
        const char *line = NULL;
        size_t size = 0;
        LogLine l;
        int r = log_stream_open(source, i, &stream);

        if (r == -ENOMEM)
                return r;
        if (r < 0 || log_stream_line(stream, &line, &size) != 1 ||
            log_line_parse(line, size, &l) < 0)
                return 0;
        ret->is_known = true;
        ret->seq = l.seq;
        ret->real_usec = l.real_usec;
        ret->is_resumed = log_stream_line(stream, &line, &size) == 1 &&
                          log_line_parse(line, size, &l) == 0 && is_event(&l, LOG_EVENT_RESUMED);
        return 0;
}

/* What a closed one begins with its name says; when, only the file. */
static int glance(const LogFilter *f, const LogSource *source, size_t i, Glance *ret)
{
        const uint64_t first_seq = source->segments.items[i].first_seq;

        if (f->since_usec != 0 || f->until_usec != 0 || first_seq == 0)
                return glance_at(source, i, ret);
        *ret = (Glance){ .is_known = true, .seq = first_seq };
        return 0;
}

static int glances_new(const LogReader *r, const LogSource *source, Glance **ret)
{
        _cleanup_free_ Glance *glances = calloc(source->segments.n + 1, sizeof(*glances));

        if (!glances)
                return -ENOMEM;
        for (size_t i = 0; i < source->segments.n; i++) {
                int e = glance(&r->filter, source, i, &glances[i]);

                if (e < 0)
                        return e;
        }
        *ret = TAKE_PTR(glances);
        return 0;
}

/* All of it was written before the window, or before the first seq. */
static bool is_before(const LogFilter *f, const Glance *this, const Glance *next)
{
        const int64_t since = f->since_usec - LOG_WINDOW_MARGIN_USEC;

        if (!this->is_known || !next->is_known)
                return false;
        return next->seq <= f->seq_first ||
               (f->since_usec != 0 && this->real_usec < since && next->real_usec < since);
}

/* All of it was written behind it, and is not of before all the same. */
static bool is_behind(const LogFilter *f, const Glance *this)
{
        if (!this->is_known)
                return false;
        return (f->seq_last != 0 && this->seq > f->seq_last) ||
               (f->until_usec != 0 && !this->is_resumed &&
                this->real_usec - LOG_WINDOW_MARGIN_USEC > f->until_usec);
}

static bool is_wanted(const LogReader *r, size_t i)
{
        return !is_before(&r->filter, &r->glances[i], &r->glances[i + 1]) &&
               !is_behind(&r->filter, &r->glances[i]);
}

/* ---- opening -----------------------------------------------------------------------------------
 */

static int reader_look(LogReader *r, LogSource **ret_source, Glance **ret_glances)
{
        _cleanup_(log_source_freep) LogSource *source = NULL;
        int e = log_source_open(r->dir, &source);

        if (e < 0)
                return e;
        e = glances_new(r, source, ret_glances);
        if (e < 0)
                return e;
        *ret_source = TAKE_PTR(source);
        return 0;
}

/* Before the first look, so that nothing is missed in between. */
static void reader_watch(LogReader *r)
{
        r->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (r->watch_fd >= 0 &&
            inotify_add_watch(r->watch_fd, r->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
                (void)close(r->watch_fd);
                r->watch_fd = -EBADF;
        }
}

int log_reader_open(const char *dir, const LogFilter *filter, LogReader **ret)
{
        _cleanup_(log_reader_freep) LogReader *r = calloc(1, sizeof(*r));
        int e;

        if (!r)
                return -ENOMEM;
        r->watch_fd = -EBADF;
        r->filter = filter ? *filter : (LogFilter){};
        r->dir = strdup(dir);
        if (!r->dir)
                return -ENOMEM;
        reader_watch(r);
        e = reader_look(r, &r->source, &r->glances);
        if (e < 0)
                return e;
        *ret = TAKE_PTR(r);
        return 0;
}

bool log_reader_is_empty(const LogReader *r)
{
        return r->source->segments.n == 0;
}

/* ---- lines -------------------------------------------------------------------------------------
 */

static int bad(LogReader *r, LogRecord *ret, const char *wrong)
{
        if (wrong != r->wrong)
                (void)snprintf(r->wrong, sizeof(r->wrong), "%s", wrong);
        *ret = (LogRecord){
                .file = r->file,
                .log_id = r->log_id,
                .host = r->host,
                .wrong = r->wrong,
                .after_seq = r->seq,
        };
        return LOG_READER_BAD;
}

static void doubt_begin(Doubt *d, const char *line, size_t size)
{
        uint8_t hash[LOG_HASH_SIZE];

        log_hash(line, size, hash);
        log_hash_format(hash, d->hash);
        d->size = size;
        d->is_there = true;
}

/* Does this record say that the line before it is a torn fragment? */
static bool doubt_is_settled(const Doubt *d, const LogLine *l)
{
        size_t size = 0;
        const char *hash = log_line_text(l, LOG_FIELD_TORN_HASH, &size);
        int64_t bytes = 0;

        return is_event(l, LOG_EVENT_TORN) && hash && size == LOG_HASH_TEXT_SIZE &&
               memcmp(hash, d->hash, size) == 0 &&
               log_line_number(l, LOG_FIELD_TORN_BYTES, &bytes) == 0 && (size_t)bytes == d->size;
}

static int end_doubt(LogReader *r, LogRecord *ret)
{
        r->doubt.is_there = false;
        return bad(r, ret, "a line that is no record");
}

static int load(LogReader *r)
{
        json_error_t error;

        json_decref(r->json);
        r->json = json_read(r->line, r->line_size, JSON_REJECT_DUPLICATES, &error);
        if (r->json)
                return 0;
        return errno == ENOMEM ? -ENOMEM : -EBADMSG;
}

/* Whose log it is, the first record of each segment says. */
static void learn_origin(LogReader *r)
{
        const char *log_id = member_text(r->json, log_fields[LOG_FIELD_LOG].name);
        const char *host = member_text(r->json, log_fields[LOG_FIELD_HOST].name);

        if (log_id)
                (void)snprintf(r->log_id, sizeof(r->log_id), "%s", log_id);
        if (host)
                (void)snprintf(r->host, sizeof(r->host), "%s", host);
}

static void record_fill(const LogReader *r, const LogLine *l, LogRecord *ret)
{
        *ret = (LogRecord){
                .line = r->line,
                .size = r->line_size,
                .head = *l,
                .json = r->json,
                .real_usec = log_record_usec(l, r->json),
                .file = r->file,
                .log_id = r->log_id,
                .host = r->host,
        };
}

/* What a failed disk may have kept behind the last record that was durable: the reserve has those
 * numbers anew. */
static bool is_void(const LogReader *r, const LogLine *l)
{
        const Glance *next = r->i < r->source->segments.n ? &r->glances[r->i + 1] : NULL;

        return next && next->is_known && r->source->segments.items[r->i].first_seq == 0 &&
               l->seq >= next->seq;
}

#define NOT_WANTED 3
static int take_record(LogReader *r, const LogLine *l, LogRecord *ret)
{
        const bool is_origin = r->is_first_line;
        int e;

        r->is_first_line = false;
        if (is_void(r, l))
                return NOT_WANTED;
        if (!is_origin && !log_filter_may_fit(&r->filter, l, r->line, r->line_size)) {
                r->seq = l->seq;
                return NOT_WANTED;
        }
        e = load(r);
        if (e == -EBADMSG)
                return bad(r, ret, "a line that begins as a record does and is no JSON");
        if (e < 0)
                return e;
        if (is_origin)
                learn_origin(r);
        r->seq = l->seq;
        if (!log_filter_fits(&r->filter, l, r->json))
                return NOT_WANTED;
        record_fill(r, l, ret);
        return 0;
}

static int take_line(LogReader *r, LogRecord *ret)
{
        LogLine l;
        int e;

        if (log_line_parse(r->line, r->line_size, &l) < 0) {
                if (r->doubt.is_there)
                        return end_doubt(r, ret);
                doubt_begin(&r->doubt, r->line, r->line_size);
                e = NOT_WANTED;
        } else if (r->doubt.is_there && !doubt_is_settled(&r->doubt, &l)) {
                return end_doubt(r, ret);
        } else {
                r->doubt.is_there = false;
                e = take_record(r, &l, ret);
        }
        r->line = NULL;
        return e;
}

/* From this stream until something is found: as log_reader_next(), or NOT_WANTED where it has no
 * whole line left. */
static int read_stream(LogReader *r, LogStream *stream, LogRecord *ret)
{
        int e;

        for (;;) {
                if (!r->line) {
                        e = log_stream_line(stream, &r->line, &r->line_size);
                        if (e != 1) {
                                r->line = NULL;
                                return e == 0 ? NOT_WANTED : e;
                        }
                }
                e = take_line(r, ret);
                if (e != NOT_WANTED)
                        return e;
        }
}

/* ---- segments ----------------------------------------------------------------------------------
 */

static int cannot_read(LogReader *r, LogRecord *ret, int e)
{
        if (e == -ENOMEM)
                return e;
        if (e == -EBADMSG || e == -EFBIG)
                return bad(r, ret, "a compressed segment that is damaged: the rest of it is lost");
        (void)snprintf(r->wrong, sizeof(r->wrong), "a segment that cannot be read: %s",
                       strerror(-e));
        return bad(r, ret, r->wrong);
}

static void begin_segment(LogReader *r, const char *name)
{
        (void)snprintf(r->file, sizeof(r->file), "%s", name);
        r->is_first_line = true;
        r->doubt.is_there = false;
        r->line = NULL;
}

/* The segment at i, where it is wanted. NOT_WANTED: the next one, please. */
static int open_segment(LogReader *r, LogRecord *ret)
{
        int e;

        if (!is_wanted(r, r->i) && r->source->segments.items[r->i].first_seq != 0)
                return NOT_WANTED;
        begin_segment(r, r->source->segments.items[r->i].name);
        e = log_stream_open(r->source, r->i, &r->stream);
        if (e == -ENOENT)
                return NOT_WANTED;
        if (e < 0)
                return cannot_read(r, ret, e);
        begin_segment(r, log_stream_name(r->stream));
        return 0;
}

static bool may_grow(const LogReader *r)
{
        return r->source->segments.items[r->i].first_seq == 0;
}

/* No line is left. A closed segment is done with; of the others more may come. */
static int end_segment(LogReader *r, LogRecord *ret)
{
        const char *rest = NULL;
        size_t size = 0;
        int e = NOT_WANTED;

        if (r->doubt.is_there)
                return end_doubt(r, ret);
        if (may_grow(r) && r->n_tails < ELEMENTSOF(r->tails))
                r->tails[r->n_tails++] = TAKE_PTR(r->stream);
        else if (log_stream_rest(r->stream, &rest, &size) < 0 || size > 0)
                e = bad(r, ret, "a closed segment that does not end with a whole line");
        r->stream = log_stream_free(r->stream);
        r->i++;
        return e;
}

/* One step in the segment at i. */
static int read_segment(LogReader *r, LogRecord *ret)
{
        int e = r->stream ? 0 : open_segment(r, ret);

        if (e == 0)
                e = read_stream(r, r->stream, ret);
        else if (e == NOT_WANTED || e == LOG_READER_BAD)
                r->i++;
        if (e == NOT_WANTED && r->stream)
                return end_segment(r, ret);
        if (e < 0 && r->stream) {
                r->stream = log_stream_free(r->stream);
                r->i++;
                return cannot_read(r, ret, e);
        }
        return e;
}

static int read_segments(LogReader *r, LogRecord *ret)
{
        while (r->i < r->source->segments.n) {
                int e = read_segment(r, ret);
                if (e != NOT_WANTED)
                        return e;
        }
        return LOG_READER_END;
}

static int read_tails(LogReader *r, LogRecord *ret)
{
        for (size_t i = 0; i < r->n_tails; i++) {
                int e;

                (void)snprintf(r->file, sizeof(r->file), "%s", log_stream_name(r->tails[i]));
                e = read_stream(r, r->tails[i], ret);
                if (e < 0) {
                        r->tails[i] = log_stream_free(r->tails[i]);
                        r->tails[i] = r->tails[--r->n_tails];
                        return cannot_read(r, ret, e);
                }
                if (e != NOT_WANTED)
                        return e;
                if (r->doubt.is_there)
                        return end_doubt(r, ret);
        }
        return LOG_READER_END;
}

/* ---- going on ----------------------------------------------------------------------------------
 */

static bool is_same_file(int a, int b)
{
        struct stat x, y;

        if (a < 0 || b < 0)
                return a < 0 && b < 0;
        return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
               x.st_ino == y.st_ino;
}

/* Other files than when they were opened: a rotation, or a resume. All that the old ones have was
 * written before the new ones were there. */
static int look_again(LogReader *r, LogRecord *ret)
{
        _cleanup_(log_source_freep) LogSource *source = NULL;
        _cleanup_free_ Glance *glances = NULL;
        int e = reader_look(r, &source, &glances);

        if (e == -EAGAIN || e == -ENOENT)
                return LOG_READER_END;
        if (e < 0)
                return e;
        if (is_same_file(source->active_fd, r->source->active_fd) &&
            is_same_file(source->reserve_fd, r->source->reserve_fd))
                return LOG_READER_END;
        e = read_tails(r, ret);
        if (e != LOG_READER_END)
                return e; /* the old ones first; then this again */
        reader_close(r);
        r->source = TAKE_PTR(source);
        r->glances = TAKE_PTR(glances);
        for (r->i = 0; r->i < r->source->segments.n; r->i++) {
                const uint64_t first_seq = r->source->segments.items[r->i].first_seq;

                if (first_seq == 0 || first_seq > r->seq)
                        break;
        }
        return read_segments(r, ret);
}

int log_reader_next(LogReader *r, LogRecord *ret)
{
        int e = read_segments(r, ret);

        if (e == LOG_READER_END)
                e = read_tails(r, ret);
        return e == LOG_READER_END ? look_again(r, ret) : e;
}

int log_reader_wait(LogReader *r, uint64_t usec)
{
        const uint64_t most = r->watch_fd >= 0 ? usec : usec < POLL_USEC ? usec : POLL_USEC;
        struct pollfd p = { .fd = r->watch_fd, .events = POLLIN };
        const struct timespec timeout = { .tv_sec = (time_t)(most / USEC_PER_SEC),
                                          .tv_nsec = (long)(most % USEC_PER_SEC) * 1000 };
        char events[4096];

        if (ppoll(&p, 1, &timeout, NULL) < 0)
                return -errno;
        /* What happened does not matter: the files say it. */
        while (p.revents && read(r->watch_fd, events, sizeof(events)) > 0)
                ;
        return 0;
}
