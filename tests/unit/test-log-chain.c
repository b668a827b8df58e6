/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lines, their chain, their place in files, and heads. */

#include "lib/base/macro.h"
#include "lib/log/head.h"
#include "lib/log/record.h"
#include "lib/log/segment.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

#define T0 INT64_C(1763799304123456)

/* Append a record of this event to text, which has *size bytes. */
static void append(LogChain *chain, const char *event, const char *detail, char *text, size_t *size)
{
        size_t n = 0;
        LogBody b;

        log_body_init(&b, event);
        log_body_text(&b, LOG_FIELD_DETAIL, detail);
        if (streq(event, LOG_EVENT_CREATED))
                log_body_text(&b, LOG_FIELD_LOG, "0123456789abcdef0123456789abcdef");
        log_body_done(&b);
        assert_int_equal(log_line_make(chain, T0, b.data, b.size, text + *size, LOG_LINE_MAX, &n),
                         0);
        *size += n;
}

static void each_line_carries_the_hash_of_the_one_before(void **state)
{
        uint8_t expect[32];
        char text[8192], *p = text;
        size_t size = 0;
        LogChain writer = {}, reader = {};

        append(&writer, LOG_EVENT_CREATED, NULL, text, &size);
        append(&writer, "decision", "a", text, &size);
        append(&writer, "decision", "b", text, &size);
        for (uint64_t seq = 1; seq <= 3; seq++) {
                char *end = strchr(p, '\n');
                LogLine l;

                assert_int_equal(log_line_parse(p, (size_t)(end - p), &l), 0);
                assert_int_equal(l.seq, seq);
                assert_int_equal(l.real_usec, T0);
                assert_int_equal(log_chain_check(&reader, &l), LOG_FOLLOWS);
                log_chain_follow(&reader, l.seq, p, (size_t)(end - p));
                crypto_generichash(expect, sizeof(expect), (const uint8_t *)p, (size_t)(end - p),
                                   NULL, 0);
                assert_memory_equal(reader.hash, expect, sizeof(expect));
                p = end + 1;
                text[size] = '\0';
        }
        assert_memory_equal(&reader, &writer, sizeof(reader));
}

/* U01: every single bit of a line is in the chain. */
static void a_flipped_bit_breaks_the_chain_or_the_line(void **state)
{
        char text[4096];
        size_t size = 0, first;
        LogChain chain = {};

        append(&chain, LOG_EVENT_CREATED, NULL, text, &size);
        first = size;
        append(&chain, "decision", "somebody", text, &size);
        for (size_t bit = 0; bit < 8 * (first - 1); bit++) {
                LogChain seen = {};
                LogLine l, next;

                text[bit / 8] ^= (char)(1 << bit % 8);
                if (log_line_parse(text, first - 1, &l) == 0 &&
                    log_chain_check(&seen, &l) == LOG_FOLLOWS) {
                        log_chain_follow(&seen, l.seq, text, first - 1);
                        assert_int_equal(log_line_parse(text + first, size - first - 1, &next), 0);
                        assert_int_equal(log_chain_check(&seen, &next), LOG_E_CHAIN);
                }
                text[bit / 8] ^= (char)(1 << bit % 8);
        }
}

static void a_missing_record_is_a_wrong_sequence(void **state)
{
        char text[4096];
        size_t size = 0;
        LogChain chain = {}, reader = {};
        LogLine l;

        append(&chain, LOG_EVENT_CREATED, NULL, text, &size);
        size = 0;
        append(&chain, "decision", NULL, text, &size);
        assert_int_equal(log_line_parse(text, size - 1, &l), 0);
        assert_int_equal(log_chain_check(&reader, &l), LOG_E_SEQUENCE);
}

