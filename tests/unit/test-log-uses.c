/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises C1 and C2 of nhi-agentd/log/uses.h: what a counted grant has used up is what the log
 * says, whatever became of the agent, of older segments, and of the answer. */

#include "tests/unit/log-fixture.h"

#define SIZE   LOG_SEGMENT_SIZE_MIN
#define ISSUER "https://grants.test/\"\\\xc3\xa9"

/* Another process on what is there: the log, and what it knows of uses. */
typedef struct Opened {
        LogStore *store;
        LogUses *uses;
} Opened;

static Opened open_log(LogDir *d, int error)
{
        Opened o = {};

        assert_int_equal(log_uses_new(&o.uses), 0);
        d->config.uses = o.uses;
        o.store = log_dir_open(d, NULL, error);
        return o;
}

static void close_log(Opened *o)
{
        o->store = log_store_free(o->store);
        o->uses = log_uses_free(o->uses);
}

static void reopen(LogDir *d, Opened *o)
{
        close_log(o);
        *o = open_log(d, 0);
}

/* What lets one session in. */
static int let_in(Opened *o, const char *jti, bool use_reserve)
{
        LogUse *use = NULL;
        uint32_t n = 0;
        LogBody b;
        LogEntry e;

        assert_int_equal(log_uses_take(o->uses, ISSUER, jti, 2000000000, &use, &n), 0);
        log_body_init(&b, "decision");
        log_body_number(&b, LOG_FIELD_UNTIL, 1999999999);
        log_body_text(&b, LOG_FIELD_GRANT, jti);
        log_body_text(&b, LOG_FIELD_ISSUER, ISSUER);
        log_body_number(&b, LOG_FIELD_USE, n);
        log_body_done(&b);
        e = (LogEntry){ .body = b.data,
                        .body_size = b.size,
                        .use_reserve = use_reserve,
                        .use = use,
                        .use_n = n };
        log_store_append(o->store, &e, 1);
        log_uses_settle(o->uses, use, e.r == 0);
        return e.r;
}

static uint32_t count(const Opened *o, const char *jti)
{
        return log_uses_count(o->uses, ISSUER, jti);
}

static unsigned n_used; /* records that a segment began with */

static void see_used(const LogLine *l)
{
        n_used += event_is(l, LOG_EVENT_USED);
}

static void assert_whole(LogDir *d)
{
        LogRead r = log_dir_read(d, see_used);

        if (r.wrong)
                fail_msg("%s after %llu: %s", r.file, (unsigned long long)r.seq, r.wrong);
}

static void a_count_is_what_the_log_says_after_a_restart(void **state)
{
        LogDir d = log_dir_new(SIZE);
        Opened o = open_log(&d, 0);

        assert_int_equal(count(&o, "g-1"), 0);
        for (uint32_t i = 1; i <= 5; i++) {
                assert_int_equal(let_in(&o, "g-1", false), 0);
                assert_int_equal(count(&o, "g-1"), i);
                reopen(&d, &o);
                assert_int_equal(count(&o, "g-1"), i);
                assert_int_equal(count(&o, "g-2"), 0);
                assert_int_equal(log_uses_count(o.uses, "https://other", "g-1"), 0);
        }
        close_log(&o);
        assert_whole(&d);
        log_dir_free(&d);
}

static void a_segment_begins_with_what_was_used_so_old_ones_may_go(void **state)
{
        LogDir d = log_dir_new(SIZE);
        Opened o = open_log(&d, 0);

        assert_int_equal(let_in(&o, "g-1", false), 0);
        assert_int_equal(let_in(&o, "g-1", false), 0);
        assert_int_equal(log_store_rotate(o.store), 0);
        assert_int_equal(let_in(&o, "g-2", false), 0);
        assert_int_equal(log_store_rotate(o.store), 0);
        n_used = 0;
        assert_whole(&d);
        assert_int_equal(n_used, 3);
        assert_int_equal(unlinkat(d.fd, "decisions-00000000000000000001.log", 0), 0);
        reopen(&d, &o);
        assert_int_equal(count(&o, "g-1"), 2);
        assert_int_equal(count(&o, "g-2"), 1);
        close_log(&o);
        log_dir_free(&d);
}

/* U07: between the two segments of a rotation. */
static void a_rotation_that_was_stopped_forgets_nothing(void **state)
{
        LogDir d = log_dir_new(SIZE);
        Opened o = open_log(&d, 0);

        assert_int_equal(let_in(&o, "g-1", false), 0);
        assert_int_equal(log_store_rotate(o.store), 0);
        assert_int_equal(let_in(&o, "g-1", false), 0);
        assert_int_equal(log_store_rotate(o.store), 0);
        assert_int_equal(unlinkat(d.fd, LOG_ACTIVE_NAME, 0), 0);
        reopen(&d, &o);
        assert_int_equal(count(&o, "g-1"), 2);
        assert_int_equal(log_store_error(o.store, NULL), 0);
        close_log(&o);
        assert_whole(&d);
        log_dir_free(&d);
}

static void what_the_reserve_took_is_used_and_so_it_is_after_the_way_back(void **state)
{
        LogDir d = log_dir_new(SIZE);
        Opened o = open_log(&d, 0);

        assert_int_equal(let_in(&o, "g-1", false), 0);
        close_log(&o);
        o = open_log(&d, -EBUSY);
        assert_int_equal(let_in(&o, "g-1", false), -EBUSY);
        assert_int_equal(count(&o, "g-1"), 1);
        assert_int_equal(let_in(&o, "g-1", true), 0);
        assert_int_equal(count(&o, "g-1"), 2);
        reopen(&d, &o);
        assert_int_equal(count(&o, "g-1"), 2);
        assert_int_equal(resume_log(o.store), 0);
        reopen(&d, &o);
        assert_int_equal(count(&o, "g-1"), 2);
        close_log(&o);
        assert_whole(&d);
        log_dir_free(&d);
}

