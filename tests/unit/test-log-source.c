/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises S1 to S3 of nhictl/log/source.h. */

#include "tests/unit/verify-fixture.h"

#include <zstd.h>

/* Compress one of the world's files, as log-compress does: the other name, and the plain one is
 * gone. malloc'ed. */
static char *compress(World *w, size_t file, char name[static LOG_NAME_SIZE + 1], size_t *ret_size)
{
        const Bytes *b = &w->files[file];
        const size_t bound = ZSTD_compressBound(b->size);
        ZSTD_CCtx *context = ZSTD_createCCtx();
        char *out = malloc(bound);

        (void)ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
        *ret_size = ZSTD_compress2(context, out, bound, b->data, b->size);
        assert_false(ZSTD_isError(*ret_size));
        (void)ZSTD_freeCCtx(context);
        (void)snprintf(name, LOG_NAME_SIZE + 1, "%s.zst", b->name);
        write_bytes(&w->dir, name, out, *ret_size);
        (void)unlinkat(w->dir.fd, b->name, 0);
        return out;
}

/* All lines of a segment, and how it ended. */
static int count_lines(World *w, size_t i, size_t *ret_lines, size_t *ret_size)
{
        LogSource *source = NULL;
        LogStream *s = NULL;
        const char *line;
        size_t size;
        int r;

        *ret_lines = *ret_size = 0;
        assert_int_equal(log_source_open(w->dir.path, &source), 0);
        r = log_stream_open(source, i, &s);
        log_source_free(source);
        while (s && (r = log_stream_line(s, &line, &size)) > 0) {
                (*ret_lines)++;
                *ret_size += size + 1;
        }
        log_stream_free(s);
        return r;
}

static void a_compressed_segment_is_the_same(void **state)
{
        World w = world_new(1200, 20);
        char name[LOG_NAME_SIZE + 1];
        VerifyReport before = verify_against(&w, &w.head, 1), r;
        size_t size;

        assert_whole(&before);
        for (size_t f = 0; w.files[f].name[strlen("decisions")] == '-'; f++) {
                free(compress(&w, f, name, &size));
                r = verify_against(&w, &w.head, 1);
                assert_whole(&r);
                assert_int_equal(r.n_records, before.n_records);
                assert_int_equal(r.n_bytes, before.n_bytes);
        }
        world_free(&w);
}

/* S3 */
static void a_compressed_segment_that_is_damaged_is_an_error(void **state)
{
        World w = world_new(1200, 10);
        char name[LOG_NAME_SIZE + 1];
        size_t size = 0;
        char *data = compress(&w, 0, name, &size);
        VerifyReport r;

        for (size_t at = 0; at < size; at++) {
                data[at] ^= (char)(1 << at % 8);
                write_bytes(&w.dir, name, data, size);
                data[at] ^= (char)(1 << at % 8);
                r = verify_against(&w, &w.head, 1);
                /* Some bits of a frame mean nothing: then it is the same. */
                if (r.n_problems == 0 && r.n_records != w.head.chain.seq)
                        fail_msg("byte %zu", at);
        }
        for (size_t cut = 0; cut < size; cut++) {
                write_bytes(&w.dir, name, data, cut);
                r = verify_against(&w, &w.head, 1);
                if (r.n_problems == 0)
                        fail_msg("cut to %zu", cut);
                assert_int_equal(r.problems[0].code, VERIFY_FILE);
        }
        free(data);
        world_free(&w);
}

/* S1, S3 */
static void a_bomb_is_refused_in_little_memory(void **state)
{
        World w = { .dir = log_dir_new(1000) };
        ZSTD_CCtx *context = ZSTD_createCCtx();
        const size_t piece = 1024 * 1024;
        char *zeros = malloc(piece), *out = malloc(piece);
        ZSTD_inBuffer in = { zeros, piece, 0 };
        ZSTD_outBuffer o = { out, piece, 0 };
        size_t n, size;
        int r;

        /* One line of 2 GiB. */
        memset(zeros, 'x', piece);
        for (unsigned i = 0; i < 2048; i++, in.pos = 0)
                while (in.pos < in.size)
                        assert_false(ZSTD_isError(
                                ZSTD_compressStream2(context, &o, &in, ZSTD_e_continue)));
        in.size = 0;
        assert_int_equal(ZSTD_compressStream2(context, &o, &in, ZSTD_e_end), 0);
        (void)ZSTD_freeCCtx(context);
        write_bytes(&w.dir, "decisions-00000000000000000001.log.zst", out, o.pos);
        r = count_lines(&w, 0, &n, &size);
        assert_int_equal(r, -EFBIG);
        assert_int_equal(n, 1);
        free(zeros);
        free(out);
        world_free(&w);
}

