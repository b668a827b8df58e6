/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/log/store-internal.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* Of hashes in a segment-end: within the bound of its field. */
#define SETS_A_RECORD 120u

int store_fail(LogStore *s, int error, const char *format, ...)
{
        va_list ap;

        if (s->error == 0) {
                s->error = error;
                va_start(ap, format);
                (void)vsnprintf(s->error_text, sizeof(s->error_text), format, ap);
                va_end(ap);
        }
        return s->error;
}

int log_store_error(const LogStore *s, const char **ret_text)
{
        if (ret_text)
                *ret_text = s->error_text;
        return s->error;
}

void log_store_head(const LogStore *s, LogHead *ret)
{
        *ret = (LogHead){ .chain = s->chain, .real_usec = s->chain_usec };
        memcpy(ret->log_id, s->log_id, sizeof(ret->log_id));
        memcpy(ret->host, s->config.host, sizeof(ret->host));
}

uint64_t log_store_free_space(const LogStore *s)
{
        struct statvfs st;

        if (s->dir_fd < 0 || fstatvfs(s->dir_fd, &st) < 0)
                return UINT64_MAX;
        return (uint64_t)st.f_bavail * st.f_frsize;
}

uint64_t log_store_segment(const LogStore *s)
{
        return s->n_segments;
}

