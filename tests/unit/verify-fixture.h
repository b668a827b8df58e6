/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A small log of several segments, as the agent's store writes it; its files as bytes to be
 * changed; and what the verifier says of them. */

#include "tests/unit/log-fixture.h"

#include "nhictl/log/verify.h"

#include <inttypes.h>

#define SET_A "1111111111111111111111111111111111111111111111111111111111111111"
#define SET_B "2222222222222222222222222222222222222222222222222222222222222222"

#define FILES_MAX 64u

/* One file of a directory, in memory. */
typedef struct Bytes {
        char name[LOG_NAME_SIZE + 1];
        char *data;
        size_t size; /* to the last byte that is not NUL */
} Bytes;

typedef struct World {
        LogDir dir;
        LogHead head; /* the last record's */
        Bytes files[FILES_MAX];
        size_t n_files; /* segments, in the order of their records */
} World;

static inline void write_bytes(LogDir *d, const char *name, const char *data, size_t size)
{
        int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);

        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, data, size), 0);
        (void)close(fd);
}

static inline void restore(World *w, size_t i)
{
        write_bytes(&w->dir, w->files[i].name, w->files[i].data, w->files[i].size);
}

static inline void world_read(World *w)
{
        LogSegments list = {};

        for (size_t i = 0; i < w->n_files; i++)
                free(w->files[i].data);
        w->n_files = 0;
        assert_int_equal(log_segments_list(w->dir.fd, &list), 0);
        for (size_t i = 0; i < list.n; i++) {
                Bytes *b = &w->files[w->n_files];
                int fd = openat(w->dir.fd, list.items[i].name, O_RDONLY | O_CLOEXEC);
                struct stat st;

                assert_true(fd >= 0 && fstat(fd, &st) == 0 && w->n_files < FILES_MAX);
                memcpy(b->name, list.items[i].name, sizeof(b->name));
                b->data = calloc(1, (size_t)st.st_size + 1);
                assert_int_equal(fd_read_all(fd, b->data, (size_t)st.st_size, &b->size), 0);
                while (b->size > 0 && b->data[b->size - 1] == '\0')
                        b->size--;
                (void)close(fd);
                w->n_files++;
        }
        log_segments_done(&list);
}

static inline void append_n(LogStore *s, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                char detail[64];

                (void)snprintf(detail, sizeof(detail), "record \"%u\" \303\251", i);
                assert_int_equal(append_text(s, i % 3 == 0 ? "decision" : "denial", detail,
                                             i % 3 == 0   ? SET_A
                                             : i % 5 == 0 ? SET_B
                                                          : NULL,
                                             false),
                                 0);
        }
}

static inline World world_new(uint64_t rotate_size, unsigned n)
{
        World w = { .dir = log_dir_new(rotate_size) };
        LogStore *s = log_dir_open(&w.dir, NULL, 0);

        append_n(s, n);
        assert_int_equal(log_store_error(s, NULL), 0);
        log_store_head(s, &w.head);
        log_store_free(s);
        world_read(&w);
        return w;
}

static inline void world_free(World *w)
{
        for (size_t i = 0; i < w->n_files; i++)
                free(w->files[i].data);
        log_dir_free(&w->dir);
}

typedef int (*HeadGive)(LogHeads *h, const LogHead *head, const char *from);

/* What is found, against a head (or NULL) that is given in this way. */
static inline VerifyReport verify_by(World *w, const LogHead *head, HeadGive give,
                                     unsigned n_threads)
{
        LogHeads heads = {};
        LogSource *source = NULL;
        VerifyReport r = {};

        if (head)
                assert_int_equal(give(&heads, head, "test"), 0);
        assert_int_equal(log_source_open(w->dir.path, &source), 0);
        assert_int_equal(
                verify_log(source, &(VerifyOptions){ .heads = &heads, .n_threads = n_threads }, &r),
                0);
        log_source_free(source);
        log_heads_done(&heads);
        return r;
}

static inline VerifyReport verify_against(World *w, const LogHead *head, unsigned n_threads)
{
        return verify_by(w, head, log_heads_give, n_threads);
}

static inline VerifyReport verify_with(World *w, const LogHead *head, HeadGive give)
{
        return verify_by(w, head, give, 1);
}

static inline VerifyReport verify_alone(World *w)
{
        return verify_against(w, NULL, 1);
}

static inline void show_problems(const VerifyReport *r)
{
        for (size_t i = 0; i < r->n_problems && i < VERIFY_PROBLEMS_MAX; i++)
                print_message("  %s:%" PRIu64 " record %" PRIu64 " %s: %s\n", r->problems[i].file,
                              r->problems[i].line, r->problems[i].seq,
                              verify_code_text(r->problems[i].code), r->problems[i].text);
}

static inline void assert_whole(const VerifyReport *r)
{
        show_problems(r);
        assert_int_equal(r->n_problems, 0);
        assert_true(r->n_records > 0);
}

/* The first bad record, and what is said of it. */
#define assert_bad(r, wanted_code, wanted_seq)                                                     \
        do {                                                                                       \
                const VerifyReport *r_ = &(r);                                                     \
                if (r_->n_problems == 0 || r_->problems[0].code != (wanted_code) ||                \
                    r_->problems[0].seq != (wanted_seq)) {                                         \
                        show_problems(r_);                                                         \
                        fail_msg("wanted %s of record %llu", verify_code_text(wanted_code),        \
                                 (unsigned long long)(wanted_seq));                                \
                }                                                                                  \
        } while (0)

/* Line i (from 0) of a file: its begin, and its size with the newline; 0 behind the last. */
static inline size_t line_at(const Bytes *b, size_t i, size_t *ret_begin)
{
        size_t begin = 0;

        for (;; i--) {
                const char *newline =
                        begin < b->size ? memchr(b->data + begin, '\n', b->size - begin) : NULL;

                if (!newline)
                        return 0;
                *ret_begin = begin;
                if (i == 0)
                        return (size_t)(newline - b->data) + 1 - begin;
                begin = (size_t)(newline - b->data) + 1;
        }
}

static inline uint64_t seq_at(const Bytes *b, size_t begin)
{
        return strtoull(b->data + begin + strlen("{\"seq\":"), NULL, 10);
}

/* A file made of pieces of text. */
typedef struct Piece {
        const char *data;
        size_t size;
} Piece;

static inline void write_pieces(World *w, size_t file, const Piece *pieces, size_t n)
{
        _cleanup_free_ char *all = malloc(w->files[file].size + 4 * LOG_LINE_MAX);
        size_t size = 0;

        for (size_t i = 0; i < n; i++) {
                memcpy(all + size, pieces[i].data, pieces[i].size);
                size += pieces[i].size;
        }
        write_bytes(&w->dir, w->files[file].name, all, size);
}
