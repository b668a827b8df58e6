/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The payload of a statement of freshness (F1..F4). Input: the payload, which is then signed. What
 * is taken moves no set's end in, nor too far out. */

#include "lib/base/macro.h"
#include "nhi-agentd/set/freshness.h"
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

#define NOW_SEC INT64_C(1763760010)
#define DAY     INT64_C(86400)

static SigningKey key;
static TrustedKey trusted;
static SetPolicy policy = { .issuer = "https://grants.example.org",
                            .audience = "web1",
                            .n_keys = 1,
                            .fresh_max_sec = DAY };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        static const uint8_t seed[crypto_sign_SEEDBYTES] = "a key of the fuzzer's own";

        (void)argc;
        (void)argv;
        if (sodium_init() < 0)
                return -1;
        crypto_sign_seed_keypair(key.public.public, key.secret, seed);
        jwk_from_public(key.public.public, &key.public);
        trusted = (TrustedKey){ .jwk = key.public, .reach = { .sign_freshness = true } };
        policy.keys = &trusted;
        return 0;
}

static void check_end(const Freshness *f, int64_t iat_sec, int64_t lifetime_sec)
{
        const int64_t exp_sec = iat_sec + lifetime_sec;
        const int64_t end_sec = freshness_end(f, policy.fresh_max_sec, iat_sec, exp_sec);

        FUZZ_HOLDS(end_sec >= exp_sec, "F1: not earlier");
        FUZZ_HOLDS(end_sec == exp_sec || end_sec <= f->exp_sec, "not beyond the statement");
        FUZZ_HOLDS(end_sec == exp_sec || end_sec <= f->iat_sec + lifetime_sec, "F4: the issuer's");
        FUZZ_HOLDS(end_sec == exp_sec || end_sec <= iat_sec + DAY, "F4: the host's");
}

static void check_statement(const Freshness *f)
{
        FUZZ_HOLDS(strlen(f->set) == 64 && f->ver > 0, "it names a set");
        FUZZ_HOLDS(f->iat_sec > 0 && f->iat_sec < f->exp_sec && f->exp_sec > NOW_SEC, "in order");
        FUZZ_HOLDS(f->iat_sec <= NOW_SEC + SET_AHEAD_SEC, "not ahead");
        FUZZ_HOLDS(f->ver <= (NOW_SEC + SET_AHEAD_SEC) * 1000, "nor its set");
        FUZZ_HOLDS(freshness_is_trusted(f, &policy), "its key may sign it");
        check_end(f, NOW_SEC - DAY, 3600);
        check_end(f, NOW_SEC - 3600, DAY);
        check_end(f, f->iat_sec, 7 * DAY);
        check_end(f, f->iat_sec + 1, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const Now now = { .real_usec = NOW_SEC * 1000000, .boot_usec = 1 };
        SetError error = { "", "" };
        Freshness *f = NULL;
        char *jws = NULL;
        int r;

        if (jws_sign(&key, JWS_TYP_FRESHNESS, data, size, &jws) < 0)
                abort();
        r = freshness_verify(jws, strlen(jws), &policy, now, FRESHNESS_OFFERED, &f, &error);
        FUZZ_HOLDS(r == 0 || r == SET_E_REFUSED, "a statement is taken or refused");
        FUZZ_HOLDS(r == 0 || (!f && *error.code && *error.detail), "a refusal has its reason");
        if (r == 0)
                check_statement(f);
        freshness_free(f);
        free(jws);
        return 0;
}
