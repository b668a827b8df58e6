/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decision log while allocations and system calls fail, and killed at each of them (U04, U05,
 * U06, U07): what was acknowledged is there, once, the chain is whole from its first record, and
 * the log is gone on with, or says that it has failed. Each record lets a session of a counted
 * grant in: as many are used up as were acknowledged, and none that is not in the log (C2). */

#include "tests/fault/fault.h"
#include "tests/unit/log-fixture.h"

#include "lib/base/path.h"

#include <err.h>

#define ROTATE   2048u
#define N_WRITES 6u /* of about 400 bytes: with two rotations among them */

#define ISSUER "https://grants.test"
#define JTI    "g-1"

static unsigned seen[N_WRITES];

static LogDir the_log(void)
{
        LogDir d = { .path = PATH_LOG_DIR,
                     .config = { .rotate_size = ROTATE,
                                 .step_size = 64 * 1024,
                                 .host = "host.test",
                                 .kid = "kid" } };

        d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        d.config.dir = PATH_LOG_DIR;
        return d;
}

static int put(LogStore *s, LogUses *uses, unsigned number)
{
        LogUse *use = NULL;
        uint32_t n = 0;
        LogBody b;
        LogEntry e;
        int r = log_uses_take(uses, ISSUER, JTI, 1, &use, &n);

        if (r < 0)
                return r;

        log_body_init(&b, "decision");
        log_body_text(&b, LOG_FIELD_GRANT, JTI);
        log_body_text(&b, LOG_FIELD_ISSUER, ISSUER);
        log_body_number(&b, LOG_FIELD_USE, n);
        log_body_text(
                &b, LOG_FIELD_DETAIL,
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        log_body_number(&b, LOG_FIELD_DECISION, number);
        log_body_done(&b);
        e = (LogEntry){ .body = b.data,
                        .body_size = b.size,
                        .set = "1111111111111111111111111111111111111111111111111111111111111111",
                        .use = use,
                        .use_n = n };
        log_store_append(s, &e, 1);
        log_uses_settle(uses, use, e.r == 0);
        return e.r;
}

/* One that was opened, used and left. */
static void prepare(void)
{
        LogDir d = the_log();
        LogStore *s = NULL;

        if (log_store_open(&d.config, NULL, 0, &s) < 0 || log_store_error(s, NULL) != 0 ||
            append_text(s, "decision", "before", NULL, false) < 0)
                err(2, "%s", PATH_LOG_DIR);
        log_store_free(s);
        (void)close(d.fd);
}

static void begin(void)
{
        fault->answered = 0;
}

/* answered is what whoever asked was told; it stays when the process does not. */
static void run(void)
{
        LogStoreConfig config = { .dir = PATH_LOG_DIR,
                                  .rotate_size = ROTATE,
                                  .step_size = 64 * 1024,
                                  .host = "host.test",
                                  .kid = "kid" };
        LogStore *s = NULL;

        if (log_uses_new(&config.uses) < 0)
                return;
        (void)log_store_open(&config, NULL, 0, &s);
        for (unsigned i = 0; s && i < N_WRITES; i++) {
                if (put(s, config.uses, i) < 0)
                        break;
                fault->answered = i + 1;
        }
        log_store_free(s);
        log_uses_free(config.uses);
}

static void see(const LogLine *l)
{
        int64_t n = 0;

        if (log_line_number(l, LOG_FIELD_DECISION, &n) == 0 && n >= 0 && n < N_WRITES)
                seen[n]++;
}

static void read_all(const char *when)
{
        LogDir d = the_log();
        LogRead r;

        memset(seen, 0, sizeof(seen));
        r = log_dir_read(&d, see);
        (void)close(d.fd);
        if (r.wrong)
                fault_fail("%s: %s after record %llu: %s", when, r.file, (unsigned long long)r.seq,
                           r.wrong);
        for (unsigned i = 0; i < N_WRITES; i++)
                if (seen[i] > 1 || (i < fault->answered && seen[i] == 0))
                        fault_fail("%s: record %u, %s, is there %u times", when, i,
                                   i < fault->answered ? "acknowledged" : "refused", seen[i]);
}

/* As many as there are records of it, in whatever segment. */
static void check_uses(LogUses *uses, const char *when)
{
        const uint32_t n = log_uses_count(uses, ISSUER, JTI);
        uint32_t n_there = 0;

        for (unsigned i = 0; i < N_WRITES; i++)
                n_there += seen[i];
        if (n < fault->answered || n != n_there)
                fault_fail("%s: %u are used, %u were let in, %u are in the log", when, n,
                           fault->answered, n_there);
}

/* Opened again; where it failed before, an administrator has resumed it. */
static void go_on(LogUses *uses, bool may_have_failed)
{
        LogDir d = the_log();
        LogStore *s = NULL;
        const char *why = "no memory";

        (void)close(d.fd);
        d.config.uses = uses;
        if (log_store_open(&d.config, NULL, 0, &s) < 0 || log_store_error(s, &why) != 0) {
                if (!s || !may_have_failed || resume_log(s) < 0) {
                        fault_fail("cannot be gone on with: %s", why);
                        log_store_free(s);
                        return;
                }
        }
        FAULT_REQUIRE(append_text(s, "decision", "after", NULL, false) == 0);
        log_store_free(s);
}

static void look(const char *when, bool may_have_failed)
{
        LogUses *uses = NULL;

        if (log_uses_new(&uses) < 0)
                err(2, "no memory");
        go_on(uses, may_have_failed);
        read_all(when);
        check_uses(uses, when);
        log_uses_free(uses);
}

static void judge(void)
{
        if (fault_is_clean() && fault->answered != N_WRITES)
                fault_fail("%u were written", fault->answered);
        /* The tail may be torn still: who opens it settles that. */
        look("after a fault", true);
}

static void recover(void)
{
        look("after a kill", false);
}

int main(int argc, char *argv[])
{
        static const Scenario list[] = {
                { .name = "log-append",
                  .prepare = prepare,
                  .begin = begin,
                  .run = run,
                  .judge = judge,
                  .recover = recover,
                  .warm = true,
                  .short_step = 3 },
        };

        if (sodium_init() < 0)
                return 2;
        return fault_main(argc, argv, list, ELEMENTSOF(list));
}