static void a_window_that_is_too_large_is_refused(void **state)
{
        World w = { .dir = log_dir_new(1000) };
        /* A frame header (RFC 8878) that asks for a window of 2 GiB, and an empty last block. */
        static const char frame[] = {
                0x28, (char)0xb5, 0x2f, (char)0xfd, 0x00, (char)0xa8, 1, 0, 0
        };
        size_t n, size;

        write_bytes(&w.dir, "decisions-00000000000000000001.log.zst", frame, sizeof(frame));
        assert_int_equal(count_lines(&w, 0, &n, &size), -EBADMSG);
        world_free(&w);
}

static void lines_are_whole_wherever_reads_end(void **state)
{
        World w = { .dir = log_dir_new(1000) };
        const size_t sizes[] = { 0,          1,          255 * 1024,           256 * 1024 - 1,
                                 256 * 1024, 300 * 1024, LOG_STREAM_BUFFER - 1 };
        char *all = malloc(12 * LOG_STREAM_BUFFER);
        size_t used = 0, n, size;

        for (size_t i = 0; i < 40; i++) {
                const size_t n_line = sizes[i * 5 % ELEMENTSOF(sizes)];

                if (used + n_line > 10 * LOG_STREAM_BUFFER)
                        continue;
                memset(all + used, 'a', n_line);
                all[used + n_line] = '\n';
                used += n_line + 1;
        }
        write_bytes(&w.dir, LOG_ACTIVE_NAME, all, used);
        assert_int_equal(count_lines(&w, 0, &n, &size), 0);
        assert_int_equal(size, used);
        free(all);
        world_free(&w);
}

static void a_line_without_an_end_is_one_line(void **state)
{
        World w = { .dir = log_dir_new(1000) };
        const size_t long_size = 3 * LOG_STREAM_BUFFER + 5;
        char *all = malloc(long_size + 4);
        size_t n, size;

        memset(all, 'a', long_size);
        memcpy(all + long_size, "\nb\n", 3);
        write_bytes(&w.dir, LOG_ACTIVE_NAME, all, long_size + 3);
        assert_int_equal(count_lines(&w, 0, &n, &size), 0);
        assert_int_equal(n, 2);
        free(all);
        world_free(&w);
}

static void the_active_segment_is_read_on_when_it_has_grown(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 3);
        LogStore *store = log_dir_open(&w.dir, NULL, 0);
        LogSource *source = NULL;
        LogStream *s = NULL;
        const char *line;
        size_t size, n = 0;

        assert_int_equal(log_source_open(w.dir.path, &source), 0);
        assert_int_equal(log_stream_open(source, 0, &s), 0);
        while (log_stream_line(s, &line, &size) > 0)
                n++;
        assert_int_equal(n, 4);
        append_n(store, 1);
        assert_int_equal(log_stream_line(s, &line, &size), 1);
        assert_int_equal(log_stream_line(s, &line, &size), 0);
        assert_int_equal(log_stream_rest(s, &line, &size), 0);
        assert_int_equal(size, 0);
        append_n(store, 1);
        assert_int_equal(log_stream_line(s, &line, &size), 1);
        log_stream_free(s);
        log_source_free(source);
        log_store_free(store);
        world_free(&w);
}

/* S2: cut under the reader's hands. */
static void a_file_that_shrinks_is_an_end(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 3);
        LogSource *source = NULL;
        LogStream *s = NULL;
        const char *line;
        size_t size;

        assert_int_equal(log_source_open(w.dir.path, &source), 0);
        assert_int_equal(log_stream_open(source, 0, &s), 0);
        assert_int_equal(log_stream_line(s, &line, &size), 1);
        write_bytes(&w.dir, LOG_ACTIVE_NAME, "", 0);
        while (log_stream_line(s, &line, &size) > 0)
                ;
        assert_int_equal(log_stream_rest(s, &line, &size), 0);
        log_stream_free(s);
        log_source_free(source);
        world_free(&w);
}