static void lines_that_do_not_begin_and_end_as_records_are_refused(void **state)
{
        static const char good[] =
                "{\"seq\":12,\"time\":\"2025-11-22T08:15:04.123456Z\",\"prev\":"
                "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
                "\"event\":\"decision\",\"uid\":-5,\"why\":\"a \\\"b\\\" "
                "]},\",\"actor\":[\"x]\\\"\","
                "\"y\"],\"pid\":7}";
        static const struct {
                const char *from, *to;
        } changes[] = {
                { "{\"seq\":12", " {\"seq\":12" },
                { "12", "012" },
                { "12", "0" },
                { "12", "-1" },
                { "12", "" },
                { "12", "1.0" },
                { "12", "9007199254740992" },
                { "12", "1e3" },
                { "08:15", "8:15" },
                { "0123", "ABCD" },
                { "0123", "123" },
                { "\"event\"", "\"evenr\"" },
                { "\"pid\":7}", "\"pid\":7" },
                { "\"pid\":7}", "" },
                { "\"a ", "\"a\n" },
                { "\"pid\":7}", "\"pid\":7} " },
                { "\"a ", "\"a\x01" },
                { "prev", "perv" },
        };
        LogLine l = {};

        assert_int_equal(log_line_parse(good, strlen(good), &l), 0);
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                const char *at = strstr(good, changes[i].from);
                char text[1024];

                (void)snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good,
                               changes[i].to, at + strlen(changes[i].from));
                if (log_line_parse(text, strlen(text), &l) != -EBADMSG)
                        fail_msg("taken: %s", text);
        }
        for (size_t size = 0; size < strlen(good); size++)
                if (size == 0 || good[size - 1] != '}')
                        assert_int_equal(log_line_parse(good, size, &l), -EBADMSG);
        assert_int_equal(l.seq, 12);
}

static void members_are_found_at_their_own_level_only(void **state)
{
        static const char line[] =
                "{\"seq\":12,\"time\":\"2025-11-22T08:15:04.123456Z\",\"prev\":"
                "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\","
                "\"event\":\"decision\",\"uid\":-5,\"why\":\"\\\",\\\"grant\\\":\\\"g-evil\","
                "\"actor\":"
                "[\"grant\",\"]\"],\"until\":9223372036854775808,\"pid\":7}";
        size_t size = 0;
        int64_t n = 0;
        LogLine l;

        assert_int_equal(log_line_parse(line, strlen(line), &l), 0);
        assert_int_equal(l.event_size, 8);
        assert_null(log_line_text(&l, LOG_FIELD_GRANT, &size));
        assert_non_null(log_line_text(&l, LOG_FIELD_WHY, &size));
        assert_int_equal(size, strlen("\\\",\\\"grant\\\":\\\"g-evil"));
        assert_null(log_line_text(&l, LOG_FIELD_UID, &size));
        assert_int_equal(log_line_number(&l, LOG_FIELD_UID, &n), 0);
        assert_int_equal(n, -5);
        assert_int_equal(log_line_number(&l, LOG_FIELD_PID, &n), 0);
        assert_int_equal(n, 7);
        assert_int_equal(log_line_number(&l, LOG_FIELD_UNTIL, &n), -ENOENT);
        assert_int_equal(log_line_number(&l, LOG_FIELD_WHY, &n), -ENOENT);
        assert_int_equal(log_line_number(&l, LOG_FIELD_COUNT, &n), -ENOENT);
        /* Whatever stands there, nothing is read beyond the line (ASan). */
        for (size_t cut = strlen(line); cut > 150; cut--) {
                char *copy = malloc(cut);

                memcpy(copy, line, cut);
                copy[cut - 1] = '}';
                if (log_line_parse(copy, cut, &l) == 0)
                        for (int f = 0; f < LOG_FIELD_N; f++) {
                                (void)log_line_text(&l, (LogField)f, &size);
                                (void)log_line_number(&l, (LogField)f, &n);
                        }
                free(copy);
        }
}

static void the_chain_ends_where_numbers_stop_being_exact(void **state)
{
        LogChain chain = { .seq = LOG_SEQ_MAX - 1 };
        char text[LOG_LINE_MAX];
        size_t size = 0;

        assert_int_equal(log_line_make(&chain, T0, "}", 1, text, sizeof(text), &size), 0);
        assert_int_equal(chain.seq, LOG_SEQ_MAX);
        assert_int_equal(log_line_make(&chain, T0, "}", 1, text, sizeof(text), &size), -EOVERFLOW);
        assert_int_equal(chain.seq, LOG_SEQ_MAX);
}

