/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises L1 to L4 of nhi-agentd/log/store.h, without a disk that fails. */

#include "tests/unit/log-fixture.h"

#define SIZE LOG_SEGMENT_SIZE_MIN
#define SET1 "1111111111111111111111111111111111111111111111111111111111111111"

static uint64_t size_of(LogDir *d, const char *name)
{
        struct stat st;

        return fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_size : 0;
}

static bool exists(LogDir *d, const char *name)
{
        return faccessat(d->fd, name, F_OK, 0) == 0;
}

/* The whole active segment as text, malloc'ed. */
static char *slurp(LogDir *d, const char *name)
{
        int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC);
        size_t size = size_of(d, name), n = 0;
        char *data = calloc(1, size + 1);

        assert_int_equal(fd_read_all(fd, data, size, &n), 0);
        (void)close(fd);
        return data;
}

static void overwrite(LogDir *d, const char *name, uint64_t at, const char *data, size_t size)
{
        int fd = openat(d->fd, name, O_WRONLY | O_CLOEXEC);

        assert_int_equal(pwrite(fd, data, size, (off_t)at), size);
        (void)close(fd);
}

static void assert_whole(LogDir *d, uint64_t seq, unsigned n_segments)
{
        LogRead r = log_dir_read(d, NULL);

        if (r.wrong)
                fail_msg("%s after %llu: %s", r.file, (unsigned long long)r.seq, r.wrong);
        assert_int_equal(r.seq, seq);
        if (n_segments > 0)
                assert_int_equal(r.n_segments, n_segments);
}