static void what_is_no_file_or_no_segment_is_not_read(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 3);
        VerifyReport r;

        write_bytes(&w.dir, "damaged-1.log", "x", 1);
        write_bytes(&w.dir, "decisions-1.log", "x", 1);
        write_bytes(&w.dir, "decisions-00000000000000000001.log.new", "x", 1);
        r = verify_against(&w, &w.head, 1);
        assert_whole(&r);
        /* A FIFO hangs nobody; a link leads nowhere. */
        assert_int_equal(mkfifoat(w.dir.fd, "decisions-00000000000000000001.log", 0600), 0);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_FILE, 1);
        (void)unlinkat(w.dir.fd, "decisions-00000000000000000001.log", 0);
        assert_int_equal(symlinkat("/dev/zero", w.dir.fd, "decisions-00000000000000000001.log"), 0);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_FILE, 1);
        (void)unlinkat(w.dir.fd, "decisions-00000000000000000001.log", 0);
        world_free(&w);
}

/* Between a rename and the next one there is no active segment: its records are in a closed one. */
static void a_rotation_is_waited_for(void **state)
{
        World w = world_new(1200, 20);
        LogSource *source = NULL;

        (void)unlinkat(w.dir.fd, LOG_ACTIVE_NAME, 0);
        assert_int_equal(log_source_open(w.dir.path, &source), 0);
        assert_int_equal(source->active_fd, -EBADF);
        assert_true(source->segments.n > 2);
        log_source_free(source);
        assert_int_equal(log_source_open("/nonexistent", &source), -ENOENT);
        assert_int_equal(log_source_open("/dev/null", &source), -ENOTDIR);
        world_free(&w);
}

static void a_segment_that_was_compressed_meanwhile_is_found(void **state)
{
        World w = world_new(1200, 10);
        char name[LOG_NAME_SIZE + 1];
        LogSource *source = NULL;
        LogStream *s = NULL;
        size_t size;

        assert_int_equal(log_source_open(w.dir.path, &source), 0);
        free(compress(&w, 0, name, &size));
        assert_int_equal(log_stream_open(source, 0, &s), 0);
        assert_string_equal(log_stream_name(s), name);
        log_stream_free(s);
        (void)unlinkat(w.dir.fd, name, 0);
        assert_int_equal(log_stream_open(source, 0, &s), -ENOENT);
        log_source_free(source);
        world_free(&w);
}

/* Behind a NUL. */
static void the_rest_ends_at_the_last_byte_that_is_something(void **state)
{
        World w = { .dir = log_dir_new(1000) };
        const size_t big = 6 * 1024 * 1024;
        char *all = calloc(1, big);
        const struct {
                size_t at, wanted;
        } cases[] = {
                { 2, 0 },
                { 3, 1 },
                { 100, 98 },
                { 2 + LOG_TORN_MAX, LOG_TORN_MAX },
                { 3 + LOG_TORN_MAX, SIZE_MAX },
                { big, SIZE_MAX },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                LogSource *source = NULL;
                LogStream *s = NULL;
                const char *data;
                size_t size = 0;
                int r;

                memset(all, 0, big);
                memcpy(all, "a\n", 2);
                if (cases[i].at > 2)
                        all[cases[i].at - 1] = 'x';
                write_bytes(&w.dir, LOG_ACTIVE_NAME, all, big);
                assert_int_equal(log_source_open(w.dir.path, &source), 0);
                assert_int_equal(log_stream_open(source, 0, &s), 0);
                assert_int_equal(log_stream_line(s, &data, &size), 1);
                assert_int_equal(log_stream_line(s, &data, &size), 0);
                r = log_stream_rest(s, &data, &size);
                assert_int_equal(r, cases[i].wanted == SIZE_MAX ? -EFBIG : 0);
                if (r == 0) {
                        assert_int_equal(size, cases[i].wanted);
                        assert_true(size == 0 || data[size - 1] == 'x');
                }
                log_stream_free(s);
                log_source_free(source);
        }
        free(all);
        world_free(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_compressed_segment_is_the_same),
                cmocka_unit_test(a_compressed_segment_that_is_damaged_is_an_error),
                cmocka_unit_test(a_bomb_is_refused_in_little_memory),
                cmocka_unit_test(a_window_that_is_too_large_is_refused),
                cmocka_unit_test(lines_are_whole_wherever_reads_end),
                cmocka_unit_test(a_line_without_an_end_is_one_line),
                cmocka_unit_test(the_active_segment_is_read_on_when_it_has_grown),
                cmocka_unit_test(a_file_that_shrinks_is_an_end),
                cmocka_unit_test(what_is_no_file_or_no_segment_is_not_read),
                cmocka_unit_test(a_rotation_is_waited_for),
                cmocka_unit_test(a_segment_that_was_compressed_meanwhile_is_found),
                cmocka_unit_test(the_rest_ends_at_the_last_byte_that_is_something),
        };

        if (sodium_init() < 0)
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
