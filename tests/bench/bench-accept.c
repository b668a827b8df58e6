/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What it costs to accept a set: verify, decode, and put it in the orders that the agent asks for.
 * Against what cannot be left out whoever does it: the Ed25519 verification of the same bytes and
 * jansson's reading of the same payload. Each size in a process of its own, whose memory is
 * nothing but that. */

#include "lib/base/macro.h"
#include "lib/base/memfd.h"
#include "nhi-agentd/set/idmap.h"
#include "nhi-agentd/set/localdb.h"
#include "tests/bench/bench.h"
#include "tests/bench/grant-set.h"

#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define BYTES_PER_GRANT 400.0
#define RATIO           2.0
#define ACCOUNTS        10000u /* at most, of the sets that are timed */
#define PSS_GRANTS      10000u
#define PSS             (15.0 * 1024 * 1024)
#define GROWTH          1.25 /* of the cost of one grant, from a set to one ten times larger */

typedef struct Bytes {
        const char *data;
        size_t size;
} Bytes;

typedef struct World {
        SigningKey key;
        TrustedKey trusted;
        SetPolicy policy;
        LocalDb *local;
        IdMap *idmap;
} World;

static void world_init(World *w)
{
        static const char *all[] = { "*" };
        const StrList any = { all, 1 };
        const Reach reach = { .sign_accounts = true,
                              .sign_ssh_keys = true,
                              .sign_grants = true,
                              .accounts = any,
                              .services = any,
                              .groups = any,
                              .run_as = any,
                              .lifetime_max_sec = BENCH_SET_LIFETIME_SEC };

        if (sodium_init() < 0 || signing_key_generate(&w->key) != 0 ||
            localdb_empty(&w->local) != 0 || idmap_new(&w->idmap) != 0)
                bench_fail("world");
        w->trusted = (TrustedKey){ .jwk = w->key.public, .reach = reach };
        w->policy = (SetPolicy){ .issuer = BENCH_SET_ISSUER,
                                 .audience = BENCH_SET_HOST,
                                 .keys = &w->trusted,
                                 .n_keys = 1,
                                 .ceiling = reach };
}

