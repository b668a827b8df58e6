/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* U04, U05, U06, U07 (and the promises L1 to L4 of nhi-agentd/log/store.h) on a disk that fails. */

#include "tests/unit/log-disk.h"
#include "tests/unit/log-fixture.h"

#define ROTATE     (12u * 1024)
#define DECISIONS  4096u
#define POWER_CUTS 60u

/* Which decisions were acknowledged, and how often each was read. */
static bool acknowledged[DECISIONS];
static unsigned seen[DECISIONS];
static unsigned next_decision;

static void see(const LogLine *l)
{
        int64_t n = 0;

        if (log_line_number(l, LOG_FIELD_DECISION, &n) == 0 && n < DECISIONS)
                seen[n]++;
}

/* A batch of some decisions; what it was told becomes known. */
static int append_batch(LogStore *s, unsigned n, bool use_reserve)
{
        static LogBody bodies[8];
        static char detail[2048];
        LogEntry entries[8];
        const unsigned first = next_decision;

        for (unsigned i = 0; i < n; i++) {
                const size_t size = (size_t)random() % (sizeof(detail) - 1);

                memset(detail, 'a' + (int)(next_decision % 26), size);
                detail[size] = '\0';
                log_body_init(&bodies[i], "decision");
                log_body_text(&bodies[i], LOG_FIELD_DETAIL, detail);
                log_body_number(&bodies[i], LOG_FIELD_DECISION, next_decision++);
                log_body_done(&bodies[i]);
                entries[i] = (LogEntry){ .body = bodies[i].data,
                                         .body_size = bodies[i].size,
                                         .use_reserve = use_reserve };
        }
        log_store_append(s, entries, n);
        for (unsigned i = 0; i < n; i++)
                acknowledged[first + i] = entries[i].r == 0;
        return entries[0].r;
}

static void forget(void)
{
        memset(acknowledged, 0, sizeof(acknowledged));
        next_decision = 0;
}

static void judge(LogDir *d, unsigned seed)
{
        LogRead r;

        memset(seen, 0, sizeof(seen));
        r = log_dir_read(d, see);
        if (r.wrong)
                fail_msg("run %u: %s after record %llu: %s", seed, r.file,
                         (unsigned long long)r.seq, r.wrong);
        for (unsigned i = 0; i < next_decision; i++)
                if (seen[i] > 1 || (acknowledged[i] && seen[i] == 0))
                        fail_msg("run %u: decision %u was %s and is there %u times", seed, i,
                                 acknowledged[i] ? "acknowledged" : "refused", seen[i]);
}

/* U04: an answer never precedes its record, wherever the power goes. */
static void what_was_acknowledged_is_there_after_any_power_cut(void **state)
{
        const unsigned n_runs = getenv("NHI_LONG") ? 100 * POWER_CUTS : POWER_CUTS;
        unsigned n_cut = 0;

        for (unsigned seed = 0; seed < n_runs; seed++) {
                LogDir d = log_dir_new(ROTATE);
                LogHead head;
                bool has_head = false;

                srandom(seed);
                forget();
                for (unsigned generation = 0; generation < 4; generation++) {
                        LogStore *s;
                        const char *why = NULL;

                        /* The last one is to come through. */
                        disk_arm(generation < 3 ? 1 + (unsigned)random() % 120 : 0, EIO, true);
                        s = log_dir_open(&d, has_head ? &head : NULL, 0);
                        if (log_store_error(s, &why) != 0 && !disk.fired)
                                fail_msg("run %u: %s", seed, why);
                        for (unsigned i = 0; i < 20; i++)
                                if (append_batch(s, 1 + (unsigned)random() % 6, false) == 0) {
                                        log_store_head(s, &head);
                                        has_head = true;
                                }
                        log_store_free(s);
                        n_cut += disk.fired;
                        if (disk.fired)
                                disk_cut(d.fd);
                        disk_arm(0, 0, false);
                }
                disk_forget_all();
                judge(&d, seed);
                log_dir_free(&d);
        }
        assert_true(n_cut > n_runs * 2);
}

/* One more run with the Nth call failing: true where it was reached. */
static bool run_with_failure(unsigned nth, int error)
{
        LogDir d = log_dir_new(ROTATE);
        LogStore *s;
        unsigned n_writes;

        srandom(nth);
        forget();
        disk_arm(nth, error, false);
        s = log_dir_open(&d, NULL, 0);
        for (unsigned i = 0; i < 12 && !disk.fired; i++)
                (void)append_batch(s, 1 + (unsigned)random() % 3, false);
        disk.fail_at = 0;
        if (log_store_error(s, NULL) != 0) {
                /* U06: one failure is one for good, whatever would succeed now. */
                n_writes = disk.n_writes;
                for (unsigned i = 0; i < 3; i++)
                        assert_int_not_equal(append_batch(s, 1, false), 0);
                assert_int_equal(disk.n_writes, n_writes);
                assert_int_not_equal(log_store_rotate(s), 0);
                assert_int_equal(disk.n_writes, n_writes);
                (void)append_batch(s, 1, true);
                assert_int_equal(resume_log(s), 0);
        }
        assert_int_equal(append_batch(s, 2, false), 0);
        log_store_free(s);
        judge(&d, nth);
        s = log_dir_open(&d, NULL, 0);
        assert_int_equal(log_store_error(s, NULL), 0);
        assert_int_equal(append_batch(s, 1, false), 0);
        log_store_free(s);
        judge(&d, nth);
        disk_forget_all();
        log_dir_free(&d);
        return disk.fired;
}