static void a_new_log_begins_with_log_created(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        char *text = slurp(&d, LOG_ACTIVE_NAME);
        struct stat st;
        LogHead h;

        assert_int_equal(log_store_error(s, NULL), 0);
        assert_non_null(strstr(text, "\"event\":\"log-created\",\"log\":\""));
        assert_non_null(strstr(text, "\"format\":1,\"host\":\"h1\",\"key\":\"kid\"}\n"));
        assert_int_equal(fstatat(d.fd, LOG_ACTIVE_NAME, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(size_of(&d, LOG_RESERVE_NAME), LOG_RESERVE_SIZE);
        log_store_head(s, &h);
        assert_int_equal(h.chain.seq, 1);
        assert_whole(&d, 1, 1);
        free(text);
        log_store_free(s);
        log_dir_free(&d);
}

static void a_log_goes_on_where_it_was_left(void **state)
{
        LogDir d = log_dir_new(SIZE);

        for (unsigned i = 0; i < 10; i++) {
                LogStore *s = log_dir_open(&d, NULL, 0);

                assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
                assert_int_equal(append_text(s, "decision", "y", NULL, false), 0);
                log_store_free(s);
                assert_whole(&d, 1 + 2 * (i + 1), 1);
        }
        log_dir_free(&d);
}

/* U07: over many segments the chain is one. */
static void rotation_keeps_the_chain_and_names_the_segment_before(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        static char detail[1500];
        char *text;
        LogHead h;

        memset(detail, 'x', sizeof(detail) - 1);
        for (unsigned i = 0; i < 2000; i++)
                assert_int_equal(append_text(s, "decision", detail, i == 5 ? SET1 : NULL, false),
                                 0);
        log_store_head(s, &h);
        assert_whole(&d, h.chain.seq, 4);
        assert_int_equal(log_store_segment(s), 4);
        text = slurp(&d, "decisions-00000000000000000001.sets");
        assert_string_equal(text, SET1 "\n");
        free(text);
        text = slurp(&d, "decisions-00000000000000000001.log");
        assert_true(strlen(text) <= SIZE + LOG_LINE_MAX);
        assert_int_equal(strlen(text), size_of(&d, "decisions-00000000000000000001.log"));
        assert_non_null(strstr(text, "\"event\":\"segment-end\",\"sets\":[\"" SET1 "\"]}\n"));
        free(text);
        text = slurp(&d, LOG_ACTIVE_NAME);
        assert_non_null(strstr(text, "\"segment\":\"decisions-"));
        free(text);
        log_store_free(s);
        log_dir_free(&d);
}

static void an_old_segment_is_closed_by_the_next_record(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s;

        d.config.rotate_age_usec = 1;
        s = log_dir_open(&d, NULL, 0);
        assert_int_equal(append_text(s, "decision", NULL, NULL, false), 0);
        assert_int_equal(log_store_segment(s), 1); /* of its first record alone none is closed */
        assert_int_equal(append_text(s, "decision", NULL, NULL, false), 0);
        assert_int_equal(log_store_segment(s), 2);
        log_store_free(s);
        assert_whole(&d, 5, 2);
        log_dir_free(&d);
}

/* More than one segment-end holds. */
static void every_set_that_a_segment_cites_is_listed(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        char set[LOG_HASH_TEXT_SIZE + 1];
        unsigned n = 0;
        char *text;

        for (unsigned i = 0; i < 500; i++) {
                (void)snprintf(set, sizeof(set), "%064x", (i * 7) % 500);
                assert_int_equal(append_text(s, "decision", NULL, set, false), 0);
        }
        log_store_free(s);
        s = log_dir_open(&d, NULL, 0); /* read again from the records */
        assert_int_equal(log_store_rotate(s), 0);
        text = slurp(&d, "decisions-00000000000000000001.sets");
        for (const char *p = text; (p = strchr(p, '\n')); p++)
                n++;
        assert_int_equal(n, 500);
        free(text);
        text = slurp(&d, "decisions-00000000000000000001.log");
        n = 0;
        for (const char *p = text; (p = strstr(p, "segment-end")); p++)
                n++;
        assert_int_equal(n, 5);
        assert_null(strstr(text, "\"cut\""));
        free(text);
        log_store_free(s);
        log_dir_free(&d);
}

/* U05 */
static void a_torn_tail_is_marked_and_the_chain_goes_on(void **state)
{
        static const char torn[] = "{\"seq\":4,\"ti\0\0\0\0me\n";
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        char *text;
        size_t size;
        LogRead r;

        assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
        log_store_free(s);
        for (unsigned i = 0; i < 3; i++) {
                text = slurp(&d, LOG_ACTIVE_NAME);
                size = strlen(text);
                free(text);
                overwrite(&d, LOG_ACTIVE_NAME, size, torn, sizeof(torn) - 1);
                s = log_dir_open(&d, NULL, 0);
                assert_int_equal(log_store_error(s, NULL), 0);
                assert_int_equal(append_text(s, "decision", "y", NULL, false), 0);
                log_store_free(s);
                r = log_dir_read(&d, NULL);
                assert_null(r.wrong);
                assert_int_equal(r.n_torn, i + 1);
        }
        text = slurp(&d, LOG_ACTIVE_NAME);
        assert_non_null(strstr(text, "\n{\"seq\":4,\"ti    me \n"));
        free(text);
        log_dir_free(&d);
}

/* Torn of a record is its newline alone: then two lines have one number, and a head is about the
 * later one. */
static void a_head_is_found_behind_a_torn_record_of_its_number(void **state)
{
        static char line[LOG_LINE_MAX];
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        char *text = slurp(&d, LOG_ACTIVE_NAME);
        LogBody b;
        LogHead head;
        size_t size = 0;

        log_body_init(&b, "decision");
        log_body_done(&b);
        log_store_head(s, &head);
        assert_int_equal(log_line_make(&head.chain, 1, b.data, b.size, line, sizeof(line), &size),
                         0);
        overwrite(&d, LOG_ACTIVE_NAME, strlen(text), line, size - 1);
        log_store_free(s);
        s = log_dir_open(&d, NULL, 0);
        log_store_head(s, &head);
        assert_int_equal(head.chain.seq, 2);
        log_store_free(s);
        s = log_dir_open(&d, &head, 0);
        assert_int_equal(log_store_error(s, NULL), 0);
        log_store_free(s);
        free(text);
        log_dir_free(&d);
}

static void records_further_up_are_left_as_they_are_even_damaged(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        char *before, *after;

        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
        log_store_free(s);
        overwrite(&d, LOG_ACTIVE_NAME, 700, "\x01", 1);
        before = slurp(&d, LOG_ACTIVE_NAME);
        s = log_dir_open(&d, NULL, 0);
        assert_int_equal(log_store_error(s, NULL), 0);
        assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
        log_store_free(s);
        after = slurp(&d, LOG_ACTIVE_NAME);
        assert_memory_equal(before, after, strlen(before));
        assert_non_null(log_dir_read(&d, NULL).wrong);
        free(before);
        free(after);
        log_dir_free(&d);
}

static void a_damaged_end_waits_for_an_administrator_and_keeps_its_bytes(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        const char *why = NULL;
        char *text;

        assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
        log_store_free(s);
        text = slurp(&d, LOG_ACTIVE_NAME);
        overwrite(&d, LOG_ACTIVE_NAME, strlen(text), "not a record\n", 13);
        free(text);
        s = log_dir_open(&d, NULL, 0);
        assert_int_equal(log_store_error(s, &why), -EBADMSG);
        assert_non_null(strstr(why, "decisions.log"));
        assert_int_equal(append_text(s, "decision", "x", NULL, false), -EBADMSG);
        assert_int_equal(append_text(s, "decision", "glass", NULL, true), 0);
        assert_int_equal(resume_log(s), 0);
        assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
        log_store_free(s);
        text = slurp(&d, "decisions-00000000000000000001.log");
        assert_non_null(strstr(text, "\nnot a record\n"));
        free(text);
        log_dir_free(&d);
}

/* U02, U03 */
static void a_log_that_is_behind_its_head_was_rolled_back(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        LogHead head, other;
        char *text;
        size_t size;

        assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
        text = slurp(&d, LOG_ACTIVE_NAME);
        size = strlen(text);
        free(text);
        assert_int_equal(append_text(s, "decision", "y", NULL, false), 0);
        log_store_head(s, &head);
        log_store_free(s);

        s = log_dir_open(&d, &head, 0);
        assert_int_equal(log_store_error(s, NULL), 0);
        log_store_free(s);

        other = head;
        other.chain.hash[0] ^= 1;
        s = log_dir_open(&d, &other, 0);
        assert_int_equal(log_store_error(s, NULL), -ESTALE);
        log_store_free(s);

        other = head;
        other.log_id[0] ^= 1;
        s = log_dir_open(&d, &other, 0);
        assert_int_equal(log_store_error(s, NULL), -ESTALE);
        log_store_free(s);

        {
                int fd = openat(d.fd, LOG_ACTIVE_NAME, O_WRONLY | O_CLOEXEC);

                assert_int_equal(ftruncate(fd, (off_t)size), 0);
                (void)close(fd);
        }
        s = log_dir_open(&d, &head, 0);
        assert_int_equal(log_store_error(s, NULL), -ESTALE);
        assert_int_equal(append_text(s, "decision", "z", NULL, false), -ESTALE);
        assert_int_equal(resume_log(s), 0);
        log_store_free(s);
        assert_whole(&d, 4, 2);

        (void)unlinkat(d.fd, LOG_ACTIVE_NAME, 0);
        (void)unlinkat(d.fd, "decisions-00000000000000000001.log", 0);
        s = log_dir_open(&d, &head, 0);
        assert_int_equal(log_store_error(s, NULL), -ESTALE);
        assert_int_equal(resume_log(s), 0);
        log_store_free(s);
        assert_whole(&d, 2, 1);
        log_dir_free(&d);
}

static void chmod_in(LogDir *d, const char *name, mode_t mode)
{
        assert_int_equal(fchmodat(d->fd, name, mode, 0), 0);
}

/* C2, L3: a resume goes on with the log that is there, or not at all. */
static void a_log_whose_end_could_not_be_read_is_read_again(void **state)
{
        static const char *const names[] = { LOG_ACTIVE_NAME, LOG_RESERVE_NAME };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                LogDir d = log_dir_new(SIZE);
                LogStore *s = log_dir_open(&d, NULL, 0);
                LogHead head;

                assert_int_equal(log_store_rotate(s), 0);
                assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
                log_store_head(s, &head);
                log_store_free(s);
                s = log_dir_open(&d, &head, -EBUSY);
                assert_int_equal(append_text(s, "decision", "glass", NULL, true), 0);
                log_store_free(s);

                chmod_in(&d, names[i], 0660);
                s = log_dir_open(&d, &head, 0);
                assert_int_equal(log_store_error(s, NULL), -EPERM);
                assert_int_equal(append_text(s, "decision", "glass", NULL, true), -EPERM);
                assert_int_equal(resume_log(s), -EPERM);
                chmod_in(&d, names[i], 0640);
                assert_int_equal(resume_log(s), 0);
                assert_int_equal(append_text(s, "decision", "y", NULL, false), 0);
                assert_int_equal(log_store_rotate(s), 0);
                log_store_free(s);
                s = log_dir_open(&d, &head, 0);
                assert_int_equal(log_store_error(s, NULL), 0);
                log_store_free(s);
                assert_whole(&d, 11, 5);
                log_dir_free(&d);
        }
}

/* U02: what nobody knew of when he said resume is not resumed. */
static void what_a_resume_finds_first_is_said_first(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        const char *why = NULL;
        LogHead head;

        log_store_head(s, &head);
        log_store_free(s);
        head.chain.seq = 9;
        chmod_in(&d, LOG_ACTIVE_NAME, 0660);
        s = log_dir_open(&d, &head, 0);
        chmod_in(&d, LOG_ACTIVE_NAME, 0640);
        assert_int_equal(resume_log(s), -ESTALE);
        assert_int_equal(log_store_error(s, &why), -ESTALE);
        assert_non_null(strstr(why, "its last known record is 9"));
        assert_int_equal(resume_log(s), 0);
        log_store_free(s);
        assert_whole(&d, 3, 2);
        log_dir_free(&d);
}

/* What is left of a log is compressed: no second one begins beside it. */
static void beside_segments_of_a_log_no_other_log_begins(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        const char *why = NULL;

        assert_int_equal(log_store_rotate(s), 0);
        log_store_free(s);
        assert_int_equal(unlinkat(d.fd, LOG_ACTIVE_NAME, 0), 0);
        assert_int_equal(renameat(d.fd, "decisions-00000000000000000001.log", d.fd,
                                  "decisions-00000000000000000001.log.zst"),
                         0);
        s = log_dir_open(&d, NULL, 0);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(log_store_error(s, &why), -EBADMSG);
                assert_non_null(strstr(why, "zstd -d"));
                assert_int_equal(append_text(s, "decision", "glass", NULL, true), -EBADMSG);
                assert_int_equal(resume_log(s), -EBADMSG);
                assert_false(exists(&d, LOG_ACTIVE_NAME));
        }
        assert_int_equal(renameat(d.fd, "decisions-00000000000000000001.log.zst", d.fd,
                                  "decisions-00000000000000000001.log"),
                         0);
        assert_int_equal(resume_log(s), 0);
        log_store_free(s);
        assert_whole(&d, 5, 3);
        log_dir_free(&d);
}

