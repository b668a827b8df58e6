/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises Y1, Y2, Y4 and Y5 of nhictl/log/verify.h: what is done to a log shows, and what the
 * agent itself does to it does not. */

#include "tests/unit/verify-fixture.h"

/* ---- what is whole -----------------------------------------------------------------------------
 */

/* Y4, U07 */
static void a_log_of_many_segments_is_whole(void **state)
{
        World w = world_new(3000, 60);
        VerifyReport r = verify_against(&w, &w.head, 1);

        assert_true(w.n_files > 4);
        assert_whole(&r);
        assert_int_equal(r.first_seq, 1);
        assert_int_equal(r.last_seq, w.head.chain.seq);
        assert_int_equal(r.n_records, w.head.chain.seq);
        assert_int_equal(r.n_heads, 1);
        assert_string_equal(r.log_id, w.head.log_id);
        assert_string_equal(r.host, "h1");
        assert_int_equal(r.rest_size, 0);
        world_free(&w);
}

static void as_many_threads_as_there_are_say_the_same(void **state)
{
        World w = world_new(400 * 1024, 4000);
        VerifyReport one, many;
        Bytes *b = &w.files[1];

        b->data[b->size / 2] ^= 1;
        restore(&w, 1);
        one = verify_against(&w, &w.head, 1);
        assert_int_equal(one.n_problems, 1);
        for (unsigned n = 2; n < 10; n += 3) {
                many = verify_against(&w, &w.head, n);
                assert_memory_equal(&one, &many, sizeof(one));
        }
        world_free(&w);
}

/* U05: a crash in the middle of a write. */
static void a_torn_fragment_that_is_marked_is_whole(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 5);
        const char *const fragments[] = { "{\"seq\":7,\"time\":\"2026", "x", "a\0\nb", "" };
        LogStore *s;
        VerifyReport r;

        for (size_t i = 0; i < ELEMENTSOF(fragments) - 1; i++) {
                Bytes *b = &w.files[0];
                const size_t size = i == 2 ? 4 : strlen(fragments[i]);
                int fd = openat(w.dir.fd, b->name, O_WRONLY | O_CLOEXEC);

                assert_int_equal(pwrite(fd, fragments[i], size, (off_t)b->size), size);
                (void)close(fd);
                r = verify_against(&w, &w.head, 1);
                assert_whole(&r);
                assert_int_equal(r.rest_size, i == 2 ? 4 : size);
                s = log_dir_open(&w.dir, NULL, 0);
                append_n(s, 2);
                log_store_head(s, &w.head);
                log_store_free(s);
                world_read(&w);
                r = verify_against(&w, &w.head, 1);
                assert_whole(&r);
                assert_int_equal(r.n_torn, i + 1);
        }
        world_free(&w);
}

/* U05: the batch was whole but for its last newline. */
static void a_torn_fragment_may_look_like_a_record(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 5);
        LogHead before = w.head;
        LogStore *s = log_dir_open(&w.dir, NULL, 0);
        VerifyReport r;
        Bytes *b = &w.files[0];

        append_n(s, 1);
        log_store_free(s);
        world_read(&w);
        write_bytes(&w.dir, b->name, b->data, b->size - 1);
        s = log_dir_open(&w.dir, &before, 0);
        append_n(s, 3);
        log_store_head(s, &w.head);
        log_store_free(s);
        assert_int_equal(w.head.chain.seq, before.chain.seq + 4);
        r = verify_against(&w, &w.head, 1);
        assert_whole(&r);
        assert_int_equal(r.n_torn, 1);
        world_free(&w);
}

static void what_log_torn_says_must_fit(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 5);
        Bytes *b = &w.files[0];
        int fd = openat(w.dir.fd, b->name, O_WRONLY | O_CLOEXEC);
        const size_t at = b->size;
        VerifyReport r;
        LogStore *s;

        assert_int_equal(pwrite(fd, "torn fragment", 13, (off_t)at), 13);
        (void)close(fd);
        s = log_dir_open(&w.dir, NULL, 0);
        append_n(s, 2);
        log_store_head(s, &w.head);
        log_store_free(s);
        world_read(&w);
        b->data[at] ^= 1;
        restore(&w, 0);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_TORN, 7);
        assert_int_equal(r.n_problems, 1);
        /* Taken out. */
        b->data[at] ^= 1;
        write_pieces(&w, 0, (Piece[]){ { b->data, at }, { b->data + at + 14, b->size - at - 14 } },
                     2);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_TORN, 7);
        world_free(&w);
}