/* Minted by a child, so that the heap that is measured has never held it. */
static Bytes mint(const World *w, size_t n_accounts, size_t n)
{
        int fd = memfd_create("set", MFD_CLOEXEC), status = 0;
        pid_t pid = fork();
        off_t size;
        void *data;

        if (pid == 0) {
                bench_set_mint(&w->key, n_accounts, n, fd);
                _exit(EXIT_SUCCESS);
        }
        if (fd < 0 || pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
                bench_fail("mint");
        size = lseek(fd, 0, SEEK_END);
        data = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
        if (data == MAP_FAILED)
                bench_fail("map a set");
        (void)close(fd);
        return (Bytes){ data, (size_t)size };
}

/* ---- the two sides --------------------------------------------------------------------------- */

typedef struct Accepted {
        GrantSet *set;
        GrantStore store;
} Accepted;

static Accepted accept_set(const World *w, Bytes jws, size_t n)
{
        const Now now = { BENCH_SET_BASE_SEC * INT64_C(1000000), 1 };
        const SetFloor floor = { 0 };
        Accepted a = { 0 };
        SetError error = { "", "" };

        if (grant_set_verify(jws.data, jws.size, &w->policy, &floor, w->local, w->idmap, now, false,
                             &a.set, &error) != 0 ||
            grant_store_build((const GrantSet *const *)&a.set, 1, &a.store) != 0) {
                (void)fprintf(stderr, "bench: %s: %s\n", error.code, error.detail);
                bench_fail("accept");
        }
        if (a.store.n_grants != n)
                bench_fail("some were quarantined");
        return a;
}

static void accepted_done(Accepted *a)
{
        grant_store_done(&a->store);
        a->set = grant_set_free(a->set);
}

typedef struct Plain {
        uint8_t signature[crypto_sign_BYTES];
        Bytes signed_bytes, payload;
} Plain;

/* The decoding is not timed: it is no part of what we are measured by. */
static Plain plain_new(Bytes jws)
{
        const char *first = memchr(jws.data, '.', jws.size), *second = NULL;
        Plain p = { 0 };
        size_t n = 0, size = 0;
        char *payload;

        second = memchr(first + 1, '.', jws.size - (size_t)(first + 1 - jws.data));
        size = (size_t)(second - first - 1);
        payload = malloc(size);
        if (!payload || base64url_decode_public(first + 1, size, (uint8_t *)payload, size, &n) ||
            base64url_decode(second + 1, jws.size - (size_t)(second + 1 - jws.data), p.signature,
                             sizeof(p.signature), &size))
                bench_fail("decode");
        p.signed_bytes = (Bytes){ jws.data, (size_t)(second - jws.data) };
        p.payload = (Bytes){ payload, n };
        return p;
}

static json_t *plain_read(const World *w, const Plain *p)
{
        json_t *json;

        if (crypto_sign_verify_detached(p->signature, (const uint8_t *)p->signed_bytes.data,
                                        p->signed_bytes.size, w->key.public.public) != 0)
                bench_fail("signature");
        json = json_loadb(p->payload.data, p->payload.size, JSON_REJECT_DUPLICATES, NULL);
        if (!json)
                bench_fail("json");
        return json;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static double time_ours(const World *w, Bytes jws, size_t n)
{
        uint64_t begin = bench_now(), end;
        Accepted a = accept_set(w, jws, n);

        end = bench_now();
        accepted_done(&a);
        return (double)(end - begin);
}

static double time_plain(const World *w, const Plain *p)
{
        uint64_t begin = bench_now(), end;
        json_t *json = plain_read(w, p);

        end = bench_now();
        json_decref(json);
        /* A million small pieces lie about now, in any order: whoever comes next would pay for it.
         */
        (void)malloc_trim(0);
        return (double)(end - begin);
}

/* A line of a file that counts kilobytes, in bytes. */
static size_t file_size(const char *path, const char *name)
{
        FILE *file = fopen(path, "re");
        size_t kilobytes = 0;
        char line[256];

        while (file && fgets(line, sizeof(line), file))
                if (strncmp(line, name, strlen(name)) == 0)
                        kilobytes = strtoul(line + strlen(name) + 1, NULL, 10);
        if (file)
                (void)fclose(file);
        return kilobytes * 1024;
}

static size_t status_size(const char *name)
{
        return file_size("/proc/self/status", name);
}

static void forget_peak(void)
{
        int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, "5", 1) != 1)
                bench_fail("/proc/self/clear_refs");
        (void)close(fd);
}

static size_t heap_size(void)
{
        struct mallinfo2 info = mallinfo2();

        return info.uordblks + info.hblkhd;
}

static void row_bytes(const char *what, size_t n, double value, BenchGoal goal)
{
        const BenchResult result = { value, value };
        char name[160];

        (void)snprintf(name, sizeof(name), "%s, of %zu [bytes]", what, n);
        bench_row_alone(name, result, goal);
}

static void measure_memory(const World *w, Bytes jws, size_t n)
{
        const BenchGoal none = { BENCH_NO_GOAL, 0 }, bound = { BENCH_AT_MOST, BYTES_PER_GRANT };
        size_t before, heap_before, peak, kept;
        Accepted a;

        (void)malloc_trim(0);
        forget_peak();
        before = status_size("VmRSS");
        heap_before = heap_size();
        a = accept_set(w, jws, n);
        peak = status_size("VmHWM") - before;
        kept = heap_size() - heap_before;
        accepted_done(&a);
        /* A small set's accounts outweigh its grants: only ten grants and more to an account say
         * something of a grant. */
        row_bytes("memory of a grant with its share of account and indexes", n,
                  (double)kept / (double)n, n >= 10 * ACCOUNTS ? bound : none);
        row_bytes("memory of a grant while its set is accepted, beyond the set as received", n,
                  (double)peak / (double)n, none);
        row_bytes("a grant as received", n, (double)jws.size / (double)n, none);
}