/* C2: and the number is taken again. */
static void what_was_not_written_is_not_used(void **state)
{
        LogDir d = log_dir_new(SIZE);
        Opened o = open_log(&d, 0);
        LogUse *first, *second;
        uint32_t n;

        assert_int_equal(log_uses_take(o.uses, ISSUER, "g-1", 1, &first, &n), 0);
        assert_int_equal(n, 1);
        assert_int_equal(log_uses_take(o.uses, ISSUER, "g-1", 1, &second, &n), 0);
        assert_int_equal(n, 2);
        log_uses_settle(o.uses, first, false);
        log_uses_settle(o.uses, second, false);
        assert_int_equal(count(&o, "g-1"), 0);
        assert_int_equal(log_store_rotate(o.store), 0);
        n_used = 0;
        assert_whole(&d);
        assert_int_equal(n_used, 0);
        assert_int_equal(let_in(&o, "g-1", false), 0);
        reopen(&d, &o);
        assert_int_equal(count(&o, "g-1"), 1);
        close_log(&o);
        log_dir_free(&d);
}

/* More than one write takes, and more than a segment may have: it is no reason for the next one. */
static void many_counts_fit_before_the_first_record(void **state)
{
        LogDir d = log_dir_new(SIZE);
        Opened o = open_log(&d, 0);
        char jti[32];
        uint64_t segment;

        for (unsigned i = 0; i < 9000; i++) {
                (void)snprintf(jti, sizeof(jti), "g-%u", i);
                assert_int_equal(log_uses_load(o.uses, ISSUER, jti, i + 1, 2000000000), 0);
        }
        assert_int_equal(log_store_rotate(o.store), 0);
        segment = log_store_segment(o.store);
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(let_in(&o, "g-0", false), 0);
        assert_int_equal(log_store_segment(o.store), segment);
        n_used = 0;
        assert_whole(&d);
        assert_int_equal(n_used, 9000);
        reopen(&d, &o);
        assert_int_equal(count(&o, "g-0"), 21);
        assert_int_equal(count(&o, "g-8999"), 9000);
        close_log(&o);
        log_dir_free(&d);
}

/* U09: a text is no number of sessions. */
static void a_text_that_looks_like_a_use_is_none(void **state)
{
        LogDir d = log_dir_new(SIZE);
        Opened o = open_log(&d, 0);

        assert_int_equal(append_text(o.store, "denial",
                                     "\",\"grant\":\"g-1\",\"issuer\":\"" ISSUER
                                     "\",\"use\":7,\"x\":\"",
                                     NULL, false),
                         0);
        assert_int_equal(let_in(&o, "g-1", false), 0);
        reopen(&d, &o);
        assert_int_equal(count(&o, "g-1"), 1);
        close_log(&o);
        log_dir_free(&d);
}

static void too_many_grants_are_refused(void **state)
{
        LogUses *u = NULL;
        LogUse *use;
        char jti[32];
        uint32_t n;

        assert_int_equal(log_uses_new(&u), 0);
        for (unsigned i = 0; i < LOG_USES_MAX; i++) {
                (void)snprintf(jti, sizeof(jti), "g-%08u", i);
                assert_int_equal(log_uses_load(u, ISSUER, jti, 1, 1), 0);
        }
        assert_int_equal(log_uses_take(u, ISSUER, "h-1", 1, &use, &n), -ENOSPC);
        assert_int_equal(log_uses_take(u, ISSUER, jti, 1, &use, &n), 0);
        assert_int_equal(n, 2);
        log_uses_free(u);
}

static bool ends_before_2(void *userdata, const char *issuer, const char *jti, int64_t *until_sec)
{
        return *until_sec < 2;
}

static void what_is_under_way_is_not_forgotten(void **state)
{
        LogUses *u = NULL;
        LogUse *use;
        uint32_t n;

        assert_int_equal(log_uses_new(&u), 0);
        assert_int_equal(log_uses_load(u, ISSUER, "g-1", 3, 1), 0);
        assert_int_equal(log_uses_load(u, ISSUER, "g-2", 3, 2), 0);
        assert_int_equal(log_uses_take(u, ISSUER, "g-1", 1, &use, &n), 0);
        log_uses_forget(u, ends_before_2, NULL);
        assert_int_equal(log_uses_count(u, ISSUER, "g-1"), 4);
        log_uses_settle(u, use, true);
        log_uses_forget(u, ends_before_2, NULL);
        assert_int_equal(log_uses_count(u, ISSUER, "g-1"), 0);
        assert_int_equal(log_uses_count(u, ISSUER, "g-2"), 3);
        log_uses_free(u);
}

static int setup(void **state)
{
        return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_count_is_what_the_log_says_after_a_restart),
                cmocka_unit_test(a_segment_begins_with_what_was_used_so_old_ones_may_go),
                cmocka_unit_test(a_rotation_that_was_stopped_forgets_nothing),
                cmocka_unit_test(what_the_reserve_took_is_used_and_so_it_is_after_the_way_back),
                cmocka_unit_test(what_was_not_written_is_not_used),
                cmocka_unit_test(many_counts_fit_before_the_first_record),
                cmocka_unit_test(a_text_that_looks_like_a_use_is_none),
                cmocka_unit_test(too_many_grants_are_refused),
                cmocka_unit_test(what_is_under_way_is_not_forgotten),
        };

        return cmocka_run_group_tests_name("log-uses", tests, setup, NULL);
}
