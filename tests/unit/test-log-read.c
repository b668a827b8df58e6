/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/print.h"
#include "nhictl/log/reader.h"
#include "tests/unit/log-fixture.h"

#include "nhictl/log/plain.h"

#include <zstd.h>

/* A record of an account, with what a test wants of it. */
typedef struct Wanted {
        const char *event, *account, *class, *service, *verdict, *grant, *subject, *detail;
        const char *actors[3];
        size_t n_actors;
} Wanted;

static void append(LogStore *s, const Wanted *w)
{
        LogBody b;
        LogEntry e;

        log_body_init(&b, w->event ?: "decision");
        log_body_text(&b, LOG_FIELD_ACCOUNT, w->account);
        log_body_text(&b, LOG_FIELD_CLASS, w->class);
        log_body_text(&b, LOG_FIELD_SERVICE, w->service);
        log_body_text(&b, LOG_FIELD_VERDICT, w->verdict);
        log_body_text(&b, LOG_FIELD_GRANT, w->grant);
        log_body_text(&b, LOG_FIELD_SUBJECT, w->subject);
        log_body_texts(&b, LOG_FIELD_ACTOR, w->actors, w->n_actors);
        log_body_text(&b, LOG_FIELD_DETAIL, w->detail);
        log_body_done(&b);
        e = (LogEntry){ .body = b.data, .body_size = b.size };
        log_store_append(s, &e, 1);
        assert_int_equal(e.r, 0);
}

static void append_account(LogStore *s, const char *account)
{
        append(s, &(Wanted){ .account = account });
}

/* Of all that is left: the details or accounts, joined. */
typedef struct Seen {
        char texts[512];
        size_t n, n_bad;
        uint64_t first, last; /* seq */
        char wrong[160], file[64];
        uint64_t after_seq;
} Seen;

static Seen read_on(LogReader *r)
{
        Seen seen = {};
        LogRecord record;
        int e;

        while ((e = log_reader_next(r, &record)) != LOG_READER_END) {
                const char *text;

                assert_true(e == 0 || e == LOG_READER_BAD);
                if (e == LOG_READER_BAD) {
                        seen.n_bad++;
                        snprintf(seen.wrong, sizeof(seen.wrong), "%s", record.wrong);
                        snprintf(seen.file, sizeof(seen.file), "%s", record.file);
                        seen.after_seq = record.after_seq;
                        continue;
                }
                text = json_string_value(json_object_get(record.json, "account"));
                if (text && strlen(seen.texts) + strlen(text) + 2 < sizeof(seen.texts)) {
                        strcat(seen.texts, seen.texts[0] ? " " : "");
                        strcat(seen.texts, text);
                }
                seen.first = seen.n == 0 ? record.head.seq : seen.first;
                seen.last = record.head.seq;
                seen.n++;
        }
        return seen;
}

static Seen read_all(const LogDir *d, const LogFilter *f)
{
        LogReader *r = NULL;
        Seen seen;

        assert_int_equal(log_reader_open(d->path, f, &r), 0);
        seen = read_on(r);
        log_reader_free(r);
        return seen;
}

/* ---- filters -----------------------------------------------------------------------------------
 */