/* Two administrators, one failure. */
static void a_log_that_has_not_failed_is_not_resumed(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, -EBUSY);
        LogRead read;

        assert_int_equal(resume_log(s), 0);
        assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
        assert_int_equal(resume_log(s), 0);
        log_store_free(s);
        read = log_dir_read(&d, NULL);
        assert_null(read.wrong);
        assert_int_equal(read.n_segments, 1);
        assert_int_equal(read.n_resumed, 1);
        log_dir_free(&d);
}

static void a_reserve_that_is_damaged_is_set_aside(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);

        log_store_free(s);
        overwrite(&d, LOG_RESERVE_NAME, 0, "not a record\n", 13);
        s = log_dir_open(&d, NULL, 0);
        assert_int_equal(log_store_error(s, NULL), -EBADMSG);
        assert_int_equal(append_text(s, "decision", "glass", NULL, true), -EBADMSG);
        assert_int_equal(resume_log(s), 0);
        assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
        log_store_free(s);
        s = log_dir_open(&d, NULL, -EBUSY);
        assert_int_equal(append_text(s, "decision", "glass", NULL, true), 0);
        log_store_free(s);
        assert_whole(&d, 6, 3);
        log_dir_free(&d);
}

/* L2: until somebody resumes it, over restarts. */
static void a_log_that_failed_before_takes_only_what_the_reserve_is_for(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);

        assert_int_equal(append_text(s, "decision", "x", NULL, false), 0);
        log_store_free(s);
        for (unsigned i = 0; i < 3; i++) {
                s = log_dir_open(&d, NULL, -EBUSY);
                assert_int_equal(append_text(s, "decision", "no", NULL, false), -EBUSY);
                assert_int_equal(append_text(s, "decision", "glass", NULL, true), 0);
                log_store_free(s);
                assert_whole(&d, 4 + i, 2);
        }
        s = log_dir_open(&d, NULL, 0); /* the reserve itself says that it failed */
        assert_int_equal(log_store_error(s, NULL), -EBUSY);
        assert_int_equal(resume_log(s), 0);
        assert_int_equal(log_store_error(s, NULL), 0);
        assert_int_equal(append_text(s, "decision", "again", NULL, false), 0);
        log_store_free(s);
        assert_whole(&d, 9, 3);
        assert_true(exists(&d, "decisions-00000000000000000003.log"));
        assert_int_equal(size_of(&d, LOG_RESERVE_NAME), LOG_RESERVE_SIZE);
        log_dir_free(&d);
}

