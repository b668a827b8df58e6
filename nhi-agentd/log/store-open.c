/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where a log goes on: after a clean stop, a crash, in a new directory, and where it must not. */

#include "nhi-agentd/log/store-internal.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

/* One file with records in it, as it was found. */
typedef struct Found {
        char *data;
        size_t size;
        uint64_t allocated;
        LogTail tail;
        bool is_damaged;
        int fd;
} Found;

static void found_done(Found *f)
{
        free(f->data);
        if (f->fd >= 0)
                (void)close(f->fd);
}

static int open_dir(LogStore *s)
{
        struct stat st;

        s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (s->dir_fd < 0 || fstat(s->dir_fd, &st) < 0) {
                int r = -errno;

                return store_fail(s, r, "%s: %s; systemd-tmpfiles --create makes it", s->dir,
                                  strerror(-r));
        }
        if (st.st_uid != owner_trusted() || (st.st_mode & 022) != 0)
                return store_fail(s, -EPERM,
                                  "%s: must be owned by root and writable by nobody else", s->dir);
        return 0;
}

/* Of a file whose end makes no sense: its last record that does, wherever it stands. */
static void find_last(Found *f)
{
        const char *p = f->data, *end = p + f->size, *newline;
        LogTail t = {};
        LogLine line;
        size_t size;

        for (; p < end && (newline = memchr(p, '\n', (size_t)(end - p))); p = newline + 1) {
                const char *id;

                t.records_size = (size_t)(newline + 1 - f->data);
                if (log_line_parse(p, (size_t)(newline - p), &line) < 0)
                        continue;
                log_chain_follow(&t.chain, line.seq, p, (size_t)(newline - p));
                if (p != f->data)
                        continue;
                t.first_seq = line.seq;
                id = log_line_text(&line, LOG_FIELD_LOG, &size);
                if (id && size == LOG_ID_SIZE)
                        memcpy(t.log_id, id, LOG_ID_SIZE);
        }
        if (t.first_seq == 0)
                t.chain = (LogChain){};
        f->tail = t;
}

/* 0 also where it is damaged: then that is said, and is the log's error. */
static int load(LogStore *s, const char *name, Found *ret)
{
        int r = logfile_load(s->dir_fd, name, &ret->fd, &ret->data, &ret->size, &ret->allocated);

        if (r < 0)
                return store_fail(s, r, "%s/%s: %s", s->dir, name, strerror(-r));
        r = log_tail_find(ret->data, ret->size, &ret->tail);
        if (r == 0 && (ret->tail.chain.seq > 0) == (ret->tail.first_seq > 0) &&
            (ret->tail.chain.seq > 0 || ret->tail.fragment_size == 0))
                return 0;
        ret->is_damaged = true;
        find_last(ret);
        (void)store_fail(s, -EBADMSG,
                         "%s/%s: damaged: its end is neither a record nor a torn one; nhictl log "
                         "verify says where",
                         s->dir, name);
        return 0;
}

/* What stands before a value stands in no text: there quotes are escaped. So a segment is searched,
 * not parsed, and a start does not wait for it. */
#define SET_MARK "\"set\":\""

static int read_sets(LogFile *f, const char *data, size_t size)
{
        const char *p = data, *end = data + size, *last = NULL;
        int r = 0;

        while (r == 0 && (p = memmem(p, (size_t)(end - p), SET_MARK, sizeof(SET_MARK) - 1))) {
                p += sizeof(SET_MARK) - 1;
                if ((size_t)(end - p) < LOG_HASH_TEXT_SIZE)
                        break;
                if (!last || memcmp(p, last, LOG_HASH_TEXT_SIZE) != 0)
                        r = cited_add(&f->cited, p, LOG_HASH_TEXT_SIZE);
                last = p;
        }
        return r;
}

/* When the line that begins there was written; INT64_MIN where it is no record. */
static int64_t time_of(const char *line, const char *end)
{
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        LogLine l;

        return newline && log_line_parse(line, (size_t)(newline - line), &l) == 0 ? l.real_usec
                                                                                  : INT64_MIN;
}

/* Is the record that a head was about still the same, where it is in this file? From the end, where
 * heads are; a torn one of that number may stand before it. */
