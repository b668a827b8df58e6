/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a new set means for who is being judged meanwhile: how long from its arrival until what it
 * revokes is denied, against what publishing the same identities costs alone; and how long a
 * decision takes while a large set is verified, replaced and written down. The agent runs in a
 * process of its own, with its doors, and is asked as pam_nhi asks it. */

#include "tests/bench/bench-agent.h"

#include "lib/base/memfd.h"
#include "lib/snapshot/build.h"
#include "lib/wire/feed.h"
#include "nhi-agentd/set-bytes.h"

#include <pthread.h>

#define ACCOUNTS_MAX   10000u
#define ARRIVAL_GRANTS 10000u
#define ARRIVAL_ROUNDS 30u
#define ARRIVAL_USEC   10000u /* the goal */
#define DECISION_USEC  5000u  /* likewise, of 99 in 100 */
#define PAUSE_USEC     1000u
#define SAMPLES_MAX    200000u
#define LIFETIME_SEC   7200

static Fixture server; /* the child's agent; its key is made before the fork */

/* ---- sets ---- */

typedef struct Mint {
        size_t n;
        int64_t ver;
        bool has_bench; /* the grant that is asked about */
        size_t every;   /* only one of so many grants; 1: all */
} Mint;

static void write_accounts(FILE *out, size_t n)
{
        for (size_t i = 0; i < n; i++)
                (void)fprintf(out,
                              "%s{\"name\":\"svc-%05zu\",\"kind\":\"workload\",\"owner\":\"team\","
                              "\"uid\":%zu,\"gid\":%zu}",
                              i > 0 ? "," : "", i, 65536 + i, 65536 + i);
}

static void write_grant(FILE *out, const char *jti, const char *account, int64_t now_sec)
{
        (void)fprintf(out,
                      "{\"jti\":\"%s\",\"account\":\"%s\",\"owner\":\"team\","
                      "\"reason\":\"CHG-42\",\"nbf\":%lld,\"exp\":%lld,"
                      "\"authorization_details\":[" FIXTURE_LOGIN "]}",
                      jti, account, (long long)now_sec, (long long)(now_sec + LIFETIME_SEC));
}

static char *payload(const Mint *m, size_t *ret_size)
{
        const int64_t now_sec = server.base_sec;
        char *text = NULL, jti[32], account[16];
        FILE *out = open_memstream(&text, ret_size);

        if (!out)
                bench_fail("memory for a set");
        (void)fprintf(out,
                      "{\"format\":1,\"iss\":\"" FIXTURE_ISSUER "\",\"aud\":\"" FIXTURE_HOST
                      "\",\"iat\":%lld,\"exp\":%lld,\"ver\":%lld,\"ledger\":\"00\",\"accounts\":[",
                      (long long)now_sec, (long long)(now_sec + 86400),
                      (long long)(now_sec * 1000 + m->ver));
        write_accounts(out, m->n < ACCOUNTS_MAX ? m->n : ACCOUNTS_MAX);
        (void)fputs("],\"grants\":[", out);
        write_grant(out, m->has_bench ? "g-bench" : "g-other", BENCH_GRANTED, now_sec);
        for (size_t i = 1; i < m->n; i += m->every) {
                (void)snprintf(jti, sizeof(jti), "g-%09zu", i * 7919 % 1000003 + 1000000);
                (void)snprintf(account, sizeof(account), "svc-%05zu", i % ACCOUNTS_MAX);
                (void)fputc(',', out);
                write_grant(out, jti, account, now_sec);
        }
        (void)fputs("]}", out);
        if (fclose(out) != 0)
                bench_fail("memory for a set");
        return text;
}

/* A sealed memfd. */
static int mint(const Mint *m)
{
        size_t size = 0;
        char *text = payload(m, &size), *jws = NULL;
        int fd = -EBADF;

        if (jws_sign(&server.key, JWS_TYP_GRANTS, text, size, &jws) != 0)
                bench_fail("sign a set");
        free(text);
        if (memfd_sealed("set", jws, strlen(jws), &fd) < 0)
                bench_fail("memfd");
        free(jws);
        return fd;
}

/* ---- the feed ---- */