/* Break-glass while the disk had failed: what the active segment has in the same place was never
 * synced. */
static void the_reserve_replaces_what_was_never_synced(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 5);
        LogStore *s = log_dir_open(&w.dir, NULL, 0);
        size_t begin = 0, n;
        VerifyReport r;
        Bytes *b;

        append_n(s, 3);
        log_store_free(s);
        world_read(&w);
        b = &w.files[0];
        n = line_at(b, 5, &begin);
        write_bytes(&w.dir, b->name, b->data, begin + n);
        s = log_dir_open(&w.dir, NULL, -EIO);
        assert_int_equal(append_text(s, "exemption", "break-glass", NULL, true), 0);
        log_store_head(s, &w.head);
        restore(&w, 0);
        r = verify_against(&w, &w.head, 1);
        assert_whole(&r);
        assert_int_equal(r.n_void, 3);
        assert_int_equal(r.last_seq, w.head.chain.seq);
        write_bytes(&w.dir, b->name, b->data, begin + n);
        assert_int_equal(resume_log(s), 0);
        log_store_head(s, &w.head);
        log_store_free(s);
        world_free(&w);
}

static void a_log_that_failed_and_was_resumed_is_whole(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 5);
        LogStore *s = log_dir_open(&w.dir, NULL, -EIO);
        VerifyReport r;

        assert_int_equal(append_text(s, "exemption", "break-glass", SET_B, true), 0);
        assert_int_equal(append_text(s, "exemption", "break-glass", NULL, true), 0);
        assert_int_equal(resume_log(s), 0);
        append_n(s, 3);
        log_store_head(s, &w.head);
        log_store_free(s);
        r = verify_against(&w, &w.head, 1);
        assert_whole(&r);
        assert_int_equal(r.n_files, 4);
        world_free(&w);
}

static void an_empty_directory_has_no_record(void **state)
{
        World w = { .dir = log_dir_new(1000) };
        VerifyReport r = verify_alone(&w);

        assert_int_equal(r.n_records, 0);
        assert_int_equal(r.n_problems, 0);
        w.head = (LogHead){ .chain.seq = 7 };
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_CUT, 1);
        world_free(&w);
}

/* ---- what was done to it -----------------------------------------------------------------------
 */

/* U01, Y1: each byte, by one bit and to NUL, and the record it stands in is named. */
static void a_flipped_byte_is_found_wherever_it_is(void **state)
{
        World w = world_new(900, 8);
        unsigned n = 0;

        assert_true(w.n_files >= 3);
        for (size_t f = 0; f < w.n_files; f++) {
                Bytes *b = &w.files[f];
                const int fd = openat(w.dir.fd, b->name, O_WRONLY | O_CLOEXEC);

                for (size_t at = 0; at < b->size; at++) {
                        const char was = b->data[at];
                        /* One bit; and, of some, to NUL, which ends a segment. */
                        const char masks[] = { (char)(1 << at % 8), was };
                        const size_t n_masks = at % 5 == 0 || was == '\n' ? 2 : 1;
                        size_t begin = at;
                        uint64_t seq;

                        while (begin > 0 && b->data[begin - 1] != '\n')
                                begin--;
                        seq = seq_at(b, begin);
                        for (size_t m = 0; m < n_masks; m++, n++) {
                                VerifyReport r;

                                const char is = (char)(was ^ masks[m]);

                                assert_int_equal(pwrite(fd, &is, 1, (off_t)at), 1);
                                r = verify_against(&w, &w.head, 1);
                                if (r.n_problems == 0 ||
                                    (r.problems[0].seq != seq &&
                                     !(was == '\n' && r.problems[0].seq == seq + 1))) {
                                        show_problems(&r);
                                        fail_msg("%s byte %zu of record %" PRIu64 " (%c) ^ %02x",
                                                 b->name, at, seq, was, (uint8_t)masks[m]);
                                }
                        }
                        assert_int_equal(pwrite(fd, &was, 1, (off_t)at), 1);
                }
                (void)close(fd);
        }
        assert_true(n > 2500);
        world_free(&w);
}

