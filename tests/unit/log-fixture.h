/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A log in a directory of its own, and a verifier that knows nothing of the store. */

#include "nhi-agentd/log/store.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/log/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef struct LogDir {
        char path[64];
        int fd;
        LogStoreConfig config;
} LogDir;

static inline LogDir log_dir_new(uint64_t rotate_size)
{
        LogDir d = { .path = "/tmp/nhi-test-log.XXXXXX" };

        assert_non_null(mkdtemp(d.path));
        d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(d.fd >= 0);
        d.config = (LogStoreConfig){
                .rotate_size = rotate_size, .step_size = 128 * 1024, .host = "h1", .kid = "kid"
        };
        return d;
}

static inline void log_dir_free(LogDir *d)
{
        DIR *dir = fdopendir(d->fd);
        const struct dirent *e;

        while ((e = readdir(dir)))
                if (e->d_name[0] != '.' || strlen(e->d_name) > 2)
                        (void)unlinkat(dirfd(dir), e->d_name, 0);
        (void)closedir(dir);
        assert_int_equal(rmdir(d->path), 0);
}

static inline LogStore *log_dir_open(LogDir *d, const LogHead *floor, int error)
{
        LogStore *s = NULL;

        d->config.dir = d->path;
        assert_int_equal(log_store_open(&d->config, floor, error, &s), 0);
        return s;
}

/* What was found by reading every segment from its first byte. */
typedef struct LogRead {
        LogChain chain;
        unsigned n_segments, n_torn, n_resumed;
        const char *wrong; /* NULL: it verifies */
        char file[64];
        uint64_t seq;
} LogRead;

static inline bool event_is(const LogLine *l, const char *event)
{
        return l->event_size == strlen(event) && memcmp(l->event, event, l->event_size) == 0;
}

static inline const char *read_line(LogRead *r, const char *p, size_t size, const char **torn,
                                    size_t *torn_size, void (*see)(const LogLine *l))
{
        char hash[LOG_HASH_TEXT_SIZE + 1];
        uint8_t raw[LOG_HASH_SIZE];
        const char *text;
        int64_t bytes = 0;
        size_t n = 0;
        LogLine l;

        if (log_line_parse(p, size, &l) < 0) {
                if (*torn)
                        return "two lines that are no records";
                *torn = p;
                *torn_size = size;
                return NULL;
        }
        if (log_chain_check(&r->chain, &l) != LOG_FOLLOWS)
                return log_chain_check(&r->chain, &l) == LOG_E_CHAIN ? "chain" : "sequence";
        if (*torn) {
                log_hash(*torn, *torn_size, raw);
                log_hash_format(raw, hash);
                text = log_line_text(&l, LOG_FIELD_TORN_HASH, &n);
                if (!event_is(&l, LOG_EVENT_TORN) || !text || memcmp(text, hash, n) != 0 ||
                    log_line_number(&l, LOG_FIELD_TORN_BYTES, &bytes) < 0 ||
                    (size_t)bytes != *torn_size)
                        return "a line that is no record";
                *torn = NULL;
                r->n_torn++;
        }
        r->n_resumed += event_is(&l, LOG_EVENT_RESUMED);
        log_chain_follow(&r->chain, l.seq, p, size);
        if (see)
                see(&l);
        return NULL;
}

static inline LogRead log_dir_read(LogDir *d, void (*see)(const LogLine *l))
{
        LogRead r = {};
        LogSegments list = {};

        assert_int_equal(log_segments_list(d->fd, &list), 0);
        for (size_t i = 0; i < list.n && !r.wrong; i++) {
                int fd = openat(d->fd, list.items[i].name, O_RDONLY | O_CLOEXEC);
                const char *p, *end, *newline, *torn = NULL;
                size_t size = 0, torn_size = 0;
                struct stat st;
                char *data;

                assert_true(fd >= 0);
                assert_int_equal(fstat(fd, &st), 0);
                data = malloc((size_t)st.st_size + 1);
                assert_int_equal(fd_read_all(fd, data, (size_t)st.st_size, &size), 0);
                (void)close(fd);
                p = data;
                end = p + log_segment_extent(data, size);
                r.n_segments += end > p;
                if (list.items[i].first_seq > 0 && list.items[i].first_seq != r.chain.seq + 1)
                        r.wrong = "the first seq of a file";
                for (; !r.wrong && p < end; p = newline + 1) {
                        newline = memchr(p, '\n', (size_t)(end - p));
                        if (!newline)
                                break; /* being written, or torn and not opened since */
                        r.wrong = read_line(&r, p, (size_t)(newline - p), &torn, &torn_size, see);
                }
                if (!r.wrong && torn)
                        r.wrong = "a last line that is no record";
                (void)snprintf(r.file, sizeof(r.file), "%s", list.items[i].name);
                free(data);
        }
        log_segments_done(&list);
        r.seq = r.chain.seq;
        return r;
}

static inline int append_text(LogStore *s, const char *event, const char *detail, const char *set,
                              bool use_reserve)
{
        LogBody b;
        LogEntry e;

        log_body_init(&b, event);
        log_body_text(&b, LOG_FIELD_SET, set);
        log_body_text(&b, LOG_FIELD_DETAIL, detail);
        log_body_done(&b);
        e = (LogEntry){
                .body = b.data, .body_size = b.size, .set = set, .use_reserve = use_reserve
        };
        log_store_append(s, &e, 1);
        return e.r;
}

static inline int resume_log(LogStore *s)
{
        LogBody b;
        LogEntry e;

        log_body_init(&b, LOG_EVENT_RESUMED);
        log_body_done(&b);
        e = (LogEntry){ .body = b.data, .body_size = b.size };
        return log_store_resume(s, &e);
}