static void each_filter_takes_what_it_names_and_nothing_else(void **state)
{
        static const char *events[] = { "denial", "session-end" };
        static const struct {
                LogFilter filter;
                const char *accounts;
        } cases[] = {
                { {}, "a b c d" },
                { { .account = "b" }, "b" },
                { { .account = "B" }, "" },
                { { .grant = "g-1" }, "a c" },
                { { .grant = "g" }, "" },
                { { .verdict = "deny" }, "b" },
                { { .service = "sudo" }, "b c" },
                { { .service = "sudo-i" }, "c" },
                { { .actor = "agent:bot" }, "c" },
                { { .actor = "ci" }, "c d" },
                { { .actor = "agent" }, "" },
                { { .events = { events, 2 } }, "b d" },
                { { .events = { events, 1 } }, "b" },
                { { .grant = "g-1", .service = "sudo" }, "c" },
                { { .seq_first = 3, .seq_last = 4 }, "b c" },
                { { .seq_first = 5 }, "d" },
                { { .seq_last = 2 }, "a" },
                { { .seq_first = 6 }, "" },
        };
        LogDir d = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        LogStore *s = log_dir_open(&d, NULL, 0);

        append(s, &(Wanted){ .account = "a", .grant = "g-1", .class = "ssh", .service = "sshd" });
        append(s,
               &(Wanted){ .event = "denial", .account = "b", .verdict = "deny", .class = "sudo" });
        append(s, &(Wanted){ .account = "c",
                             .grant = "g-1",
                             .class = "sudo",
                             .service = "sudo-i",
                             .actors = { "agent:bot", "ci" },
                             .n_actors = 2 });
        append(s, &(Wanted){ .event = "session-end", .account = "d", .subject = "ci" });
        log_store_free(s);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Seen seen = read_all(&d, &cases[i].filter);

                if (!streq(seen.texts, cases[i].accounts))
                        fail_msg("filter %zu: \"%s\", not \"%s\"", i, seen.texts,
                                 cases[i].accounts);
                assert_int_equal(seen.n_bad, 0);
        }
        log_dir_free(&d);
}

/* A text that needs an escape is found by what it means. */
static void a_filter_compares_texts_and_not_their_encoding(void **state)
{
        LogDir d = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        LogStore *s = log_dir_open(&d, NULL, 0);

        append_account(s, "CORP\\\"x\"\n");
        append_account(s, "j\xc3\xb6rg");
        log_store_free(s);
        assert_int_equal(read_all(&d, &(LogFilter){ .account = "CORP\\\"x\"\n" }).n, 1);
        assert_int_equal(read_all(&d, &(LogFilter){ .account = "j\xc3\xb6rg" }).n, 1);
        log_dir_free(&d);
}

static void a_range_of_records_is_read_as_it_is_written(void **state)
{
        static const struct {
                const char *text;
                uint64_t first, last;
        } good[] = { { "7", 7, 7 },    { "7..9", 7, 9 },
                     { "7..7", 7, 7 }, { "7..", 7, 0 },
                     { "..9", 0, 9 },  { "9007199254740991", LOG_SEQ_MAX, LOG_SEQ_MAX } };
        static const char *const wrong[] = { "",     "0",   "..",   "9..7",
                                             "a",    "7.9", "7..x", "0..4",
                                             "7..0", "-1",  "7 ",   "9007199254740992" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                LogFilter f = {};

                assert_int_equal(log_filter_parse_seq(good[i].text, &f), 0);
                assert_int_equal(f.seq_first, good[i].first);
                assert_int_equal(f.seq_last, good[i].last);
        }
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                LogFilter f = {};

                if (log_filter_parse_seq(wrong[i], &f) != -EINVAL)
                        fail_msg("\"%s\" is no range", wrong[i]);
        }
}

/* ---- segments of chosen times ------------------------------------------------------------------
 */

#define HOUR (INT64_C(3600) * 1000000)
#define T0   (INT64_C(1763760000) * 1000000)

/* A log that is written by hand, at times of the test's. */
typedef struct Hand {
        LogDir dir;
        LogChain chain;
        char data[64 * 1024];
        size_t size;
        uint64_t first_seq; /* of the segment */
} Hand;

static void hand_line(Hand *h, int64_t usec, const LogBody *b)
{
        size_t n = 0;

        if (h->size == 0)
                h->first_seq = h->chain.seq + 1;
        assert_int_equal(log_line_make(&h->chain, usec, b->data, b->size, h->data + h->size,
                                       sizeof(h->data) - h->size, &n),
                         0);
        h->size += n;
}

static void hand_event(Hand *h, int64_t usec, const char *event, const char *account)
{
        LogBody b;

        log_body_init(&b, event);
        log_body_text(&b, LOG_FIELD_ACCOUNT, account);
        log_body_done(&b);
        hand_line(h, usec, &b);
}

static void write_file(const LogDir *d, const char *name, const void *data, size_t size)
{
        const int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, data, size), 0);
        (void)close(fd);
}