static int feed_send(int fd)
{
        struct sockaddr_un address;
        FeedHeader header = {};
        int feed = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        bench_address(PATH_FEED_SOCK, &address);
        memcpy(header.magic, FEED_MAGIC, sizeof(header.magic));
        if (feed < 0 || connect(feed, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            datagram_send_fd(feed, &header, sizeof(header), fd,
                             now_monotonic_usec() + USEC_PER_SEC) < 0)
                bench_fail("feed");
        (void)close(fd);
        return feed;
}

static bool feed_has_answered(int feed, int timeout_ms)
{
        struct pollfd p = { .fd = feed, .events = POLLIN };

        return poll(&p, 1, timeout_ms) == 1;
}

static void feed_expect_accepted(int feed)
{
        char line[FEED_REPLY_MAX] = "";

        if (recv(feed, line, sizeof(line) - 1, 0) <= 0 || strncmp(line, "accepted ", 9) != 0)
                bench_fail(line);
        (void)close(feed);
}

static void offer(const Mint *m)
{
        feed_expect_accepted(feed_send(mint(m)));
}

/* ---- arrival ---- */

static bool is_allowed(const BenchQuestion *q)
{
        uint8_t bytes[1024];
        size_t size = bench_ask(q, bytes, sizeof(bytes));
        WireReply reply;

        if (wire_reply_decode(bytes, size, &reply) != 0)
                bench_fail("an answer that is none");
        return reply.verdict == VERDICT_ALLOW;
}

static double arrival_once(const BenchQuestion *q, int64_t *ver)
{
        int fd, feed;
        uint64_t begin, end;

        offer(&(Mint){ ARRIVAL_GRANTS, (*ver)++, true, 1 });
        if (!is_allowed(q))
                bench_fail("what is granted is denied");
        fd = mint(&(Mint){ ARRIVAL_GRANTS, (*ver)++, false, 1 });
        begin = bench_now();
        feed = feed_send(fd);
        while (is_allowed(q))
                ;
        end = bench_now();
        feed_expect_accepted(feed);
        return (double)(end - begin);
}

/* What cannot be left out: reading the set, on the same machine at the same time. */
static double verify_once(const Mint *m)
{
        static Config *config;
        static LocalDb *local;
        static IdMap *idmap;
        const SetFloor floor = {};
        const int fd = mint(m);
        char error[CONFIG_ERROR_MAX];
        SetBytes *bytes = NULL;
        SetError refused = {};
        GrantSet *set = NULL;
        uint64_t begin, end;

        if (!config && (config_load(PATH_CONF_FILE, PATH_CONF_DIR, &config, error) < 0 ||
                        localdb_load(PATH_ROOT "/etc", &local) < 0 || idmap_new(&idmap) < 0))
                bench_fail("configuration");
        if (set_bytes_map(fd, SET_SIZE_MAX, &bytes) < 0)
                bench_fail("map");
        begin = bench_now();
        if (grant_set_verify(bytes->data, bytes->size, &config->issuers[0].policy, &floor, local,
                             idmap, (Now){ now_realtime_usec(), now_boottime_usec() }, false, &set,
                             &refused) != 0)
                bench_fail(refused.detail);
        end = bench_now();
        grant_set_free(set);
        set_bytes_free(bytes);
        (void)close(fd);
        return (double)(end - begin);
}

/* The identities of such a set, published by the same means. */
static double publish_once(const SnapshotBuild *b)
{
        const uint64_t begin = bench_now();
        uint8_t *data = NULL;
        size_t size = 0;

        if (snapshot_build(b, &data, &size) < 0 ||
            snapshot_publish(PATH_ROOT "/run/bench-identities", data, size) < 0)
                bench_fail("publish");
        free(data);
        return (double)(bench_now() - begin);
}

static SnapshotBuild identities(void)
{
        static char names[ACCOUNTS_MAX][16];
        static SnapshotBuildUser users[ACCOUNTS_MAX];

        for (size_t i = 0; i < ACCOUNTS_MAX; i++) {
                (void)snprintf(names[i], sizeof(names[i]), "svc-%05zu", i);
                users[i] = (SnapshotBuildUser){ .name = names[i],
                                                .gecos = "",
                                                .home = "/",
                                                .shell = "/bin/sh",
                                                .uid = (uid_t)(65536 + i),
                                                .gid = (gid_t)(65536 + i),
                                                .real_deadline = INT64_MAX,
                                                .boot_deadline = INT64_MAX };
        }
        return (SnapshotBuild){ .users = users, .n_users = ACCOUNTS_MAX };
}

static void arrival(const BenchQuestion *q, int64_t *ver)
{
        static const char what[] = "a new set's arrival to the first denial, 10,000 grants";
        double ours[ARRIVAL_ROUNDS], theirs[ARRIVAL_ROUNDS], verified[ARRIVAL_ROUNDS];
        const SnapshotBuild b = identities();
        BenchResult result;

        (void)arrival_once(q, ver);
        (void)publish_once(&b);
        for (size_t i = 0; i < ARRIVAL_ROUNDS; i++) {
                ours[i] = arrival_once(q, ver);
                theirs[i] = publish_once(&b);
                verified[i] = verify_once(&(Mint){ ARRIVAL_GRANTS, (*ver)++, false, 1 });
        }
        result = bench_result(ours, ARRIVAL_ROUNDS);
        bench_row(what, "publish and rename alone", result, bench_result(theirs, ARRIVAL_ROUNDS),
                  (BenchGoal){});
        bench_row(what, "verifying and decoding that set alone", result,
                  bench_result(verified, ARRIVAL_ROUNDS), (BenchGoal){});
        bench_row_alone(what, result, (BenchGoal){ BENCH_AT_MOST, 1e3 * ARRIVAL_USEC });
}

/* ---- decisions meanwhile ---- */

/* Latencies of questions, one after the other with pauses, until the set is answered. */
static size_t ask_until(const BenchQuestion *q, int feed, double *values, size_t max)
{
        size_t n = 0;

        while (n < max) {
                const uint64_t begin = bench_now();

                (void)is_allowed(q);
                values[n++] = (double)(bench_now() - begin);
                if (feed >= 0 && feed_has_answered(feed, 0))
                        break;
                (void)usleep(PAUSE_USEC);
        }
        return n;
}

static void meanwhile(const BenchQuestion *q, const char *what, const Mint *m)
{
        static double values[SAMPLES_MAX];
        const int fd = mint(m);
        uint64_t begin = bench_now();
        const int feed = feed_send(fd);
        const size_t n = ask_until(q, feed, values, SAMPLES_MAX);
        const double took = (double)(bench_now() - begin) / 1e9;
        BenchResult all, p99;
        char text[128];

        feed_expect_accepted(feed);
        all = bench_result(values, n);
        p99 = (BenchResult){ .median = all.p99, .p99 = values[n - 1] };
        (void)printf("# %s: accepted in %.2f s, %zu questions, median %.0f ns, p99 %.0f ns, "
                     "longest %.0f ns\n",
                     what, took, n, all.median, all.p99, values[n - 1]);
        (void)snprintf(text, sizeof(text), "a decision while %s, 99 of 100 (p99: the longest)",
                       what);
        bench_row_alone(text, p99, (BenchGoal){ BENCH_AT_MOST, 1e3 * DECISION_USEC });
        /* What follows the answer is the agent's, too: writing down, freeing. */
        all = bench_result(values, ask_until(q, -1, values, 1000));
        (void)printf("# after it: median %.0f ns, p99 %.0f ns\n", all.median, all.p99);
}

/* ---- the agent ---- */

static void serve(int ready_fd)
{
        bench_agent_files(&server);
        fixture_agent(&server);
        fixture_load(&server);
        if (listener_add(server.agent->listener, PEER_PAM,
                         bench_listen(PATH_PAM_SOCK, SOCK_SEQPACKET)) < 0 ||
            listener_add(server.agent->listener, PEER_FEED,
                         bench_listen(PATH_FEED_SOCK, SOCK_SEQPACKET)) < 0 ||
            listener_start(server.agent->listener) < 0)
                return;
        bench_ready(ready_fd);
        (void)sd_event_loop(server.event);
}

int main(void)
{
        BenchQuestion q;
        int64_t ver = 0;

        if (geteuid() != 0) {
                errno = EPERM;
                bench_fail("only root may ask the agent");
        }
        fixture_clean();
        fixture_dirs();
        server.base_sec = fixture_now();
        if (sodium_init() < 0 || signing_key_generate(&server.key) != 0)
                bench_fail("key");
        bench_server(bench_journal_serve);
        bench_server(serve);
        bench_question(PATH_PAM_SOCK, BENCH_GRANTED, 5, &q);
        arrival(&q, &ver);
        meanwhile(&q, "100,000 grants arrive", &(Mint){ 100000, ver++, true, 1 });
        meanwhile(&q, "half of 100,000 grants are revoked", &(Mint){ 100000, ver++, true, 2 });
        meanwhile(&q, "1,000,000 grants arrive", &(Mint){ 1000000, ver++, true, 1 });
        meanwhile(&q, "half of 1,000,000 grants are revoked", &(Mint){ 1000000, ver++, true, 2 });
        return EXIT_SUCCESS;
}