/* U01, U02, Y1 */
static void a_log_that_is_cut_at_any_byte_is_found(void **state)
{
        World w = world_new(900, 8);

        for (size_t f = 0; f < w.n_files; f++) {
                Bytes *b = &w.files[f];

                int fd;

                if (strcmp(b->name, LOG_RESERVE_NAME) == 0)
                        continue;
                fd = openat(w.dir.fd, b->name, O_WRONLY | O_CLOEXEC);
                for (size_t size = b->size; size-- > 0;) {
                        VerifyReport r;

                        assert_int_equal(ftruncate(fd, (off_t)size), 0);
                        r = verify_against(&w, &w.head, 1);
                        if (r.n_problems == 0)
                                fail_msg("%s cut to %zu", b->name, size);
                }
                (void)close(fd);
                restore(&w, f);
        }
        world_free(&w);
}

/* U01 */
static void a_record_that_is_deleted_is_named(void **state)
{
        World w = world_new(1200, 12);
        size_t begin = 0, size;

        for (size_t f = 0; f < w.n_files; f++) {
                Bytes *b = &w.files[f];

                for (size_t i = 0; (size = line_at(b, i, &begin)) > 0; i++) {
                        const uint64_t seq = seq_at(b, begin);
                        VerifyReport r;

                        write_pieces(
                                &w, f,
                                (Piece[]){ { b->data, begin },
                                           { b->data + begin + size, b->size - begin - size } },
                                2);
                        r = verify_against(&w, &w.head, 1);
                        if (seq == 1)
                                assert_bad(r, VERIFY_BEGINNING, 2);
                        else
                                assert_bad(r, seq == w.head.chain.seq ? VERIFY_CUT : VERIFY_MISSING,
                                           seq);
                }
                restore(&w, f);
        }
        world_free(&w);
}

/* U01 */
static void records_that_are_swapped_are_named(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 8);
        Bytes *b = &w.files[0];
        size_t first = 0, second = 0, n, m;

        for (size_t i = 1; (n = line_at(b, i, &first)) > 0 && (m = line_at(b, i + 1, &second)) > 0;
             i++) {
                VerifyReport r;

                write_pieces(&w, 0,
                             (Piece[]){ { b->data, first },
                                        { b->data + second, m },
                                        { b->data + first, n },
                                        { b->data + second + m, b->size - second - m } },
                             4);
                r = verify_against(&w, &w.head, 1);
                assert_bad(r, VERIFY_MISSING, seq_at(b, first));
                assert_int_equal(r.problems[1].code, VERIFY_ORDER);
        }
        world_free(&w);
}

/* U01: a copy of one that is there, and one that was made to fit the one before. */
static void a_record_that_is_inserted_is_named(void **state)
{
        World w = world_new(LOG_SEGMENT_SIZE_MIN, 8);
        Bytes *b = &w.files[0];
        size_t begin = 0, n = line_at(b, 4, &begin), size = 0;
        LogChain chain = {};
        char forged[LOG_LINE_MAX];
        VerifyReport r;
        LogBody body;

        write_pieces(&w, 0,
                     (Piece[]){ { b->data, begin + n },
                                { b->data + begin, n },
                                { b->data + begin + n, b->size - begin - n } },
                     3);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_ORDER, 5);
        assert_int_equal(r.problems[0].line, 6);

        log_chain_follow(&chain, 5, b->data + begin, n - 1);
        log_body_init(&body, "decision");
        log_body_text(&body, LOG_FIELD_ACCOUNT, "mallory");
        log_body_done(&body);
        assert_int_equal(
                log_line_make(&chain, 0, body.data, body.size, forged, sizeof(forged), &size), 0);
        write_pieces(&w, 0,
                     (Piece[]){ { b->data, begin + n },
                                { forged, size },
                                { b->data + begin + n, b->size - begin - n } },
                     3);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_ORDER, 6);
        assert_int_equal(r.problems[0].line, 7);
        assert_int_equal(r.n_problems, 1);
        world_free(&w);
}