static void the_reserve_ends_where_it_ends(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, -EBUSY);
        static char detail[1500];
        unsigned n = 0;

        memset(detail, 'x', sizeof(detail) - 1);
        while (append_text(s, "decision", detail, NULL, true) == 0)
                n++;
        assert_true(n > LOG_RESERVE_SIZE / 1800 && n < LOG_RESERVE_SIZE / 1500);
        assert_int_equal(append_text(s, "decision", detail, NULL, true), -ENOSPC);
        assert_int_equal(resume_log(s), 0);
        log_store_free(s);
        assert_whole(&d, n + 3, 2);
        log_dir_free(&d);
}

/* U07: what a rotation leaves that was stopped after each of its steps. */
/* What nobody waits for leaves half of it to break-glass. */
static void notices_leave_half_of_the_reserve(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, -EBUSY);
        LogBody b;
        LogEntry e;
        unsigned n = 0;

        log_body_init(&b, "exemption");
        log_body_done(&b);
        do {
                e = (LogEntry){ .body = b.data, .body_size = b.size, .use_reserve = true };
                e.is_notice = true;
                log_store_append(s, &e, 1);
                n += e.r == 0;
        } while (e.r == 0);
        assert_int_equal(e.r, -ENOSPC);
        assert_true(n > LOG_RESERVE_SIZE / 2 / 200 && n < LOG_RESERVE_SIZE / 2 / 100);
        for (unsigned i = 0; i < n - 10; i++)
                assert_int_equal(append_text(s, "decision", NULL, NULL, true), 0);
        assert_int_equal(resume_log(s), 0);
        log_store_free(s);
        assert_whole(&d, 2 * (uint64_t)n - 10 + 3, 2);
        log_dir_free(&d);
}

