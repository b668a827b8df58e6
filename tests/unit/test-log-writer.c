/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises W1 and W2 of nhi-agentd/log/log.h, and heads and the host's key. */

#include "nhi-agentd/log/heads.h"
#include "nhi-agentd/log/hostkey.h"
#include "nhi-agentd/log/log.h"
#include "tests/unit/log-fixture.h"

#include <stdatomic.h>
#include <sys/statvfs.h>

/* ---- a sync that waits ------------------------------------------------------------------------
 */

static atomic_uint n_syncs;
static atomic_bool held;
static atomic_int sync_error;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
        while (held)
                (void)usleep(200);
        if (sync_error != 0) {
                errno = sync_error;
                return -1;
        }
        n_syncs++;
        return 0;
}

/* ---- a disk that fills ------------------------------------------------------------------------
 */

static atomic_ullong n_free = 1024ull * 1024 * 1024;

/* In the place of libc's. */
int fstatvfs(int fd, struct statvfs *ret)
{
        *ret = (struct statvfs){ .f_frsize = 1, .f_bavail = n_free };
        return 0;
}

/* ---- a loop with a log ------------------------------------------------------------------------
 */

typedef struct Bench {
        LogDir dir;
        sd_event *event;
        Log *log;
        unsigned n_done, n_failed, n_segments, n_low;
        int last;      /* of what was answered */
        unsigned next; /* which is to be answered next */
        bool in_order;
} Bench;

typedef struct Mark {
        Bench *bench;
        unsigned number;
        int r;
        bool done;
} Mark;

static void on_failed(void *userdata)
{
        ((Bench *)userdata)->n_failed++;
}

static void on_segment(void *userdata)
{
        ((Bench *)userdata)->n_segments++;
}

static void on_space(void *userdata, uint64_t n)
{
        assert_int_equal(n, n_free);
        ((Bench *)userdata)->n_low++;
}

static void on_done(void *userdata, int r)
{
        Mark *m = userdata;

        assert_false(m->done);
        m->done = true;
        m->r = r;
        m->bench->in_order = m->bench->in_order && m->number == m->bench->next;
        m->bench->next = m->number + 1;
        m->bench->n_done++;
        m->bench->last = r;
}

static void bench_begin(Bench *b, uint64_t rotate_size, int error)
{
        LogOptions o = { .error = error,
                         .on_failed = on_failed,
                         .on_segment = on_segment,
                         .on_space = on_space,
                         .userdata = b };

        *b = (Bench){ .dir = log_dir_new(rotate_size), .in_order = true };
        n_syncs = 0;
        held = false;
        sync_error = 0;
        o.store = b->dir.config;
        o.store.dir = b->dir.path;
        assert_int_equal(sd_event_new(&b->event), 0);
        assert_int_equal(log_new(b->event, &o, &b->log), 0);
}

static void bench_end(Bench *b)
{
        held = false;
        b->log = log_free(b->log);
        sd_event_unref(b->event);
        log_dir_free(&b->dir);
}

static void run_until(Bench *b, unsigned n_done)
{
        for (unsigned turns = 0; b->n_done < n_done && turns < 20000; turns++)
                (void)sd_event_run(b->event, 1000);
        assert_int_equal(b->n_done, n_done);
}

static int put(Bench *b, Mark *m, unsigned number, unsigned flags)
{
        LogBody body;

        log_body_init(&body, "decision");
        log_body_number(&body, LOG_FIELD_DECISION, number);
        log_body_done(&body);
        *m = (Mark){ .bench = b, .number = number };
        return log_append(b->log, body.data, body.size, NULL, flags, on_done, m);
}

static int resume(Bench *b, Mark *m)
{
        LogBody body;

        log_body_init(&body, LOG_EVENT_RESUMED);
        log_body_done(&body);
        *m = (Mark){ .bench = b };
        return log_resume(b->log, body.data, body.size, on_done, m);
}

/* ---- truths -----------------------------------------------------------------------------------
 */

static void nobody_is_answered_before_the_sync(void **state)
{
        Mark m;
        Bench b;

        bench_begin(&b, LOG_SEGMENT_SIZE_MIN, 0);
        held = true;
        assert_int_equal(put(&b, &m, 0, 0), 0);
        for (unsigned i = 0; i < 50; i++)
                (void)sd_event_run(b.event, 1000);
        assert_int_equal(b.n_done, 0);
        held = false;
        run_until(&b, 1);
        assert_int_equal(m.r, 0);
        bench_end(&b);
}

static void those_who_wait_together_share_one_sync(void **state)
{
        static Mark marks[500];
        unsigned before;
        LogHead head;
        Bench b;

        bench_begin(&b, LOG_SEGMENT_SIZE_MIN, 0);
        held = true;
        before = n_syncs;
        for (unsigned i = 0; i < 500; i++)
                assert_int_equal(put(&b, &marks[i], i, 0), 0);
        held = false;
        run_until(&b, 500);
        assert_true(b.in_order);
        /* The thread may have begun with the first alone. */
        assert_true(n_syncs - before <= 2 + 500 / 100);
        log_head(b.log, &head);
        assert_int_equal(head.chain.seq, 501);
        assert_null(log_dir_read(&b.dir, NULL).wrong);
        bench_end(&b);
}