static int check_head(LogStore *s, const char *data, size_t size, const LogHead *head)
{
        const char *end = data + size - 1, *newline = end;
        bool found = false;

        while (newline) {
                const char *begin;
                LogChain chain;
                LogLine l;

                newline = memrchr(data, '\n', (size_t)(end - data));
                begin = newline ? newline + 1 : data;
                if (log_line_parse(begin, (size_t)(end - begin), &l) == 0) {
                        if (l.seq < head->chain.seq)
                                break;
                        found = found || l.seq == head->chain.seq;
                        if (l.seq == head->chain.seq) {
                                log_chain_follow(&chain, l.seq, begin, (size_t)(end - begin));
                                if (memcmp(chain.hash, head->chain.hash, LOG_HASH_SIZE) == 0)
                                        return 0;
                        }
                }
                end = newline;
        }
        return found ? store_fail(s, -ESTALE,
                                  "%s: record %" PRIu64 " is not the one that was there", s->dir,
                                  head->chain.seq)
                     : 0;
}

/* Each record's set, what was used, when the first and the last were written, and the head. */
static int read_records(LogStore *s, LogFile *f, const Found *found, const LogHead *floor)
{
        const char *data = found->data, *end = data + found->tail.records_size, *last;
        int64_t usec;
        int r;

        if (end == data)
                return 0;
        last = end - 1 > data ? memrchr(data, '\n', (size_t)(end - 1 - data)) : NULL;
        f->first_usec = time_of(data, end);
        usec = time_of(last ? last + 1 : data, end);
        s->chain_usec = usec != INT64_MIN ? usec : s->chain_usec;
        r = read_sets(f, data, found->tail.records_size);
        if (r == 0)
                r = store_load_uses(s, data, found->tail.records_size);
        if (r < 0)
                return store_fail(s, r, "%s: %s", s->dir, strerror(-r));
        return floor ? check_head(s, data, found->tail.records_size, floor) : 0;
}

/* The file's state into f; its descriptor too, where it is to be written. */
static int adopt(LogStore *s, LogFile *f, Found *found, const LogHead *floor)
{
        f->size = found->tail.records_size;
        f->allocated = found->allocated;
        f->first_seq = found->tail.first_seq;
        f->is_ended = found->tail.is_ended;
        f->is_damaged = found->is_damaged;
        f->fd = TAKE_FD(found->fd);
        s->chain = found->tail.chain;
        f->begun_seq = f->first_seq;
        memcpy(s->log_id, found->tail.log_id, sizeof(s->log_id));
        return read_records(s, f, found, floor);
}

/* L3: the fragment stays, ended by a newline; the next record says what it is. */
static int settle(LogStore *s, LogFile *f, Found *found)
{
        const size_t n = found->tail.fragment_size;
        char hash[LOG_HASH_TEXT_SIZE + 1], *fragment = found->data + f->size;
        const int64_t now = now_realtime_usec();
        _cleanup_free_ char *text = NULL;
        uint8_t raw[LOG_HASH_SIZE];
        LogChain chain = s->chain;
        LogBody body;
        size_t size = 0;
        int r;

        log_fragment_settle(fragment, n);
        log_hash(fragment, n, raw);
        log_hash_format(raw, hash);
        log_body_init(&body, LOG_EVENT_TORN);
        log_body_number(&body, LOG_FIELD_TORN_BYTES, (int64_t)n);
        log_body_text(&body, LOG_FIELD_TORN_HASH, hash);
        log_body_done(&body);
        text = malloc(n + 1 + LOG_LINE_MAX);
        if (!text)
                return -ENOMEM;
        memcpy(text, fragment, n);
        text[n] = '\n';
        r = log_line_make(&chain, now, body.data, body.size, text + n + 1, LOG_LINE_MAX, &size);
        if (r == 0)
                r = logfile_reserve(f, n + 1 + size, s->config.step_size);
        if (r == 0)
                r = logfile_append(f, text, n + 1 + size);
        if (r == 0) {
                s->chain = chain;
                s->chain_usec = now;
        }
        return r;
}

/* The end of a closed segment is where a rotation stopped that did not get to the next one. */
static int open_closed(LogStore *s, const LogSegment *last, const LogHead *floor)
{
        _cleanup_(found_done) Found found = { .fd = -EBADF };
        LogFile f;
        int r;

        if (last->kind != LOG_FILE_CLOSED)
                return store_fail(s, -EBADMSG,
                                  "%s/%s: no segment follows it, and it is compressed: zstd -d it",
                                  s->dir, last->name);
        r = load(s, last->name, &found);
        if (r < 0)
                return r;
        logfile_init(&f);
        r = adopt(s, &f, &found, floor);
        if (r == 0)
                r = cited_save(&f.cited, s->dir_fd, f.first_seq);
        logfile_done(&f);
        return r < 0 ? store_fail(s, r, "%s: %s", s->dir, strerror(-r)) : 0;
}