static void a_line_that_is_no_json_is_no_record_whatever_the_chain_says(void **state)
{
        static const char *const bodies[] = {
                "\"event\":\"x\",\"detail\":\"a\"b\"}",
                "\"event\":\"x\",}",
                "\"event\":\"x\"}}",
                "\"event\":\"x\",\"uid\":01}",
                "\"event\":\"x\",\"uid\":}",
                "\"event\":\"x\",\"detail\":\"\\q\"}",
                "\"event\":\"x\",\"detail\":\"\\ud800\"}",
                "\"event\":\"x\",\"detail\":\"\xff\"}",
                "\"event\":\"x\",\"detail\":\"\xed\xa0\x80\"}",
                "\"event\":\"x\" \"uid\":1}",
                "\"event\":\"x\",\"actor\":[\"a\",]}",
                "\"event\":\"x\",\"actor\":[\"a\"}",
        };
        static const char *const good[] = {
                "\"event\":\"x\"}",
                "\"event\":\"x\",\"unknown\":{\"a\":[1.5e3,null,false]},\"y\":-0.5}",
                "\"event\":\"x\",\"actor\":[],\"carried\":true,\"uid\":-7}",
                "\"event\":\"x\",\"detail\":\"\\u00e9\\\"\"}",
        };
        LogChain chain;
        char line[LOG_LINE_MAX];

        for (size_t i = 0; i < ELEMENTSOF(bodies) + ELEMENTSOF(good); i++) {
                const bool is_good = i >= ELEMENTSOF(bodies);
                const char *body = is_good ? good[i - ELEMENTSOF(bodies)] : bodies[i];
                size_t size = 0;
                World w;
                VerifyReport r;

                chain = (LogChain){};
                assert_int_equal(
                        log_line_make(&chain, 0, body, strlen(body), line, sizeof(line), &size), 0);
                w = (World){ .dir = log_dir_new(1000) };
                write_bytes(&w.dir, LOG_ACTIVE_NAME, line, size);
                r = verify_alone(&w);
                /* The first one of a log would be log-created. */
                assert_int_equal(r.n_problems > 0 ? r.problems[0].code : 99,
                                 is_good ? VERIFY_SEGMENT : VERIFY_NO_RECORD);
                world_free(&w);
        }
}

/* ---- segments ----------------------------------------------------------------------------------
 */

/* U03 */
static void a_segment_that_is_missing_is_named(void **state)
{
        World w = world_new(1200, 40);
        VerifyReport r;

        assert_true(w.n_files > 5);
        for (size_t f = 0; f + 2 < w.n_files; f++) {
                assert_int_equal(unlinkat(w.dir.fd, w.files[f].name, 0), 0);
                r = verify_against(&w, &w.head, 1);
                if (f == 0)
                        assert_bad(r, VERIFY_BEGINNING, seq_at(&w.files[1], 0));
                else
                        assert_bad(r, VERIFY_MISSING, seq_at(&w.files[f], 0));
                restore(&w, f);
        }
        /* Under another's name, and the active one gone. */
        write_bytes(&w.dir, w.files[1].name, w.files[2].data, w.files[2].size);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_MISSING, seq_at(&w.files[1], 0));
        restore(&w, 1);
        assert_int_equal(unlinkat(w.dir.fd, LOG_ACTIVE_NAME, 0), 0);
        r = verify_against(&w, &w.head, 1);
        assert_int_equal(r.problems[0].code, VERIFY_CUT);
        world_free(&w);
}

/* U07: two segments in one file have no seam in the chain. */
static void segments_that_are_joined_are_found(void **state)
{
        World w = world_new(1200, 20);
        VerifyReport r;

        write_pieces(&w, 1,
                     (Piece[]){ { w.files[1].data, w.files[1].size },
                                { w.files[2].data, w.files[2].size } },
                     2);
        assert_int_equal(unlinkat(w.dir.fd, w.files[2].name, 0), 0);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_SEGMENT, seq_at(&w.files[2], 0));
        world_free(&w);
}