static void a_line_needs_its_room_and_no_more(void **state)
{
        LogChain chain = {};
        char text[LOG_PREFIX_MAX + 1];
        size_t size = 0;

        assert_int_equal(log_line_make(&chain, T0, "}", 1, text, LOG_PREFIX_MAX, &size), -ENOBUFS);
        assert_int_equal(chain.seq, 0);
        assert_int_equal(log_line_make(&chain, T0, "}", 1, text, LOG_PREFIX_MAX + 1, &size), 0);
}

/* ---- files ------------------------------------------------------------------------------------
 */

static void names_of_files_are_read_as_they_are_written(void **state)
{
        static const char *const strangers[] = {
                "decisions-1.log",
                "decisions-00000000000000000000.log",
                "decisions-00000000000000000001.log.gz",
                "decisions-00000000000000000001.log.zst.tmp",
                "decisions-99999999999999999999.log",
                "decisions-0000000000000000000a.log",
                "decisions.log~",
                "",
        };
        char name[LOG_NAME_SIZE + 1];
        uint64_t seq = 0;

        for (LogFileKind k = LOG_FILE_CLOSED; k <= LOG_FILE_SETS; k++) {
                log_name_format(k, 12345, name);
                assert_int_equal(log_name_parse(name, &seq), k);
                assert_int_equal(seq, 12345);
        }
        log_name_format(LOG_FILE_COMPRESSED, LOG_SEQ_MAX, name);
        assert_int_equal(strlen(name), LOG_NAME_SIZE);
        assert_int_equal(log_name_parse(LOG_ACTIVE_NAME, &seq), LOG_FILE_ACTIVE);
        assert_int_equal(log_name_parse(LOG_RESERVE_NAME, &seq), LOG_FILE_RESERVE);
        for (size_t i = 0; i < ELEMENTSOF(strangers); i++)
                assert_int_equal(log_name_parse(strangers[i], &seq), LOG_FILE_NONE);
}

static void touch(int dir, const char *name)
{
        int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        (void)close(fd);
}

static void segments_are_listed_in_the_order_of_their_records(void **state)
{
        static const char *const files[] = {
                "reserve.log",
                "decisions.log",
                "decisions-00000000000000000300.log.zst",
                "decisions-00000000000000000300.log",
                "decisions-00000000000000000001.log.zst",
                "decisions-00000000000000000001.sets",
                "decisions-00000000000000001000.log",
                "notes.txt",
        };
        static const char *const order[] = {
                "decisions-00000000000000000001.log.zst",
                "decisions-00000000000000000300.log",
                "decisions-00000000000000001000.log",
                "decisions.log",
                "reserve.log",
        };
        char dir[] = "/tmp/nhi-test-log.XXXXXX";
        LogSegments s = {};
        int fd;

        assert_non_null(mkdtemp(dir));
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(log_segments_list(fd, &s), 0);
        assert_int_equal(s.n, 0);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                touch(fd, files[i]);
        assert_int_equal(log_segments_list(fd, &s), 0);
        assert_int_equal(s.n, ELEMENTSOF(order));
        for (size_t i = 0; i < s.n; i++)
                assert_string_equal(s.items[i].name, order[i]);
        assert_int_equal(s.items[2].first_seq, 1000);
        log_segments_done(&s);
        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                (void)unlinkat(fd, files[i], 0);
        (void)close(fd);
        assert_int_equal(rmdir(dir), 0);
}

/* ---- tails ------------------------------------------------------------------------------------
 */

#define ROOM (LOG_TORN_MAX + 64 * 1024)

typedef struct Tape {
        char *data; /* ROOM bytes, NUL where nothing was written */
        size_t size;
        LogChain chain;
} Tape;

static Tape tape_new(unsigned n)
{
        Tape t = { .data = calloc(1, ROOM) };

        assert_non_null(t.data);
        append(&t.chain, LOG_EVENT_CREATED, NULL, t.data, &t.size);
        for (unsigned i = 1; i < n; i++)
                append(&t.chain, "decision", "a", t.data, &t.size);
        return t;
}

