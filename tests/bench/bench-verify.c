/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Verifying a log against the hash that it cannot do without: BLAKE2b of the same lines, one after
 * the other. Records as decisions make them, in segments as long as the agent's; all of it is in
 * the page cache. */

#include "tests/bench/bench.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/log/record.h"
#include "nhictl/log/verify.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>

#define N_SEGMENTS   4u
#define SEGMENT_SIZE (32u * 1024 * 1024)
#define N_ROUNDS     12
#define PATH_LOG     PATH_ROOT "/var/log/nhi-verify"

static char *lines;
static size_t lines_size;

/* ---- a log -------------------------------------------------------------------------------------
 */

static void decision(LogBody *b, unsigned n)
{
        static const char *const actors[] = { "spiffe://example.org/agent/release-bot",
                                              "user:alice@example.org" };
        char session[48], detail[64];

        (void)snprintf(session, sizeof(session), "0123456789abcdef-%u", n);
        (void)snprintf(detail, sizeof(detail), "session %u", n);
        log_body_init(b, "decision");
        log_body_text(b, LOG_FIELD_ACCOUNT, "svc-deploy");
        log_body_number(b, LOG_FIELD_UID, 66001);
        log_body_text(b, LOG_FIELD_KIND, "workload");
        log_body_text(b, LOG_FIELD_CLASS, "ssh");
        log_body_text(b, LOG_FIELD_SERVICE, "sshd");
        log_body_text(b, LOG_FIELD_PHASE, "account");
        log_body_text(b, LOG_FIELD_MODE, "enforce");
        log_body_text(b, LOG_FIELD_VERDICT, "allow");
        log_body_text(b, LOG_FIELD_REASON, "granted");
        log_body_number(b, LOG_FIELD_UNTIL, 1795341304);
        log_body_text(b, LOG_FIELD_GRANT, "01JD9Q0000000000000000GRANT");
        log_body_text(b, LOG_FIELD_SUBJECT, "spiffe://example.org/agent/release-bot");
        log_body_texts(b, LOG_FIELD_ACTOR, actors, ELEMENTSOF(actors));
        log_body_text(b, LOG_FIELD_OWNER, "payments");
        log_body_text(b, LOG_FIELD_WHY, "CHG-42 roll out 2.3 to the payment hosts");
        log_body_text(b, LOG_FIELD_SET,
                      "5f3759df5f3759df5f3759df5f3759df5f3759df5f3759df5f3759df5f3759df");
        log_body_text(b, LOG_FIELD_RHOST, "198.51.100.17");
        log_body_number(b, LOG_FIELD_PID, 4000 + n);
        log_body_text(b, LOG_FIELD_UNIT, "ssh.service");
        log_body_text(b, LOG_FIELD_BOOT, "0123456789abcdef0123456789abcdef");
        log_body_text(b, LOG_FIELD_SESSION, session);
        log_body_text(b, LOG_FIELD_DETAIL, detail);
        log_body_done(b);
}

static void border(LogBody *b, uint64_t seq, uint64_t before)
{
        static const char *const sets[] = {
                "5f3759df5f3759df5f3759df5f3759df5f3759df5f3759df5f3759df5f3759df"
        };
        char name[LOG_NAME_SIZE + 1];

        if (seq == 0) {
                log_body_init(b, LOG_EVENT_SEGMENT_END);
                log_body_texts(b, LOG_FIELD_SETS, sets, 1);
                log_body_done(b);
                return;
        }
        log_body_init(b, seq == 1 ? LOG_EVENT_CREATED : LOG_EVENT_SEGMENT);
        log_body_text(b, LOG_FIELD_LOG, "0123456789abcdef0123456789abcdef");
        log_body_number(b, LOG_FIELD_FORMAT, LOG_FORMAT);
        log_body_text(b, LOG_FIELD_HOST, "web1.example.org");
        log_name_format(LOG_FILE_CLOSED, before, name);
        log_body_text(b, LOG_FIELD_SEGMENT, before > 0 ? name : "");
        log_body_done(b);
}

