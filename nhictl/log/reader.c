/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/reader-internal.h"

#include "lib/base/io.h"

#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* Where a filesystem tells nobody (a network's), it is looked at so often. */
#define POLL_USEC (1 * USEC_PER_SEC)

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

/* ---- opening -----------------------------------------------------------------------------------
 */

static int reader_look(LogReader *r, LogSource **ret_source, Glance **ret_glances)
{
        _cleanup_(log_source_freep) LogSource *source = NULL;
        int e = log_source_open(r->dir, &source);

        if (e < 0)
                return e;
        e = glances_new(&r->filter, source, ret_glances);
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

/* ---- segments ----------------------------------------------------------------------------------
 */

static int cannot_read(LogReader *r, LogRecord *ret, int e)
{
        if (e == -ENOMEM)
                return e;
        if (e == -EBADMSG || e == -EFBIG)
                return reader_bad(r, ret,
                                  "a compressed segment that is damaged: the rest of it is lost");
        (void)snprintf(r->wrong, sizeof(r->wrong), "a segment that cannot be read: %s",
                       strerror(-e));
        return reader_bad(r, ret, r->wrong);
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

        if (r->source->segments.items[r->i].first_seq != 0 &&
            !glance_is_wanted(&r->filter, &r->glances[r->i], &r->glances[r->i + 1]))
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
                return reader_end_doubt(r, ret);
        if (may_grow(r) && r->n_tails < ELEMENTSOF(r->tails))
                r->tails[r->n_tails++] = TAKE_PTR(r->stream);
        else if (log_stream_rest(r->stream, &rest, &size) < 0 || size > 0)
                e = reader_bad(r, ret, "a closed segment that does not end with a whole line");
        r->stream = log_stream_free(r->stream);
        r->i++;
        return e;
}

/* One step in the segment at i. */
static int read_segment(LogReader *r, LogRecord *ret)
{
        int e = r->stream ? 0 : open_segment(r, ret);

        if (e == 0)
                e = reader_read_stream(r, r->stream, ret);
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
                e = reader_read_stream(r, r->tails[i], ret);
                if (e < 0) {
                        r->tails[i] = log_stream_free(r->tails[i]);
                        r->tails[i] = r->tails[--r->n_tails];
                        return cannot_read(r, ret, e);
                }
                if (e != NOT_WANTED)
                        return e;
                if (r->doubt.is_there)
                        return reader_end_doubt(r, ret);
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