static void hand_close(Hand *h, LogFileKind kind)
{
        char name[LOG_NAME_SIZE + 1] = LOG_ACTIVE_NAME;
        char packed[ZSTD_COMPRESSBOUND(sizeof(h->data))];
        size_t n = 0;

        if (kind != LOG_FILE_ACTIVE)
                log_name_format(kind, h->first_seq, name);
        if (kind == LOG_FILE_COMPRESSED)
                n = ZSTD_compress(packed, sizeof(packed), h->data, h->size, 3);
        write_file(&h->dir, name, n > 0 ? packed : h->data, n > 0 ? n : h->size);
        h->size = 0;
}

static Hand *hand_new(void)
{
        Hand *h = calloc(1, sizeof(*h));

        assert_non_null(h);
        h->dir = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        return h;
}

static void hand_free(Hand *h)
{
        log_dir_free(&h->dir);
        free(h);
}

/* Twelve hours, two to a segment: .zst, .log and the active one in turns. */
static Hand *hand_of_hours(void)
{
        Hand *h = hand_new();

        for (int i = 0; i < 12; i++) {
                char account[16];

                if (i % 2 == 0)
                        hand_event(h, T0 + i * HOUR, i > 0 ? "segment" : "log-created", NULL);
                (void)snprintf(account, sizeof(account), "h%d", i);
                hand_event(h, T0 + i * HOUR, "decision", account);
                if (i % 2 == 1)
                        hand_close(h, i == 11  ? LOG_FILE_ACTIVE
                                      : i <= 5 ? LOG_FILE_COMPRESSED
                                               : LOG_FILE_CLOSED);
        }
        return h;
}

static void a_window_is_from_its_first_usec_to_before_its_last(void **state)
{
        static const char *const events[] = { "decision" };
        Hand *h = hand_of_hours();
        LogFilter f = { .events = { (const char **)(uintptr_t)events, 1 } };

        f.since_usec = T0 + 3 * HOUR;
        f.until_usec = T0 + 7 * HOUR;
        assert_string_equal(read_all(&h->dir, &f).texts, "h3 h4 h5 h6");
        f.since_usec++;
        f.until_usec++;
        assert_string_equal(read_all(&h->dir, &f).texts, "h4 h5 h6 h7");
        f.since_usec = T0 + 11 * HOUR;
        f.until_usec = 0;
        assert_string_equal(read_all(&h->dir, &f).texts, "h11");
        f.since_usec = 0;
        f.until_usec = T0;
        assert_string_equal(read_all(&h->dir, &f).texts, "");
        hand_free(h);
}

/* A segment that is passed over may be damaged. */
static void what_lies_outside_the_window_is_not_even_read(void **state)
{
        Hand *h = hand_of_hours();
        LogFilter f = { .since_usec = T0 + 9 * HOUR + 1 };
        char name[LOG_NAME_SIZE + 1];
        int fd;

        log_name_format(LOG_FILE_CLOSED, 10, name);
        fd = openat(h->dir.fd, name, O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fd_write_all(fd, "no record\n", 10), 0);
        (void)close(fd);
        assert_int_equal(read_all(&h->dir, &f).n_bad, 0);
        assert_int_equal(read_all(&h->dir, &(LogFilter){ .seq_first = 13 }).n_bad, 0);
        assert_int_equal(read_all(&h->dir, &(LogFilter){ .seq_last = 9 }).n_bad, 0);
        f.since_usec = T0 + 7 * HOUR;
        assert_int_equal(read_all(&h->dir, &f).n_bad, 1);
        assert_int_equal(read_all(&h->dir, &(LogFilter){ .seq_first = 12 }).n_bad, 1);
        hand_free(h);
}