/* Retention: allowed with its record, and with nothing else. */
static void a_beginning_may_be_missing_that_was_pruned(void **state)
{
        World w = world_new(1200, 20);
        LogStore *s = log_dir_open(&w.dir, NULL, 0);
        const uint64_t third = seq_at(&w.files[2], 0);
        VerifyReport r;
        LogBody b;
        LogEntry e;

        log_body_init(&b, LOG_EVENT_PRUNED);
        log_body_number(&b, LOG_FIELD_FIRST, (int64_t)seq_at(&w.files[1], 0));
        log_body_number(&b, LOG_FIELD_LAST, (int64_t)third - 1);
        log_body_text(&b, LOG_FIELD_SEGMENT, w.files[1].name);
        log_body_done(&b);
        e = (LogEntry){ .body = b.data, .body_size = b.size };
        log_store_append(s, &e, 1);
        log_store_head(s, &w.head);
        log_store_free(s);
        r = verify_against(&w, &w.head, 1);
        assert_whole(&r);
        assert_int_equal(r.pruned_by, 0);

        (void)unlinkat(w.dir.fd, w.files[0].name, 0);
        (void)unlinkat(w.dir.fd, w.files[1].name, 0);
        r = verify_against(&w, &w.head, 1);
        assert_whole(&r);
        assert_int_equal(r.first_seq, third);
        assert_int_equal(r.pruned_by, w.head.chain.seq);

        /* One more than was let go. */
        (void)unlinkat(w.dir.fd, w.files[2].name, 0);
        r = verify_against(&w, &w.head, 1);
        assert_bad(r, VERIFY_BEGINNING, seq_at(&w.files[3], 0));
        world_free(&w);
}

static void sets_that_segment_end_leaves_out_are_found(void **state)
{
        World w = world_new(1200, 6);
        Bytes *b = &w.files[0];
        LogChain chain = {};
        char *all = calloc(1, b->size + LOG_LINE_MAX), *p;
        size_t begin = 0, size = 0, n, used = 0;
        VerifyReport r;

        /* The chain made anew with one set less: what it says about itself no longer fits. */
        for (size_t i = 0; (n = line_at(b, i, &begin)) > 0; i++) {
                _cleanup_free_ char *body = strndup(strstr(b->data + begin, "\"event\""), n);

                *strchr(body, '\n') = '\0';
                p = strstr(body, "\"sets\":[\"");
                if (p)
                        p[10] = p[10] == '1' ? '3' : '1';
                assert_int_equal(log_line_make(&chain, 0, body, strlen(body), all + used,
                                               LOG_LINE_MAX, &size),
                                 0);
                used += size;
        }
        write_bytes(&w.dir, b->name, all, used);
        (void)unlinkat(w.dir.fd, LOG_ACTIVE_NAME, 0);
        r = verify_alone(&w);
        assert_bad(r, VERIFY_SETS, chain.seq);
        free(all);
        world_free(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_log_of_many_segments_is_whole),
                cmocka_unit_test(as_many_threads_as_there_are_say_the_same),
                cmocka_unit_test(a_torn_fragment_that_is_marked_is_whole),
                cmocka_unit_test(a_torn_fragment_may_look_like_a_record),
                cmocka_unit_test(what_log_torn_says_must_fit),
                cmocka_unit_test(the_reserve_replaces_what_was_never_synced),
                cmocka_unit_test(a_log_that_failed_and_was_resumed_is_whole),
                cmocka_unit_test(an_empty_directory_has_no_record),
                cmocka_unit_test(a_flipped_byte_is_found_wherever_it_is),
                cmocka_unit_test(a_log_that_is_cut_at_any_byte_is_found),
                cmocka_unit_test(a_record_that_is_deleted_is_named),
                cmocka_unit_test(records_that_are_swapped_are_named),
                cmocka_unit_test(a_record_that_is_inserted_is_named),
                cmocka_unit_test(a_line_that_is_no_json_is_no_record_whatever_the_chain_says),
                cmocka_unit_test(a_segment_that_is_missing_is_named),
                cmocka_unit_test(segments_that_are_joined_are_found),
                cmocka_unit_test(a_beginning_may_be_missing_that_was_pruned),
                cmocka_unit_test(sets_that_segment_end_leaves_out_are_found),
        };

        if (sodium_init() < 0)
                return EXIT_FAILURE;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