static void the_queue_is_bounded(void **state)
{
        static Mark marks[LOG_QUEUE_MAX + 1];
        Bench b;

        bench_begin(&b, LOG_SEGMENT_SIZE_MAX, 0);
        held = true;
        for (unsigned i = 0; i < LOG_QUEUE_MAX; i++)
                assert_int_equal(put(&b, &marks[i], i, 0), 0);
        assert_int_equal(put(&b, &marks[LOG_QUEUE_MAX], LOG_QUEUE_MAX, 0), -EBUSY);
        held = false;
        run_until(&b, LOG_QUEUE_MAX);
        assert_true(b.in_order);
        assert_int_equal(log_n_pending(b.log), 0);
        bench_end(&b);
}

/* U06 */
static void one_sync_that_fails_is_one_for_good_until_somebody_resumes(void **state)
{
        const char *why = NULL;
        Mark m, other;
        Bench b;

        bench_begin(&b, LOG_SEGMENT_SIZE_MIN, 0);
        sync_error = EIO;
        assert_int_equal(put(&b, &m, 0, 0), 0);
        run_until(&b, 1);
        assert_int_equal(m.r, -EIO);
        assert_int_equal(b.n_failed, 1);
        assert_int_equal(log_error(b.log, &why), -EIO);
        assert_non_null(strstr(why, "decisions.log"));

        sync_error = 0;
        assert_int_equal(put(&b, &m, 1, 0), -EIO);
        assert_false(m.done);
        assert_int_equal(put(&b, &other, 1, LOG_APPEND_RESERVE), 0);
        run_until(&b, 2);
        assert_int_equal(other.r, 0);

        sync_error = ENOSPC;
        assert_int_equal(resume(&b, &m), 0);
        run_until(&b, 3);
        assert_int_equal(m.r, -ENOSPC);
        assert_int_not_equal(log_error(b.log, NULL), 0);
        sync_error = 0;
        assert_int_equal(resume(&b, &m), 0);
        run_until(&b, 4);
        assert_int_equal(m.r, 0);
        assert_int_equal(log_error(b.log, NULL), 0);
        assert_int_equal(put(&b, &m, 5, 0), 0);
        run_until(&b, 5);
        assert_int_equal(m.r, 0);
        assert_int_equal(b.n_failed, 1);
        assert_int_equal(log_dir_read(&b.dir, NULL).n_resumed, 1);
        bench_end(&b);
}

static void a_log_that_failed_before_starts_failed(void **state)
{
        Mark m;
        Bench b;

        bench_begin(&b, LOG_SEGMENT_SIZE_MIN, -EBUSY);
        assert_int_equal(put(&b, &m, 0, 0), -EBUSY);
        assert_int_equal(b.n_failed, 0);
        assert_int_equal(resume(&b, &m), 0);
        run_until(&b, 1);
        assert_int_equal(put(&b, &m, 0, 0), 0);
        run_until(&b, 2);
        assert_int_equal(m.r, 0);
        bench_end(&b);
}

static void a_new_segment_is_told_of(void **state)
{
        static Mark marks[3];
        Bench b;

        bench_begin(&b, LOG_SEGMENT_SIZE_MIN, 0);
        assert_int_equal(put(&b, &marks[0], 0, 0), 0);
        marks[1] = (Mark){ .bench = &b, .number = 1 };
        assert_int_equal(log_rotate(b.log, on_done, &marks[1]), 0);
        assert_int_equal(put(&b, &marks[2], 2, 0), 0);
        run_until(&b, 3);
        (void)sd_event_run(b.event, 0);
        assert_true(b.in_order);
        assert_true(b.n_segments >= 1);
        assert_int_equal(log_dir_read(&b.dir, NULL).n_segments, 2);
        bench_end(&b);
}

static void what_was_queued_is_written_before_the_end(void **state)
{
        static Mark marks[100];
        LogHead head;
        Bench b;

        bench_begin(&b, LOG_SEGMENT_SIZE_MIN, 0);
        for (unsigned i = 0; i < 100; i++)
                assert_int_equal(put(&b, &marks[i], i, 0), 0);
        log_stop(b.log);
        log_head(b.log, &head);
        assert_int_equal(head.chain.seq, 101);
        assert_int_equal(put(&b, &marks[0], 0, 0), -ECANCELED);
        assert_int_equal(log_dir_read(&b.dir, NULL).seq, 101);
        b.log = log_free(b.log);
        assert_int_equal(b.n_done, 100);
        assert_int_equal(b.last, -ECANCELED);
        bench_end(&b);
}

/* ---- heads and the key ------------------------------------------------------------------------
 */

static char emitted[4096];
static unsigned n_emitted;

static void on_head(void *userdata, const char *jws)
{
        (void)snprintf(emitted, sizeof(emitted), "%s", jws);
        n_emitted++;
}