static void add(LogChain *chain, const LogBody *b, size_t *used)
{
        size_t size = 0;

        if (log_line_make(chain, now_realtime_usec(), b->data, b->size, lines + lines_size + *used,
                          LOG_LINE_MAX, &size) < 0)
                bench_fail("a record");
        *used += size;
}

static void write_file(const char *name, const char *data, size_t size)
{
        char path[4096];
        int fd;

        (void)snprintf(path, sizeof(path), "%s/%s", PATH_LOG, name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0 || fd_write_all(fd, data, size) < 0)
                bench_fail(path);
        (void)close(fd);
}

static void make_log(void)
{
        char name[LOG_NAME_SIZE + 1];
        uint64_t before = 0;
        LogChain chain = {};
        LogBody b;

        if (system("mkdir -p " PATH_LOG " && rm -f " PATH_LOG "/*") != 0)
                bench_fail(PATH_LOG);
        lines = malloc((size_t)N_SEGMENTS * (SEGMENT_SIZE + 4 * LOG_LINE_MAX));
        if (!lines)
                bench_fail("memory");
        for (unsigned i = 0; i < N_SEGMENTS; i++) {
                const uint64_t first = chain.seq + 1;
                size_t used = 0;

                border(&b, first, before);
                add(&chain, &b, &used);
                for (unsigned n = 0; used < SEGMENT_SIZE; n++) {
                        decision(&b, n);
                        add(&chain, &b, &used);
                }
                border(&b, 0, 0);
                add(&chain, &b, &used);
                log_name_format(LOG_FILE_CLOSED, first, name);
                /* Without an active one a rotation would be waited for. */
                write_file(i + 1 < N_SEGMENTS ? name : LOG_ACTIVE_NAME, lines + lines_size, used);
                lines_size += used;
                before = first;
        }
        printf("%llu records, %zu bytes, %zu a record\n", (unsigned long long)chain.seq, lines_size,
               lines_size / chain.seq);
}

/* ---- both sides --------------------------------------------------------------------------------
 */

static double rate(uint64_t begin)
{
        return (double)lines_size * 1000 / (double)(bench_now() - begin);
}

static double hash_rate(void)
{
        const uint64_t begin = bench_now();
        uint8_t hash[32];

        for (const char *p = lines, *end = lines + lines_size, *newline; p < end; p = newline + 1) {
                newline = memchr(p, '\n', (size_t)(end - p));
                (void)crypto_generichash(hash, sizeof(hash), (const uint8_t *)p,
                                         (size_t)(newline - p), NULL, 0);
        }
        return rate(begin);
}

static double verify_rate(unsigned n_threads)
{
        const VerifyOptions options = { .n_threads = n_threads };
        const uint64_t begin = bench_now();
        VerifyReport report;
        LogSource *source;

        if (log_source_open(PATH_LOG, &source) < 0 || verify_log(source, &options, &report) < 0 ||
            report.n_problems > 0)
                bench_fail("the log is not whole");
        (void)log_source_free(source);
        return rate(begin);
}

/* Of rates the low end is the bad one. */
static BenchResult result_of(double *rates)
{
        BenchResult result = bench_result(rates, N_ROUNDS);

        result.p99 = rates[0];
        return result;
}

int main(void)
{
        double all[N_ROUNDS], one[N_ROUNDS], hash[N_ROUNDS];
        BenchResult against;

        if (sodium_init() < 0)
                bench_fail("libsodium");
        make_log();
        (void)verify_rate(0);
        for (size_t i = 0; i < N_ROUNDS; i++) {
                all[i] = verify_rate(0);
                hash[i] = hash_rate();
                one[i] = verify_rate(1);
        }
        against = result_of(hash);
        bench_row("nhictl log verify [MB/s]", "BLAKE2b of the same lines, one thread",
                  result_of(all), against, (BenchGoal){ BENCH_AT_LEAST, 0.8 });
        bench_row("nhictl log verify, one thread [MB/s]", "BLAKE2b of the same lines, one thread",
                  result_of(one), against, (BenchGoal){});
        free(lines);
        return system("rm -rf " PATH_LOG) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