static void the_first_failure_of_any_call_is_for_good(void **state)
{
        static const int errors[] = { EIO, ENOSPC };
        unsigned n;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                for (n = 1; run_with_failure(n, errors[i]); n++)
                        ;
                assert_true(n > 40);
        }
}

/* L2: where no step is left what a record needs may be. */
static void the_last_space_is_used_before_the_log_fails(void **state)
{
        LogDir d = log_dir_new(LOG_SEGMENT_SIZE_MAX);
        static char detail[1400];
        LogStore *s;

        memset(detail, 'x', sizeof(detail) - 1);
        disk_arm(0, 0, false);
        s = log_dir_open(&d, NULL, 0);
        disk.space = (off_t)d.config.step_size / 2;
        for (unsigned i = 0; i < 200; i++) /* two steps */
                assert_int_equal(append_text(s, "decision", detail, NULL, false), 0);
        disk.space = 1;
        assert_int_equal(append_text(s, "decision", detail, NULL, false), -ENOSPC);
        disk.space = 0;
        assert_int_equal(append_text(s, "decision", detail, NULL, false), -ENOSPC);
        assert_int_equal(resume_log(s), 0);
        log_store_free(s);
        assert_null(log_dir_read(&d, NULL).wrong);
        disk_forget_all();
        log_dir_free(&d);
}

/* The disk stays as it is: every resume fails, nothing is lost, and once it is well one succeeds.
 */
static void a_resume_that_fails_can_be_said_again(void **state)
{
        for (unsigned nth = 1;; nth++) {
                LogDir d = log_dir_new(ROTATE);
                LogStore *s;
                int r;

                srandom(nth);
                forget();
                disk_arm(0, ENOSPC, false);
                s = log_dir_open(&d, NULL, 0);
                assert_int_equal(append_batch(s, 2, false), 0);
                disk.fail_at = disk.n_calls + 1;
                assert_int_not_equal(append_batch(s, 2, false), 0);
                assert_int_equal(append_batch(s, 1, true), 0);
                disk_arm(nth, EIO, false);
                r = resume_log(s);
                disk.fail_at = 0;
                assert_int_equal(r < 0, disk.fired);
                if (r < 0) {
                        assert_int_not_equal(append_batch(s, 1, false), 0);
                        assert_int_equal(resume_log(s), 0);
                }
                assert_int_equal(append_batch(s, 1, false), 0);
                log_store_free(s);
                judge(&d, nth);
                disk_forget_all();
                log_dir_free(&d);
                if (!disk.fired)
                        break;
        }
}

/* A rotation, a start and a resume that the power interrupts. */
static void a_resume_that_loses_its_power_is_finished_or_said_again(void **state)
{
        for (unsigned seed = 0; seed < 200; seed++) {
                LogDir d = log_dir_new(ROTATE);
                LogStore *s;
                const char *why = NULL;

                srandom(seed);
                forget();
                disk_arm(0, EIO, false);
                s = log_dir_open(&d, NULL, 0);
                (void)append_batch(s, 2, false);
                disk.fail_at = disk.n_calls + 1 + (unsigned)random() % 2;
                assert_int_not_equal(append_batch(s, 2, false), 0);
                if (seed % 2)
                        (void)append_batch(s, 1, true);
                disk_arm(1 + (unsigned)random() % 20, EIO, true);
                (void)resume_log(s);
                log_store_free(s);
                disk_cut(d.fd);
                disk_arm(0, 0, false);
                s = log_dir_open(&d, NULL, -EBUSY);
                if (resume_log(s) < 0) {
                        (void)log_store_error(s, &why);
                        fail_msg("run %u: %s", seed, why);
                }
                assert_int_equal(append_batch(s, 1, false), 0);
                log_store_free(s);
                disk_forget_all();
                judge(&d, seed);
                log_dir_free(&d);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_acknowledged_is_there_after_any_power_cut),
                cmocka_unit_test(the_first_failure_of_any_call_is_for_good),
                cmocka_unit_test(the_last_space_is_used_before_the_log_fails),
                cmocka_unit_test(a_resume_that_fails_can_be_said_again),
                cmocka_unit_test(a_resume_that_loses_its_power_is_finished_or_said_again),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests_name("log-crash", tests, NULL, NULL);
}