LogStore *log_store_free(LogStore *s)
{
        if (!s)
                return NULL;
        logfile_done(&s->active);
        logfile_done(&s->reserve);
        if (s->dir_fd >= 0)
                (void)close(s->dir_fd);
        free(s->dir);
        free(s);
        return NULL;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

int store_line(LogStore *s, LogChain *chain, int64_t now, const LogBody *body, size_t *size)
{
        size_t n = 0;
        int r = log_line_make(chain, now, body->data, body->size, s->buffer + *size,
                              sizeof(s->buffer) - *size, &n);

        if (r == 0)
                *size += n;
        return r;
}

/* What is in the buffer is written, or never was: the file ends where it did. */
static int commit(LogStore *s, LogFile *f, const LogChain *chain, int64_t now, size_t size)
{
        int r = logfile_reserve(f, size, s->config.step_size);

        if (r < 0)
                return store_fail(s, r, "%s/%s: space for more records: %s", s->dir,
                                  LOG_ACTIVE_NAME, strerror(-r));
        r = logfile_append(f, s->buffer, size);
        if (r < 0) {
                (void)ftruncate(f->fd, (off_t)f->size);
                return store_fail(s, r, "%s/%s: write: %s", s->dir, LOG_ACTIVE_NAME, strerror(-r));
        }
        s->chain = *chain;
        s->chain_usec = now;
        return 0;
}

/* Every set must be known before the segment that cites it can be closed. */
static int note_sets(LogFile *f, const LogEntry *entries, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                const char *set = entries[i].set;
                int r = set && *set ? cited_add(&f->cited, set, strlen(set)) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

static int append_all(LogStore *s, const LogEntry *entries, size_t n)
{
        const int64_t now = now_realtime_usec();
        LogChain chain = s->chain;
        size_t size = 0;
        int r = note_sets(&s->active, entries, n);

        for (size_t i = 0; r == 0 && i < n; i++) {
                size_t line = 0;

                r = log_line_make(&chain, now, entries[i].body, entries[i].body_size,
                                  s->buffer + size, sizeof(s->buffer) - size, &line);
                size += line;
        }
        if (r < 0)
                return store_fail(s, r, "%s/%s: %s", s->dir, LOG_ACTIVE_NAME, strerror(-r));
        return commit(s, &s->active, &chain, now, size);
}

static bool is_due(const LogStore *s, const LogEntry *entries, size_t n)
{
        const int64_t age = now_realtime_usec() - s->active.first_usec;
        uint64_t size = s->active.size - s->active.begun_size;

        for (size_t i = 0; i < n; i++)
                size += LOG_PREFIX_MAX + entries[i].body_size;
        return size > s->config.rotate_size ||
               (s->config.rotate_age_usec > 0 && age >= s->config.rotate_age_usec);
}

void log_store_set_rotation(LogStore *s, uint64_t rotate_size, int64_t rotate_age_usec)
{
        s->config.rotate_size = rotate_size;
        s->config.rotate_age_usec = rotate_age_usec;
}

void log_store_append(LogStore *s, LogEntry *entries, size_t n)
{
        int r = s->error;

        if (n == 0)
                return;
        /* A segment of what it began with alone is not put away for what comes next. */
        if (r == 0 && s->chain.seq > s->active.begun_seq && is_due(s, entries, n))
                r = log_store_rotate(s);
        if (r == 0)
                r = append_all(s, entries, n);
        if (r == 0)
                store_count_uses(s, entries, n);
        for (size_t i = 0; i < n; i++)
                entries[i].r = r;
        if (r < 0)
                store_append_reserve(s, entries, n);
}

/* ---- segments ---------------------------------------------------------------------------------
 */

void store_begin_body(const LogStore *s, LogBody *ret)
{
        log_body_init(ret, s->chain.seq == 0 ? LOG_EVENT_CREATED : LOG_EVENT_SEGMENT);
        log_body_text(ret, LOG_FIELD_LOG, s->log_id);
        log_body_number(ret, LOG_FIELD_FORMAT, LOG_FORMAT);
        log_body_text(ret, LOG_FIELD_HOST, s->config.host);
        log_body_text(ret, LOG_FIELD_KEY, s->config.kid);
        log_body_text(ret, LOG_FIELD_SEGMENT, s->before);
        log_body_done(ret);
}

static int dir_sync(LogStore *s)
{
        return fsync(s->dir_fd) < 0 ? -errno : 0;
}

/* A segment that is not there yet: under another name until all that it begins with is durable. */
typedef struct Beginning {
        LogFile file;
        LogChain chain;
        int64_t now;
        size_t size; /* in the buffer */
} Beginning;

static int begin_file(LogStore *s, LogFile *f)
{
        (void)unlinkat(s->dir_fd, LOG_NEW_NAME, 0);
        f->fd = openat(s->dir_fd, LOG_NEW_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                       0640);
        return f->fd < 0 || fchmod(f->fd, 0640) < 0 ? -errno : 0;
}

static int begin_write(LogStore *s, Beginning *b)
{
        int r = logfile_reserve(&b->file, b->size, s->config.step_size);

        if (r == 0)
                r = logfile_append(&b->file, s->buffer, b->size);
        b->size = 0;
        return r;
}

static int begin_line(LogStore *s, Beginning *b, const char *body, size_t body_size)
{
        size_t line = 0;
        int r = 0;

        if (sizeof(s->buffer) - b->size < LOG_LINE_MAX)
                r = begin_write(s, b);
        if (r == 0)
                r = log_line_make(&b->chain, b->now, body, body_size, s->buffer + b->size,
                                  sizeof(s->buffer) - b->size, &line);
        b->size += line;
        return r;
}

static int begin_uses(LogStore *s, Beginning *b)
{
        _cleanup_free_ LogUseView *uses = NULL;
        size_t n = 0;
        LogBody body;
        int r = s->config.uses ? log_uses_copy(s->config.uses, &uses, &n) : 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                log_body_init(&body, LOG_EVENT_USED);
                log_body_number(&body, LOG_FIELD_UNTIL, uses[i].until_sec);
                log_body_text(&body, LOG_FIELD_GRANT, uses[i].jti);
                log_body_text(&body, LOG_FIELD_ISSUER, uses[i].issuer);
                log_body_number(&body, LOG_FIELD_USE, uses[i].n);
                log_body_done(&body);
                r = begin_line(s, b, body.data, body.size);
        }
        return r;
}

static int begin_records(LogStore *s, Beginning *b, const LogEntry *second)
{
        LogBody body;
        int r;

        store_begin_body(s, &body);
        r = begin_line(s, b, body.data, body.size);
        if (r == 0 && second)
                r = begin_line(s, b, second->body, second->body_size);
        if (r == 0)
                r = begin_uses(s, b);
        return r == 0 ? begin_write(s, b) : r;
}

int store_begin_segment(LogStore *s, const LogEntry *second)
{
        Beginning b = { .chain = s->chain, .now = now_realtime_usec() };
        int r;

        if (s->chain.seq == 0 && s->before[0] != '\0')
                return -EBADMSG;
        logfile_init(&b.file);
        r = begin_file(s, &b.file);
        if (r == 0)
                r = begin_records(s, &b, second);
        if (r == 0 && fsync(b.file.fd) < 0)
                r = -errno;
        if (r == 0 && renameat(s->dir_fd, LOG_NEW_NAME, s->dir_fd, LOG_ACTIVE_NAME) < 0)
                r = -errno;
        if (r == 0)
                r = dir_sync(s);
        if (r < 0) {
                logfile_done(&b.file);
                return r;
        }
        b.file.first_seq = s->chain.seq + 1;
        b.file.first_usec = b.now;
        b.file.begun_seq = b.chain.seq;
        b.file.begun_size = b.file.size;
        logfile_done(&s->active);
        s->active = b.file;
        s->chain = b.chain;
        s->chain_usec = b.now;
        s->n_segments++;
        return 0;
}

static bool is_put_away(const LogStore *s, const char *name, const char *closed)
{
        return errno == ENOENT && faccessat(s->dir_fd, name, F_OK, 0) < 0 &&
               faccessat(s->dir_fd, closed, F_OK, 0) == 0;
}

int store_put_away(LogStore *s, LogFile *f, const char *name)
{
        char closed[LOG_NAME_SIZE + 1];
        int r = cited_save(&f->cited, s->dir_fd, f->first_seq);

        if (r < 0)
                return r;
        log_name_format(LOG_FILE_CLOSED, f->first_seq, closed);
        if (renameat2(s->dir_fd, name, s->dir_fd, closed, RENAME_NOREPLACE) < 0 &&
            !is_put_away(s, name, closed))
                return -errno;
        r = dir_sync(s);
        if (r < 0)
                return r;
        memcpy(s->before, closed, sizeof(closed));
        logfile_done(f);
        return 0;
}

/* The closing records: which sets this segment cites. */
static int append_ends(LogStore *s)
{
        const Cited *c = &s->active.cited;
        const int64_t now = now_realtime_usec();
        LogChain chain = s->chain;
        size_t size = 0, i = 0;
        LogBody body;
        int r;

        do {
                char texts[SETS_A_RECORD][LOG_HASH_TEXT_SIZE + 1];
                const char *views[SETS_A_RECORD];
                size_t n = 0;

                for (; n < SETS_A_RECORD && i < c->n; n++, i++) {
                        log_hash_format(c->hashes[i], texts[n]);
                        views[n] = texts[n];
                }
                log_body_init(&body, LOG_EVENT_SEGMENT_END);
                log_body_texts(&body, LOG_FIELD_SETS, views, n);
                log_body_done(&body);
                if (sizeof(s->buffer) - size < LOG_LINE_MAX) {
                        r = commit(s, &s->active, &chain, now, size);
                        if (r < 0)
                                return r;
                        size = 0;
                }
                r = store_line(s, &chain, now, &body, &size);
                if (r < 0)
                        return store_fail(s, r, "%s/%s: %s", s->dir, LOG_ACTIVE_NAME, strerror(-r));
        } while (i < c->n);
        return commit(s, &s->active, &chain, now, size);
}

int log_store_rotate(LogStore *s)
{
        int r = s->error;

        if (r == 0)
                r = append_ends(s);
        if (r < 0)
                return r;
        r = logfile_trim(&s->active);
        if (r == 0)
                r = store_put_away(s, &s->active, LOG_ACTIVE_NAME);
        if (r == 0)
                r = store_begin_segment(s, NULL);
        return r < 0 ? store_fail(s, r, "%s: a new segment: %s", s->dir, strerror(-r)) : 0;
}