static void a_clean_tail_is_its_last_record(void **state)
{
        Tape t = tape_new(5);
        LogTail tail;

        for (size_t size = t.size; size < t.size + 4; size++) {
                assert_int_equal(log_tail_find(t.data, size, &tail), 0);
                assert_int_equal(tail.records_size, t.size);
                assert_int_equal(tail.fragment_size, 0);
                assert_memory_equal(&tail.chain, &t.chain, sizeof(t.chain));
                assert_int_equal(tail.first_seq, 1);
                assert_string_equal(tail.log_id, "0123456789abcdef0123456789abcdef");
                assert_false(tail.is_ended);
        }
        append(&t.chain, LOG_EVENT_SEGMENT_END, NULL, t.data, &t.size);
        assert_int_equal(log_tail_find(t.data, ROOM, &tail), 0);
        assert_true(tail.is_ended);
        assert_int_equal(log_tail_find(t.data, 0, &tail), 0);
        assert_int_equal(tail.chain.seq, 0);
        free(t.data);
}

/* U05: of the last record every number of bytes may have arrived. */
static void a_tail_torn_at_any_byte_is_a_fragment(void **state)
{
        Tape t = tape_new(3);
        const LogChain before = t.chain;
        const size_t whole = t.size;
        LogTail tail;

        append(&t.chain, "decision", "the last one", t.data, &t.size);
        for (size_t size = t.size - 1; size > whole; size--) {
                t.data[size] = '\0';
                assert_int_equal(log_tail_find(t.data, ROOM, &tail), 0);
                assert_int_equal(tail.records_size, whole);
                assert_int_equal(tail.fragment_size, size - whole);
                assert_memory_equal(&tail.chain, &before, sizeof(before));
        }
        free(t.data);
}

/* Blocks reach a disk in any order: what was written later may be there, and before it a hole. */
static void a_hole_makes_everything_behind_it_a_fragment(void **state)
{
        Tape t = tape_new(2);
        const size_t whole = t.size;
        const LogChain before = t.chain;
        LogTail tail;

        append(&t.chain, "decision", "gone", t.data, &t.size);
        for (unsigned i = 0; i < 20; i++)
                append(&t.chain, "decision", "there", t.data, &t.size);
        memset(t.data + whole + 10, 0, 64);
        assert_int_equal(log_tail_find(t.data, ROOM, &tail), 0);
        assert_int_equal(tail.records_size, whole);
        assert_int_equal(tail.fragment_size, t.size - whole);
        assert_memory_equal(&tail.chain, &before, sizeof(before));
        log_fragment_settle(t.data + whole, tail.fragment_size);
        assert_null(memchr(t.data + whole, '\n', tail.fragment_size));
        assert_null(memchr(t.data + whole, '\0', tail.fragment_size));
        free(t.data);
}

static void a_fragment_longer_than_what_is_written_at_once_is_damage(void **state)
{
        Tape t = tape_new(2);
        LogTail tail = { .first_seq = 77 };

        memset(t.data + t.size, 'x', LOG_TORN_MAX);
        assert_int_equal(log_tail_find(t.data, ROOM, &tail), 0);
        assert_int_equal(tail.fragment_size, LOG_TORN_MAX);
        tail.first_seq = 77;
        t.data[t.size + LOG_TORN_MAX] = 'x';
        assert_int_equal(log_tail_find(t.data, ROOM, &tail), -EBADMSG);
        assert_int_equal(tail.first_seq, 77);
        free(t.data);
}

static void a_last_line_that_is_no_record_is_damage(void **state)
{
        Tape t = tape_new(2);
        LogTail tail;

        memcpy(t.data + t.size, "nonsense\n", 9);
        assert_int_equal(log_tail_find(t.data, ROOM, &tail), -EBADMSG);
        free(t.data);
}

/* ---- heads ------------------------------------------------------------------------------------
 */

static LogHead sample_head(void)
{
        LogHead h = { .chain = { .seq = 41 }, .real_usec = T0 };

        memcpy(h.log_id, "0123456789abcdef0123456789abcdef", 33);
        memcpy(h.host, "web1.example.org", 17);
        memset(h.chain.hash, 0xab, sizeof(h.chain.hash));
        return h;
}