/* *ret_found: it has a record. */
static int open_active(LogStore *s, const LogHead *floor, bool *ret_found)
{
        _cleanup_(found_done) Found found = { .fd = -EBADF };
        int r = load(s, LOG_ACTIVE_NAME, &found);

        if (r < 0 || found.tail.chain.seq == 0)
                return r;
        *ret_found = true;
        r = adopt(s, &s->active, &found, floor);
        if (r == 0 && s->error == 0 && found.tail.fragment_size > 0)
                r = settle(s, &s->active, &found);
        return r < 0 ? store_fail(s, r, "%s/%s: %s", s->dir, LOG_ACTIVE_NAME, strerror(-r)) : 0;
}

static int check_floor(LogStore *s, const LogHead *floor)
{
        if (!floor)
                return 0;
        if (s->chain.seq == 0)
                return store_fail(s, -ESTALE,
                                  "%s: the log is gone; its last known record is %" PRIu64, s->dir,
                                  floor->chain.seq);
        if (!streq(s->log_id, floor->log_id))
                return store_fail(s, -ESTALE, "%s: another log stands here", s->dir);
        if (s->chain.seq < floor->chain.seq)
                return store_fail(s, -ESTALE,
                                  "%s: the log ends at record %" PRIu64
                                  "; its last known record is %" PRIu64,
                                  s->dir, s->chain.seq, floor->chain.seq);
        return 0;
}

/* The end of what is there, on whatever file it is. */
static int find_end(LogStore *s, const LogHead *floor, bool *ret_active)
{
        _cleanup_(log_segments_done) LogSegments list = {};
        const LogSegment *closed = NULL;
        bool has_active = false;
        int r = log_segments_list(s->dir_fd, &list);

        if (r < 0)
                return store_fail(s, r, "%s: %s", s->dir, strerror(-r));
        for (size_t i = 0; i < list.n; i++) {
                if (list.items[i].first_seq > 0)
                        closed = &list.items[i];
                has_active = has_active || list.items[i].kind == LOG_FILE_ACTIVE;
        }
        if (closed)
                memcpy(s->before, closed->name, LOG_NAME_SIZE + 1);
        if (closed && closed->kind == LOG_FILE_COMPRESSED)
                log_name_format(LOG_FILE_CLOSED, closed->first_seq, s->before);
        if (has_active)
                r = open_active(s, floor, ret_active);
        if (r == 0 && !*ret_active && closed)
                r = open_closed(s, closed, floor);
        return r;
}

int store_open_log(LogStore *s)
{
        const LogHead *floor = s->floor.chain.seq > 0 ? &s->floor : NULL;
        bool active = false;
        int r = open_dir(s);

        if (r < 0)
                return r;
        r = find_end(s, floor, &active);
        if (r == 0)
                (void)check_floor(s, floor);
        if (s->log_id[0] == '\0')
                log_new_id(s->log_id);
        s->end_is_known = store_open_reserve(s) == 0 && r == 0;
        if (s->error != 0)
                return s->error;
        if (active && s->active.is_ended)
                return log_store_rotate(s);
        if (active)
                return 0;
        r = store_begin_segment(s, NULL);
        return r < 0 ? store_fail(s, r, "%s: a new segment: %s", s->dir, strerror(-r)) : 0;
}

DEFINE_CLEANUP(LogStore *, log_store_free)

int log_store_open(const LogStoreConfig *c, const LogHead *floor, int error, LogStore **ret)
{
        _cleanup_(log_store_freep) LogStore *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->dir_fd = -EBADF;
        if (floor)
                s->floor = *floor;
        logfile_init(&s->active);
        logfile_init(&s->reserve);
        s->config = *c;
        if (s->config.step_size == 0)
                s->config.step_size = LOG_STEP_SIZE;
        s->config.dir = s->dir = strdup(c->dir);
        if (!s->dir)
                return -ENOMEM;
        if (error < 0)
                (void)store_fail(s, error,
                                 "%s: the log failed before; nhictl log resume, once "
                                 "the cause is gone",
                                 s->dir);
        (void)store_open_log(s);
        *ret = TAKE_PTR(s);
        return 0;
}
