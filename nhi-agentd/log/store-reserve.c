/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* While the log has failed: what the reserve is for, and the way back. */

#include "nhi-agentd/log/store-internal.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

/* What is in it was never answered upon: a write that failed. */
static int make_reserve(LogStore *s)
{
        int r;

        s->reserve.fd = openat(s->dir_fd, LOG_RESERVE_NAME,
                               O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
        if (s->reserve.fd < 0 || fchmod(s->reserve.fd, 0640) < 0)
                return -errno;
        r = -posix_fallocate(s->reserve.fd, 0, LOG_RESERVE_SIZE);
        if (r == 0 && fsync(s->reserve.fd) < 0)
                r = -errno;
        if (r == 0)
                s->reserve.allocated = LOG_RESERVE_SIZE;
        return r;
}

/* Where the segment's records end that the reserve's follow: what it has from there on was never
 * answered upon. */
static int cut_active(LogStore *s, uint64_t first_seq)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        const char *p, *end, *newline;
        uint64_t allocated;
        size_t size = 0;
        int r;

        if (s->active.fd < 0 || s->active.is_damaged)
                return 0;
        r = logfile_load(s->dir_fd, LOG_ACTIVE_NAME, &fd, &data, &size, &allocated);
        if (r < 0)
                return r;
        for (p = data, end = p + s->active.size; p < end; p = newline + 1) {
                LogLine line;

                newline = memchr(p, '\n', (size_t)(end - p));
                if (!newline ||
                    (log_line_parse(p, (size_t)(newline - p), &line) == 0 && line.seq >= first_seq))
                        break;
        }
        s->active.size = (uint64_t)(p - data);
        return 0;
}

/* Records in the reserve were answered upon: the chain goes on from there. */
static int continue_reserve(LogStore *s, const char *data, const LogTail *tail, uint64_t allocated)
{
        int r = store_load_uses(s, data, tail->records_size);

        if (r < 0)
                return r;
        s->reserve.size = tail->records_size;
        s->reserve.allocated = allocated;
        s->reserve.first_seq = tail->first_seq;
        s->reserve.is_failed = tail->fragment_size > 0;
        s->chain = tail->chain;
        (void)store_fail(s, -EBUSY,
                         "%s/%s: the log failed before; nhictl log resume, once the cause is gone",
                         s->dir, LOG_RESERVE_NAME);
        return cut_active(s, tail->first_seq);
}

int store_open_reserve(LogStore *s)
{
        _cleanup_free_ char *data = NULL;
        LogTail tail = {};
        uint64_t allocated = 0;
        size_t size = 0;
        int r;

        r = logfile_load(s->dir_fd, LOG_RESERVE_NAME, &s->reserve.fd, &data, &size, &allocated);
        if (r == 0 && log_tail_find(data, size, &tail) < 0) {
                s->reserve.is_failed = s->reserve.is_damaged = true;
                (void)store_fail(s, -EBADMSG, "%s/%s: damaged", s->dir, LOG_RESERVE_NAME);
                return 0;
        }
        if (r == 0 && tail.first_seq > 0)
                r = continue_reserve(s, data, &tail, allocated);
        else if (r == 0 && allocated == LOG_RESERVE_SIZE)
                s->reserve.allocated = allocated;
        else if (r == 0 || r == -ENOENT) {
                logfile_done(&s->reserve);
                r = make_reserve(s);
        }
        s->reserve.is_failed = s->reserve.is_failed || r < 0;
        return r < 0 ? store_fail(s, r, "%s/%s: %s", s->dir, LOG_RESERVE_NAME, strerror(-r)) : 0;
}

/* Half of it is kept for break-glass. */
static uint64_t reserve_bound(const LogStore *s, const LogEntry *e)
{
        return e->is_notice ? s->reserve.allocated / 2 : s->reserve.allocated;
}