static void a_rotation_that_was_stopped_is_finished(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        char closed[LOG_NAME_SIZE + 1];
        LogHead h;

        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(append_text(s, "decision", "x", SET1, false), 0);
                assert_int_equal(log_store_rotate(s), 0);
                log_store_head(s, &h);
                log_store_free(s);
                log_name_format(LOG_FILE_CLOSED, i == 0 ? 1 : 4 * i, closed);
                if (i == 0)
                        (void)unlinkat(d.fd, LOG_ACTIVE_NAME, 0);
                s = log_dir_open(&d, NULL, 0);
                assert_int_equal(log_store_error(s, NULL), 0);
        }
        log_store_free(s);
        assert_null(log_dir_read(&d, NULL).wrong);
        log_dir_free(&d);

        /* Ended, and still under its old name. */
        d = log_dir_new(SIZE);
        s = log_dir_open(&d, NULL, 0);
        assert_int_equal(log_store_rotate(s), 0);
        log_store_free(s);
        assert_int_equal(
                renameat(d.fd, "decisions-00000000000000000001.log", d.fd, LOG_ACTIVE_NAME), 0);
        (void)unlinkat(d.fd, "decisions-00000000000000000001.sets", 0);
        s = log_dir_open(&d, NULL, 0);
        assert_int_equal(log_store_segment(s), 1);
        log_store_free(s);
        assert_whole(&d, 4, 2);
        log_dir_free(&d);
}