static void heads_round_trip(void **state)
{
        char text[LOG_HEAD_TEXT_MAX + 1], more[LOG_HEAD_TEXT_MAX + 2];
        LogHead h = sample_head(), again = {};
        json_t *o;

        assert_int_equal(log_head_format(&h, text), 0);
        o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_integer_value(json_object_get(o, "seq")), 41);
        json_decref(o);
        assert_int_equal(log_head_parse(text, strlen(text), &again), 0);
        assert_memory_equal(&h.chain, &again.chain, sizeof(h.chain));
        assert_string_equal(h.host, again.host);
        assert_string_equal(h.log_id, again.log_id);
        assert_int_equal(h.real_usec, again.real_usec);
        (void)snprintf(more, sizeof(more), "%s\n", text);
        assert_int_equal(log_head_parse(more, strlen(more), &again), 0);
        memset(h.host, 'h', LOG_HOST_MAX);
        h.chain.seq = LOG_SEQ_MAX;
        assert_int_equal(log_head_format(&h, text), 0);
        assert_int_equal(log_head_parse(text, strlen(text), &again), 0);
        memcpy(h.host, "a\"b", 4);
        assert_int_equal(log_head_format(&h, text), -EINVAL);
        h.host[0] = '\0';
        assert_int_equal(log_head_format(&h, text), -EINVAL);
}

static void other_spellings_of_a_head_are_refused(void **state)
{
        static const struct {
                const char *from, *to;
        } changes[] = {
                { "41", "041" },
                { "41", "+41" },
                { "41", " 41" },
                { "41", "4.1" },
                { "{", " {" },
                { "}", "}}" },
                { "\"}", "\",\"x\":1}" },
                { "abab", "ABAB" },
                { "seq", "sep" },
                { "\"log\"", "\"lag\"" },
                { "web1", "web 1" },
                { "web1", "w\\u0065b1" },
                { "41", "99999999999999999" },
                { "0123", "012" },
        };
        char text[LOG_HEAD_TEXT_MAX + 1];
        LogHead h = sample_head();

        assert_int_equal(log_head_format(&h, text), 0);
        for (size_t size = 0; size < strlen(text); size++)
                assert_int_equal(log_head_parse(text, size, &h), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                const char *at = strstr(text, changes[i].from);
                char other[2 * LOG_HEAD_TEXT_MAX];

                (void)snprintf(other, sizeof(other), "%.*s%s%s", (int)(at - text), text,
                               changes[i].to, at + strlen(changes[i].from));
                assert_int_equal(log_head_parse(other, strlen(other), &h), -EBADMSG);
        }
        assert_int_equal(log_head_parse("a\0b", 3, &h), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_line_carries_the_hash_of_the_one_before),
                cmocka_unit_test(a_flipped_bit_breaks_the_chain_or_the_line),
                cmocka_unit_test(a_missing_record_is_a_wrong_sequence),
                cmocka_unit_test(lines_that_do_not_begin_and_end_as_records_are_refused),
                cmocka_unit_test(members_are_found_at_their_own_level_only),
                cmocka_unit_test(the_chain_ends_where_numbers_stop_being_exact),
                cmocka_unit_test(a_line_needs_its_room_and_no_more),
                cmocka_unit_test(names_of_files_are_read_as_they_are_written),
                cmocka_unit_test(segments_are_listed_in_the_order_of_their_records),
                cmocka_unit_test(a_clean_tail_is_its_last_record),
                cmocka_unit_test(a_tail_torn_at_any_byte_is_a_fragment),
                cmocka_unit_test(a_hole_makes_everything_behind_it_a_fragment),
                cmocka_unit_test(a_fragment_longer_than_what_is_written_at_once_is_damage),
                cmocka_unit_test(a_last_line_that_is_no_record_is_damage),
                cmocka_unit_test(heads_round_trip),
                cmocka_unit_test(other_spellings_of_a_head_are_refused),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests_name("log-chain", tests, NULL, NULL);
}