/* One record; the reserve's first one is preceded by the segment's. */
static int append_one(LogStore *s, const LogEntry *e)
{
        const int64_t now = now_realtime_usec();
        LogChain chain = s->chain;
        size_t size = 0, line = 0;
        LogBody body;
        int r = 0;

        if (s->reserve.fd < 0 || s->reserve.is_failed || !s->end_is_known)
                return s->error;
        if (s->reserve.first_seq == 0) {
                if (s->active.first_seq > 0)
                        log_name_format(LOG_FILE_CLOSED, s->active.first_seq, s->before);
                store_begin_body(s, &body);
                r = store_line(s, &chain, now, &body, &size);
        }
        if (r == 0)
                r = log_line_make(&chain, now, e->body, e->body_size, s->buffer + size,
                                  sizeof(s->buffer) - size, &line);
        size += line;
        if (r == 0 && s->reserve.size + size > reserve_bound(s, e))
                r = -ENOSPC;
        if (r == 0 && e->set && *e->set)
                r = cited_add(&s->reserve.cited, e->set, strlen(e->set));
        if (r < 0)
                return r;
        r = logfile_append(&s->reserve, s->buffer, size);
        if (r < 0) {
                s->reserve.is_failed = true;
                return r;
        }
        if (s->reserve.first_seq == 0) {
                s->reserve.first_seq = s->chain.seq + 1;
                s->reserve.first_usec = now;
        }
        s->chain = chain;
        s->chain_usec = now;
        store_count_uses(s, e, 1);
        return 0;
}

void store_append_reserve(LogStore *s, LogEntry *entries, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (entries[i].use_reserve)
                        entries[i].r = append_one(s, &entries[i]);
}

/* ---- the way back -----------------------------------------------------------------------------
 */

/* What is durable of a segment, or of the reserve, under the name that it then has. */
static int end_file(LogStore *s, LogFile *f, const char *name)
{
        int r = 0;

        if (f->fd < 0 || f->first_seq == 0)
                return 0;
        if (!f->is_damaged)
                r = logfile_trim(f);
        return r < 0 ? r : store_put_away(s, f, name);
}

/* A file that says nothing, whatever its bytes are, keeps them under another name. */
static int set_aside(LogStore *s, const char *name, const char *what)
{
        char aside[64];

        (void)snprintf(aside, sizeof(aside), "damaged-%lld%s.log",
                       (long long)(now_realtime_usec() / (int64_t)USEC_PER_SEC), what);
        if (renameat2(s->dir_fd, name, s->dir_fd, aside, RENAME_NOREPLACE) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

static int set_damaged_aside(LogStore *s)
{
        int r = s->active.fd < 0 ? set_aside(s, LOG_ACTIVE_NAME, "") : 0;

        return r == 0 && s->reserve.is_damaged ? set_aside(s, LOG_RESERVE_NAME, "-reserve") : r;
}

void log_new_id(char ret[static LOG_ID_SIZE + 1])
{
        uint8_t bytes[LOG_ID_SIZE / 2];

        randombytes_buf(bytes, sizeof(bytes));
        (void)sodium_bin2hex(ret, LOG_ID_SIZE + 1, bytes, sizeof(bytes));
}

/* Where it is not known how the log ends, it is read anew; what that finds nobody was told yet, so
 * it is no answer to it to resume. */
static int reopen(LogStore *s)
{
        int r;

        logfile_done(&s->active);
        logfile_done(&s->reserve);
        closep(&s->dir_fd);
        s->dir_fd = -EBADF;
        s->chain = (LogChain){};
        s->chain_usec = 0;
        s->log_id[0] = s->before[0] = '\0';
        s->error = 0;
        s->error_text[0] = '\0';
        r = store_open_log(s);
        return s->end_is_known && r == -EBUSY ? 0 : r;
}

int log_store_resume(LogStore *s, const LogEntry *resumed)
{
        int r;

        if (s->error == 0) /* resumed by another one meanwhile */
                return 0;
        r = s->end_is_known ? 0 : reopen(s);
        if (r < 0)
                return r;
        r = set_damaged_aside(s);
        if (r == 0)
                r = end_file(s, &s->active, LOG_ACTIVE_NAME);
        if (r == 0)
                r = end_file(s, &s->reserve, LOG_RESERVE_NAME);
        if (r == 0 && (s->reserve.fd < 0 || s->reserve.is_failed ||
                       s->reserve.allocated < LOG_RESERVE_SIZE)) {
                logfile_done(&s->reserve);
                r = make_reserve(s);
        }
        if (r == 0)
                r = store_begin_segment(s, resumed);
        if (r < 0) {
                s->error = s->error < 0 ? s->error : r;
                (void)snprintf(s->error_text, sizeof(s->error_text), "%s: not resumed: %s", s->dir,
                               strerror(-r));
                return r;
        }
        s->error = 0;
        s->error_text[0] = '\0';
        return 0;
}