static void what_is_left_of_a_segment_to_be_is_passed_over(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s;
        int fd = openat(d.fd, ".decisions.log.new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

        (void)close(fd);
        fd = openat(d.fd, LOG_ACTIVE_NAME, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_int_equal(ftruncate(fd, 4096), 0);
        (void)close(fd);
        s = log_dir_open(&d, NULL, 0);
        assert_int_equal(log_store_error(s, NULL), 0);
        log_store_free(s);
        assert_whole(&d, 1, 1);
        log_dir_free(&d);
}

static void a_directory_that_others_may_write_is_refused(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s;
        const char *why = NULL;

        assert_int_equal(fchmod(d.fd, 0770), 0);
        s = log_dir_open(&d, NULL, 0);
        assert_int_equal(log_store_error(s, &why), -EPERM);
        assert_non_null(strstr(why, d.path));
        assert_int_equal(append_text(s, "decision", "x", NULL, true), -EPERM);
        log_store_free(s);
        assert_int_equal(fchmod(d.fd, 0700), 0);
        log_dir_free(&d);
}

static void a_batch_has_one_order(void **state)
{
        LogDir d = log_dir_new(SIZE);
        LogStore *s = log_dir_open(&d, NULL, 0);
        static LogBody bodies[64];
        LogEntry entries[64];

        for (unsigned i = 0; i < 64; i++) {
                log_body_init(&bodies[i], "decision");
                log_body_number(&bodies[i], LOG_FIELD_DECISION, i);
                log_body_done(&bodies[i]);
                entries[i] =
                        (LogEntry){ .body = bodies[i].data, .body_size = bodies[i].size, .r = 1 };
        }
        log_store_append(s, entries, 64);
        for (unsigned i = 0; i < 64; i++)
                assert_int_equal(entries[i].r, 0);
        log_store_free(s);
        assert_whole(&d, 65, 1);
        log_dir_free(&d);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_new_log_begins_with_log_created),
                cmocka_unit_test(a_log_goes_on_where_it_was_left),
                cmocka_unit_test(rotation_keeps_the_chain_and_names_the_segment_before),
                cmocka_unit_test(an_old_segment_is_closed_by_the_next_record),
                cmocka_unit_test(every_set_that_a_segment_cites_is_listed),
                cmocka_unit_test(a_torn_tail_is_marked_and_the_chain_goes_on),
                cmocka_unit_test(a_head_is_found_behind_a_torn_record_of_its_number),
                cmocka_unit_test(records_further_up_are_left_as_they_are_even_damaged),
                cmocka_unit_test(a_damaged_end_waits_for_an_administrator_and_keeps_its_bytes),
                cmocka_unit_test(a_log_that_is_behind_its_head_was_rolled_back),
                cmocka_unit_test(a_log_whose_end_could_not_be_read_is_read_again),
                cmocka_unit_test(what_a_resume_finds_first_is_said_first),
                cmocka_unit_test(beside_segments_of_a_log_no_other_log_begins),
                cmocka_unit_test(a_log_that_has_not_failed_is_not_resumed),
                cmocka_unit_test(a_reserve_that_is_damaged_is_set_aside),
                cmocka_unit_test(a_log_that_failed_before_takes_only_what_the_reserve_is_for),
                cmocka_unit_test(the_reserve_ends_where_it_ends),
                cmocka_unit_test(notices_leave_half_of_the_reserve),
                cmocka_unit_test(a_rotation_that_was_stopped_is_finished),
                cmocka_unit_test(what_is_left_of_a_segment_to_be_is_passed_over),
                cmocka_unit_test(a_directory_that_others_may_write_is_refused),
                cmocka_unit_test(a_batch_has_one_order),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests_name("log-store", tests, NULL, NULL);
}