static void heads_are_signed_and_kept_when_the_log_has_moved(void **state)
{
        char key_path[128], state_path[128], signed_path[128], error[HOST_KEY_ERROR_MAX];
        SigningKey key = {}, again = {};
        Heads *heads = NULL;
        Writer *writer = NULL;
        char *payload = NULL;
        LogHead head, kept;
        const Jwk *trusted;
        size_t size = 0, index = 0;
        Mark m;
        Bench b;

        bench_begin(&b, LOG_SEGMENT_SIZE_MIN, 0);
        (void)snprintf(key_path, sizeof(key_path), "%s/host.key", b.dir.path);
        (void)snprintf(state_path, sizeof(state_path), "%s/head.json", b.dir.path);
        (void)snprintf(signed_path, sizeof(signed_path), "%s/head.jws", b.dir.path);
        assert_int_equal(host_key_load(key_path, &key, error), 0);
        assert_int_equal(host_key_load(key_path, &again, error), 0);
        assert_memory_equal(&key, &again, sizeof(key));
        assert_int_equal(writer_new(b.event, "test", &writer), 0);
        assert_int_equal(heads_new(b.event,
                                   &(HeadsOptions){ .log = b.log,
                                                    .writer = writer,
                                                    .key = &key,
                                                    .state_path = state_path,
                                                    .signed_path = signed_path,
                                                    .interval_usec = 3600 * USEC_PER_SEC,
                                                    .emit = on_head },
                                   &heads),
                         0);
        n_emitted = 0;
        assert_int_equal(put(&b, &m, 0, 0), 0);
        run_until(&b, 1);
        heads_make(heads);
        heads_make(heads);
        assert_int_equal(n_emitted, 1);
        trusted = &key.public;
        assert_int_equal(jws_open(emitted, strlen(emitted), LOG_HEAD_TYP, &trusted, 1, &index,
                                  &payload, &size),
                         JWS_OK);
        assert_int_equal(log_head_parse(payload, size, &head), 0);
        assert_int_equal(head.chain.seq, 2);
        free(payload);
        while (writer_n_pending(writer) > 0)
                (void)sd_event_run(b.event, 1000);
        assert_int_equal(head_load(state_path, &kept), 0);
        assert_memory_equal(&kept, &head, sizeof(head));

        assert_int_equal(put(&b, &m, 1, 0), 0);
        log_stop(b.log);
        heads_make_last(heads);
        assert_int_equal(head_load(state_path, &kept), 0);
        assert_int_equal(kept.chain.seq, 3);
        assert_int_equal(n_emitted, 2);
        heads_free(heads);
        writer_free(writer);
        bench_end(&b);
}

static void a_host_key_that_others_may_read_is_refused(void **state)
{
        char path[] = "/tmp/nhi-test-key.XXXXXX", error[HOST_KEY_ERROR_MAX] = "";
        SigningKey key;
        int fd = mkstemp(path);

        assert_int_equal(host_key_load(path, &key, error), -EBADMSG);
        assert_non_null(strstr(error, path));
        (void)unlink(path);
        assert_int_equal(host_key_load(path, &key, error), 0);
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(host_key_load(path, &key, error), -EPERM);
        (void)unlink(path);
        (void)close(fd);
}

static void a_disk_that_fills_is_told_of_once_a_crossing(void **state)
{
        static const struct {
                uint64_t n_free;
                unsigned n_low;
        } steps[] = { { LOG_SPACE_LOW, 0 },
                      { LOG_SPACE_LOW - 1, 1 },
                      { 5, 1 },
                      { 2ull * LOG_SPACE_LOW - 1, 1 },
                      { LOG_SPACE_LOW - 1, 1 },
                      { 2ull * LOG_SPACE_LOW, 1 },
                      { LOG_SPACE_LOW, 1 },
                      { 0, 2 } };
        Mark m;
        Bench b;

        bench_begin(&b, LOG_SEGMENT_SIZE_MIN, 0);
        for (unsigned i = 0; i < ELEMENTSOF(steps); i++) {
                n_free = steps[i].n_free;
                assert_int_equal(put(&b, &m, i, 0), 0);
                run_until(&b, i + 1);
                assert_int_equal(b.n_low, steps[i].n_low);
        }
        n_free = UINT64_MAX;
        bench_end(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nobody_is_answered_before_the_sync),
                cmocka_unit_test(those_who_wait_together_share_one_sync),
                cmocka_unit_test(the_queue_is_bounded),
                cmocka_unit_test(one_sync_that_fails_is_one_for_good_until_somebody_resumes),
                cmocka_unit_test(a_log_that_failed_before_starts_failed),
                cmocka_unit_test(a_new_segment_is_told_of),
                cmocka_unit_test(a_disk_that_fills_is_told_of_once_a_crossing),
                cmocka_unit_test(what_was_queued_is_written_before_the_end),
                cmocka_unit_test(heads_are_signed_and_kept_when_the_log_has_moved),
                cmocka_unit_test(a_host_key_that_others_may_read_is_refused),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests_name("log-writer", tests, NULL, NULL);
}