/* What could not be written in its time is found by its time all the same. */
static void a_record_that_was_carried_is_found_by_when_it_happened(void **state)
{
        LogFilter f = { .since_usec = T0 + 2 * HOUR, .until_usec = T0 + 3 * HOUR };
        Hand *h = hand_new();
        LogBody b, carried;

        hand_event(h, T0, "log-created", NULL);
        hand_event(h, T0 + 2 * HOUR, "decision", "before");
        hand_close(h, LOG_FILE_CLOSED);
        hand_event(h, T0 + 9 * HOUR, "segment", NULL);
        hand_event(h, T0 + 9 * HOUR, "log-resumed", NULL);
        log_body_init(&b, "exemption");
        log_body_text(&b, LOG_FIELD_ACCOUNT, "root");
        log_body_done(&b);
        assert_int_equal(log_body_carry(b.data, b.size, T0 + 2 * HOUR + 1, &carried), 0);
        hand_line(h, T0 + 9 * HOUR, &carried);
        hand_close(h, LOG_FILE_CLOSED);
        hand_event(h, T0 + 10 * HOUR, "segment", NULL);
        hand_close(h, LOG_FILE_ACTIVE);
        assert_string_equal(read_all(&h->dir, &f).texts, "before root");
        hand_free(h);
}

/* ---- damage ------------------------------------------------------------------------------------
 */

static void a_line_that_is_no_record_is_named_and_the_rest_is_shown(void **state)
{
        static const char *const bad[] = { "", "no record", "{\"seq\":1}",
                                           "\x1b[2J{\"seq\":2,\"time\":\"2025" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Hand *h = hand_new();
                Seen seen;

                hand_event(h, T0, "log-created", NULL);
                hand_event(h, T0, "decision", "a");
                h->size += (size_t)sprintf(h->data + h->size, "%s\n", bad[i]);
                hand_event(h, T0, "decision", "b");
                hand_close(h, LOG_FILE_ACTIVE);
                seen = read_all(&h->dir, NULL);
                assert_string_equal(seen.texts, "a b");
                assert_int_equal(seen.n_bad, 1);
                assert_int_equal(seen.after_seq, 2);
                assert_string_equal(seen.file, LOG_ACTIVE_NAME);
                hand_free(h);
        }
}

static void a_line_that_only_looks_like_a_record_is_named(void **state)
{
        Hand *h = hand_new();
        Seen seen;
        char *p;

        hand_event(h, T0, "log-created", NULL);
        hand_event(h, T0, "decision", "a");
        hand_event(h, T0, "decision", "b");
        p = strstr(h->data, "\"account\":\"a\"");
        assert_non_null(p);
        memcpy(p, "\"account\":x\"a", 12);
        hand_close(h, LOG_FILE_ACTIVE);
        seen = read_all(&h->dir, NULL);
        assert_string_equal(seen.texts, "b");
        assert_int_equal(seen.n_bad, 1);
        assert_non_null(strstr(seen.wrong, "JSON"));
        hand_free(h);
}

/* A fragment that the next record owns up to is a crash's, and no news. */
static void a_torn_fragment_is_no_bad_line_but_another_one_is(void **state)
{
        for (int is_honest = 0; is_honest < 2; is_honest++) {
                static const char torn[] = "{\"seq\":3,\"ti";
                char text[LOG_HASH_TEXT_SIZE + 1];
                uint8_t hash[LOG_HASH_SIZE];
                Hand *h = hand_new();
                LogBody b;

                hand_event(h, T0, "log-created", NULL);
                h->size += (size_t)sprintf(h->data + h->size, "%s\n", torn);
                log_hash(torn, is_honest ? strlen(torn) : 3, hash);
                log_hash_format(hash, text);
                log_body_init(&b, LOG_EVENT_TORN);
                log_body_number(&b, LOG_FIELD_TORN_BYTES, (int64_t)strlen(torn));
                log_body_text(&b, LOG_FIELD_TORN_HASH, text);
                log_body_done(&b);
                hand_line(h, T0, &b);
                hand_close(h, LOG_FILE_ACTIVE);
                assert_int_equal(read_all(&h->dir, NULL).n_bad, !is_honest);
                assert_int_equal(read_all(&h->dir, NULL).n, 2);
                hand_free(h);
        }
}