static void measure_time(const World *w, Bytes jws, size_t n, size_t n_rounds)
{
        const BenchGoal goal = { BENCH_AT_MOST, RATIO };
        Plain p = plain_new(jws);
        double ours[64], plain[64];
        BenchResult r_ours, r_plain;
        char what[80];

        for (size_t i = 0; i < n_rounds; i++) {
                ours[i] = time_ours(w, jws, n);
                plain[i] = time_plain(w, &p);
        }
        (void)snprintf(what, sizeof(what), "accepting a set of %zu grants", n);
        r_ours = bench_result(ours, n_rounds);
        r_plain = bench_result(plain, n_rounds);
        bench_row(what, "Ed25519 over the same bytes and jansson's reading them", r_ours, r_plain,
                  goal);
        free((void *)p.payload.data);
}

/* One grant of n against one of n / 10. */
static void measure_growth(const World *w, Bytes jws, size_t n, size_t n_rounds)
{
        const BenchGoal goal = { BENCH_AT_MOST, GROWTH };
        const Bytes tenth = mint(w, ACCOUNTS, n / 10);
        double large[64], small[64];
        char what[80], against[80];

        for (size_t i = 0; i < n_rounds; i++) {
                large[i] = time_ours(w, jws, n) / (double)n;
                small[i] = time_ours(w, tenth, n / 10) / (double)(n / 10);
        }
        (void)snprintf(what, sizeof(what), "accepting one grant of %zu", n);
        (void)snprintf(against, sizeof(against), "one of %zu", n / 10);
        bench_row(what, against, bench_result(large, n_rounds), bench_result(small, n_rounds),
                  goal);
}

static int measure(size_t n)
{
        const size_t n_rounds = n > 100000 ? 1 : n > 10000 ? 5 : 50;
        World w = { 0 };
        Bytes jws;

        world_init(&w);
        jws = mint(&w, n < ACCOUNTS ? n : ACCOUNTS, n);
        measure_memory(&w, jws, n);
        measure_time(&w, jws, n, n_rounds);
        if (n > 10000)
                measure_growth(&w, jws, n, n_rounds);
        return EXIT_SUCCESS;
}

/* All that a process needs which links what the agent links and has the set in force. The bytes it
 * came in are gone by then, as the agent's are: they are in the archive. */
static int measure_pss(size_t n_accounts)
{
        const BenchGoal goal = { BENCH_AT_MOST, PSS };
        char what[80];
        World w = { 0 };
        Accepted a;
        Bytes jws;

        world_init(&w);
        jws = mint(&w, n_accounts, PSS_GRANTS);
        a = accept_set(&w, jws, PSS_GRANTS);
        (void)munmap((void *)jws.data, jws.size);
        (void)snprintf(what, sizeof(what), "PSS of a process with a set for %zu accounts in force",
                       n_accounts);
        row_bytes(what, PSS_GRANTS, (double)file_size("/proc/self/smaps_rollup", "Pss:"), goal);
        accepted_done(&a);
        return EXIT_SUCCESS;
}

static void run(const char *what, const char *size)
{
        int status = 0;
        pid_t pid = fork();

        if (pid == 0) {
                (void)execl("/proc/self/exe", "bench-accept", what, size, (char *)NULL);
                bench_fail("exec");
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
                bench_fail(size);
}

int main(int argc, char **argv)
{
        static const char *const runs[][2] = {
                { "set", "1000" }, { "set", "100000" }, { "set", "1000000" },
                { "pss", "1000" }, { "pss", "10000" },
        };

        if (argc == 3)
                return streq(argv[1], "pss") ? measure_pss(strtoul(argv[2], NULL, 10))
                                             : measure(strtoul(argv[2], NULL, 10));
        for (size_t i = 0; i < ELEMENTSOF(runs); i++)
                run(runs[i][0], runs[i][1]);
        return EXIT_SUCCESS;
}