static void a_damaged_compressed_segment_is_named_and_the_next_is_read(void **state)
{
        Hand *h = hand_of_hours();
        char name[LOG_NAME_SIZE + 1];
        Seen seen;

        log_name_format(LOG_FILE_COMPRESSED, 4, name);
        write_file(&h->dir, name, "\x28\xb5\x2f\xfd garbage", 12);
        seen = read_all(&h->dir, NULL);
        assert_string_equal(seen.texts, "h0 h1 h4 h5 h6 h7 h8 h9 h10 h11");
        assert_int_equal(seen.n_bad, 1);
        assert_string_equal(seen.file, name);
        hand_free(h);
}

static void a_directory_that_is_none_or_holds_none_is_said(void **state)
{
        LogDir d = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        LogReader *r = NULL;
        LogRecord record;

        assert_int_equal(log_reader_open("/nonexistent", NULL, &r), -ENOENT);
        assert_null(r);
        assert_int_equal(log_reader_open(d.path, NULL, &r), 0);
        assert_true(log_reader_is_empty(r));
        assert_int_equal(log_reader_next(r, &record), LOG_READER_END);
        log_reader_free(r);
        log_dir_free(&d);
}

/* ---- following ---------------------------------------------------------------------------------
 */

static void what_is_written_later_comes_later(void **state)
{
        LogDir d = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        LogStore *s = log_dir_open(&d, NULL, 0);
        LogReader *r = NULL;

        append_account(s, "a");
        assert_int_equal(log_reader_open(d.path, NULL, &r), 0);
        assert_string_equal(read_on(r).texts, "a");
        assert_string_equal(read_on(r).texts, "");
        append_account(s, "b");
        assert_int_equal(log_reader_wait(r, 60 * USEC_PER_SEC), 0); /* at once: else a minute */
        assert_string_equal(read_on(r).texts, "b");
        log_reader_free(r);
        log_store_free(s);
        log_dir_free(&d);
}

/* N1: however often it was rotated meanwhile, and whatever was compressed of it. */
static void each_record_comes_once_over_rotations(void **state)
{
        LogDir d = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        LogStore *s = log_dir_open(&d, NULL, 0);
        LogReader *r = NULL;
        uint64_t last = 0;
        char account[16];
        LogHead head;

        assert_int_equal(log_reader_open(d.path, NULL, &r), 0);
        for (int i = 0; i < 60; i++) {
                (void)snprintf(account, sizeof(account), "a%d", i);
                append_account(s, account);
                for (int k = 0; k < i % 4; k++)
                        assert_int_equal(log_store_rotate(s), 0);
                if (i % 3 == 0) {
                        const Seen seen = read_on(r);

                        log_store_head(s, &head);
                        assert_int_equal(seen.first, last + 1);
                        assert_int_equal(seen.n, seen.last - last);
                        assert_int_equal(seen.last, head.chain.seq);
                        assert_int_equal(seen.n_bad, 0);
                        last = seen.last;
                }
        }
        log_reader_free(r);
        log_store_free(s);
        log_dir_free(&d);
}

/* Break-glass in the reserve, and then what an administrator's resume makes of it. */
static void the_reserve_and_a_resume_are_followed(void **state)
{
        LogDir d = log_dir_new(LOG_SEGMENT_SIZE_MIN);
        LogStore *s = log_dir_open(&d, NULL, 0);
        LogReader *r = NULL;
        Seen seen;

        append_account(s, "a");
        log_store_free(s);
        s = log_dir_open(&d, NULL, -EIO);
        assert_int_equal(log_reader_open(d.path, NULL, &r), 0);
        assert_string_equal(read_on(r).texts, "a");
        assert_int_equal(append_text(s, "decision", "sealed", NULL, true), 0);
        seen = read_on(r);
        assert_true(seen.n >= 1);
        assert_int_equal(resume_log(s), 0);
        append_account(s, "b");
        seen = read_on(r);
        assert_string_equal(seen.texts, "b");
        assert_int_equal(seen.n_bad, 0);
        assert_int_equal(seen.last - seen.first + 1, seen.n);
        log_reader_free(r);
        log_store_free(s);
        log_dir_free(&d);
}

/* Only whole lines, while a record is written byte by byte. */
static void half_a_record_is_not_shown(void **state)
{
        Hand *h = hand_new();
        LogReader *r = NULL;
        size_t whole;
        int fd;

        hand_event(h, T0, "log-created", NULL);
        whole = h->size;
        hand_event(h, T0, "decision", "a");
        fd = openat(h->dir.fd, LOG_ACTIVE_NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, 65536), 0);
        assert_int_equal(pwrite(fd, h->data, whole, 0), whole);
        assert_int_equal(log_reader_open(h->dir.path, NULL, &r), 0);
        assert_int_equal(read_on(r).n, 1);
        for (size_t i = whole; i + 1 < h->size; i += 7) {
                const size_t n = h->size - 1 - i < 7 ? h->size - 1 - i : 7;

                assert_int_equal(pwrite(fd, h->data + i, n, (off_t)i), n);
                assert_int_equal(read_on(r).n, 0);
        }
        assert_int_equal(pwrite(fd, "\n", 1, (off_t)h->size - 1), 1);
        assert_string_equal(read_on(r).texts, "a");
        (void)close(fd);
        log_reader_free(r);
        hand_free(h);
}

/* ---- what people read --------------------------------------------------------------------------
 */

static bool is_harmless(const char *text)
{
        for (const unsigned char *c = (const unsigned char *)text; *c; c++)
                if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0) ||
                    (*c == 0xe2 && c[1] == 0x80 && (c[2] == 0xae || c[2] == 0xa8)) ||
                    (*c == 0xef && c[1] == 0xbb && c[2] == 0xbf))
                        return false;
        return true;
}

/* U09 */
static void a_text_that_others_chose_is_plain(void **state)
{
        static const struct {
                const char *text, *plain;
        } cases[] = {
                { "svc-deploy", "svc-deploy" },
                { "CORP\\x \"q\" a@b", "CORP\\x \"q\" a@b" },
                { "\x1b[2Ja\nb\r\tc\x7f", "\\u001b[2Ja\\u000ab\\u000d\\u0009c\\u007f" },
                { "\xc2\x9b"
                  "31m",
                  "\\u009b31m" },
                { "a\xe2\x80\xae"
                  "b\xe2\x80\xa8"
                  "c\xef\xbb\xbf",
                  "a\\u202eb\\u2028c\\ufeff" },
                { "\xff\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
                { "j\xc3\xb6rg", "j\xc3\xb6rg" },
                { "a  allow", "a \\u0020allow" },
                { " a ", "\\u0020a\\u0020" },
                { "", "" },
        };
        char text[64];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                (void)plain_text(text, sizeof(text), cases[i].text);
                assert_string_equal(text, cases[i].plain);
                assert_true(is_harmless(text));
        }
        assert_string_equal(plain_line(text, sizeof(text), " a  b"), " a  b");
}

static void a_text_that_is_too_long_is_cut_between_characters(void **state)
{
        char text[16];

        assert_string_equal(plain_text(text, 16, "123456789012"), "123456789012");
        assert_string_equal(plain_text(text, 16, "1234567890123"), "123456789012...");
        assert_string_equal(plain_text(text, 16, "12345678901\xc3\xb6x"), "12345678901...");
        assert_string_equal(plain_text(text, 16, "12345678\x1b"), "12345678...");
}

static void row_of(const char *line, char ret[static LOG_ROW_MAX])
{
        json_t *json = json_loads(line, 0, NULL);
        LogLine l;

        assert_non_null(json);
        assert_int_equal(log_line_parse(line, strlen(line), &l), 0);
        (void)log_row_format(ret, &l, json);
        json_decref(json);
}

#define PREFIX                                                                                     \
        "{\"seq\":42,\"time\":\"2025-11-21T21:20:00.999999Z\",\"prev\":"                           \
        "\"0000000000000000000000000000000000000000000000000000000000000000\","

static void a_decision_is_a_line_of_who_what_when_and_why(void **state)
{
        char row[LOG_ROW_MAX];

        row_of(PREFIX "\"event\":\"denial\",\"account\":\"svc\",\"class\":\"sudo\",\"target\":"
                      "\"postgres\",\"verdict\":\"deny\",\"reason\":\"expired\",\"grant\":\"g-1\","
                      "\"actor\":[\"agent:bot\",\"ci\"],\"owner\":\"payments\",\"why\":\"CHG-42\"}",
               row);
        assert_string_equal(row, "42      2025-11-21T21:20:00Z  denial         deny     "
                                 "svc by agent:bot  sudo as postgres  expired         "
                                 "g-1                           payments    CHG-42");
}

static void what_is_missing_falls_back(void **state)
{
        char row[LOG_ROW_MAX];

        row_of(PREFIX "\"event\":\"set-refused\",\"code\":\"signature\",\"detail\":\"no good\"}",
               row);
        assert_non_null(strstr(row, "  -             -         signature       -  "));
        assert_non_null(strstr(row, "  no good"));
        row_of(PREFIX "\"event\":\"denials\",\"account\":\"x\",\"count\":100000}", row);
        assert_non_null(strstr(row, "  100000 times"));
        row_of(PREFIX "\"event\":\"exemption\",\"at\":\"2025-11-20T00:00:00.000000Z\"}", row);
        assert_non_null(strstr(row, "  2025-11-20T00:00:00Z  "));
}

/* U09: through the writer, the reader and the line. */
static void no_field_of_a_record_reaches_a_terminal_raw(void **state)
{
        static const char evil[] = "\x1b]0;x\x07  allow\n{\"seq\":1}\r\xc2\x9b\xe2\x80\xae\xff";
        char row[LOG_ROW_MAX];

        for (unsigned f = 0; f < LOG_FIELD_N; f++) {
                LogReader *r = NULL;
                LogRecord record;
                LogBody b;
                Hand *h;

                if (log_fields[f].type != LOG_TEXT || f == LOG_FIELD_EVENT || f == LOG_FIELD_AT)
                        continue;
                h = hand_new();
                log_body_init(&b, "decision");
                log_body_text(&b, (LogField)f, evil);
                log_body_done(&b);
                hand_line(h, T0, &b);
                hand_close(h, LOG_FILE_ACTIVE);
                assert_int_equal(log_reader_open(h->dir.path, NULL, &r), 0);
                assert_int_equal(log_reader_next(r, &record), 0);
                (void)log_row_format(row, &record.head, record.json);
                assert_true(is_harmless(row));
                assert_null(strstr(row, "  allow\\"));
                log_reader_free(r);
                hand_free(h);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_filter_takes_what_it_names_and_nothing_else),
                cmocka_unit_test(a_filter_compares_texts_and_not_their_encoding),
                cmocka_unit_test(a_range_of_records_is_read_as_it_is_written),
                cmocka_unit_test(a_window_is_from_its_first_usec_to_before_its_last),
                cmocka_unit_test(what_lies_outside_the_window_is_not_even_read),
                cmocka_unit_test(a_record_that_was_carried_is_found_by_when_it_happened),
                cmocka_unit_test(a_line_that_is_no_record_is_named_and_the_rest_is_shown),
                cmocka_unit_test(a_line_that_only_looks_like_a_record_is_named),
                cmocka_unit_test(a_torn_fragment_is_no_bad_line_but_another_one_is),
                cmocka_unit_test(a_damaged_compressed_segment_is_named_and_the_next_is_read),
                cmocka_unit_test(a_directory_that_is_none_or_holds_none_is_said),
                cmocka_unit_test(what_is_written_later_comes_later),
                cmocka_unit_test(each_record_comes_once_over_rotations),
                cmocka_unit_test(the_reserve_and_a_resume_are_followed),
                cmocka_unit_test(half_a_record_is_not_shown),
                cmocka_unit_test(a_text_that_others_chose_is_plain),
                cmocka_unit_test(a_text_that_is_too_long_is_cut_between_characters),
                cmocka_unit_test(a_decision_is_a_line_of_who_what_when_and_why),
                cmocka_unit_test(what_is_missing_falls_back),
                cmocka_unit_test(no_field_of_a_record_reaches_a_terminal_raw),
        };

        return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
