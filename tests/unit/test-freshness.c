/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises F1..F4 of nhi-agentd/set/freshness.h, and every refusal; on their way into force
 * tests/unit/test-sets-fresh.c. */

#include "nhi-agentd/set/freshness.h"

#include "lib/base/macro.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define T0     INT64_C(1763760000)
#define SEC    INT64_C(1000000)
#define ISSUER "https://grants.example.org"
#define HOST   "web1.example.org"
#define SET    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define WEEK   (7 * INT64_C(86400))

#define HEAD       "{\"format\":1,\"iss\":\"" ISSUER "\",\"aud\":\"" HOST "\","
#define NAMED      "\"set\":\"" SET "\",\"ver\":1763760000123,"
#define TIMES      "\"iat\":1763760000,\"exp\":1763846400}"
#define STATEMENT  HEAD NAMED TIMES
#define OF(a, b)   HEAD NAMED "\"iat\":" #a ",\"exp\":" #b "}"
#define WITH(more) HEAD NAMED more "," TIMES

static struct {
        SigningKey key;
        TrustedKey trusted;
        SetPolicy policy;
        Now now;
        Freshness *it;
        SetError error;
        char *jws;
} f;

static int setup(void **state)
{
        memset(&f, 0, sizeof(f));
        if (sodium_init() < 0 || signing_key_generate(&f.key) < 0)
                return -1;
        f.trusted = (TrustedKey){ .jwk = f.key.public, .reach = { .sign_freshness = true } };
        f.policy = (SetPolicy){ .issuer = ISSUER,
                                .audience = HOST,
                                .keys = &f.trusted,
                                .n_keys = 1,
                                .fresh_max_sec = WEEK };
        f.now = (Now){ (T0 + 10) * SEC, 500 * SEC };
        return 0;
}

static int teardown(void **state)
{
        f.it = freshness_free(f.it);
        free(f.jws);
        return 0;
}

static int verify_from(FreshnessFrom from)
{
        f.it = freshness_free(f.it);
        f.error = (SetError){};
        return freshness_verify(f.jws, strlen(f.jws), &f.policy, f.now, from, &f.it, &f.error);
}

static int verify_typ(const char *typ, const char *payload)
{
        free(TAKE_PTR(f.jws));
        assert_int_equal(jws_sign(&f.key, typ, payload, strlen(payload), &f.jws), 0);
        return verify_from(FRESHNESS_OFFERED);
}

static void must_refuse(const char *payload, const char *code)
{
        assert_int_equal(verify_typ(JWS_TYP_FRESHNESS, payload), SET_E_REFUSED);
        assert_string_equal(f.error.code, code);
        assert_true(*f.error.detail);
        assert_null(f.it);
}

static void must_take(const char *payload)
{
        if (verify_typ(JWS_TYP_FRESHNESS, payload) != 0)
                fail_msg("%s: %s", f.error.code, f.error.detail);
}

static void it_is_read_as_it_was_signed(void **state)
{
        must_take(STATEMENT);
        assert_string_equal(f.it->set, SET);
        assert_int_equal(f.it->ver, 1763760000123);
        assert_int_equal(f.it->iat_sec, T0);
        assert_int_equal(f.it->exp_sec, T0 + 86400);
        assert_string_equal(f.it->kid, f.key.public.kid);
        assert_string_equal(f.it->jws, f.jws);
}

static void nothing_but_its_own_type_under_a_trusted_key_is_read(void **state) /* F2 V03 V17 */
{
        const SigningKey own = f.key;
        char *at;

        assert_int_equal(verify_typ(JWS_TYP_GRANTS, STATEMENT), SET_E_REFUSED);
        assert_string_equal(f.error.code, "type");
        assert_int_equal(signing_key_generate(&f.key), 0);
        must_refuse(STATEMENT, "key");
        f.key = own;
        must_take(STATEMENT);
        at = &f.jws[strlen(f.jws) - 5];
        *at = *at == 'A' ? 'B' : 'A';
        assert_int_equal(verify_from(FRESHNESS_OFFERED), SET_E_REFUSED);
        assert_string_equal(f.error.code, "signature");
}

static void a_key_that_may_sign_anything_else_signs_no_freshness(void **state) /* V38 */
{
        f.trusted.reach = (Reach){ .sign_accounts = true,
                                   .sign_ssh_keys = true,
                                   .sign_grants = true,
                                   .lifetime_max_sec = 86400,
                                   .sign_revocations = true };
        must_refuse(STATEMENT, "reach");
        must_refuse("not even JSON", "reach");
        f.trusted.reach.sign_freshness = true;
        must_take(STATEMENT);
        f.policy.fresh_max_sec = 0;
        must_refuse(STATEMENT, "reach");
}

static void a_freshness_key_signs_no_set(void **state) /* V26 V38 */
{
        static const char payload[] = HEAD "\"ver\":1763760000999,\"ledger\":\"00\","
                                           "\"accounts\":[],\"grants\":[]," TIMES;
        const SetFloor floor = { 0 };
        GrantSet *set = NULL;

        assert_int_equal(jws_sign(&f.key, JWS_TYP_GRANTS, payload, strlen(payload), &f.jws), 0);
        assert_int_equal(grant_set_verify(f.jws, strlen(f.jws), &f.policy, &floor, NULL, NULL,
                                          f.now, false, &set, &f.error),
                         SET_E_REFUSED);
        assert_string_equal(f.error.code, "reach");
        assert_null(set);
}

static void a_statement_that_is_not_whole_is_refused(void **state) /* V13 */
{
        must_refuse("{", "json");
        must_refuse(STATEMENT "x", "json");
        must_refuse("[]", "member-type");
        must_refuse(HEAD NAMED "\"iat\":1763760000}", "member-missing");
        must_refuse(HEAD TIMES, "member-missing");
        must_refuse(WITH("\"grants\":[]"), "unknown-member");
        must_refuse(WITH("\"iat\":1"), "json");
        must_refuse(OF(1e3, 1763846400), "member-type");
        must_refuse(OF(0, 1763846400), "member-value");
        must_refuse("{\"format\":2,\"iss\":\"" ISSUER "\",\"aud\":\"" HOST "\"," NAMED TIMES,
                    "format");
        must_refuse(HEAD "\"set\":\"00\",\"ver\":1," TIMES, "member-value");
        must_refuse(HEAD "\"set\":\"" SET "\",\"ver\":0," TIMES, "member-value");
}

static void one_for_others_is_refused(void **state)
{
        must_refuse("{\"format\":1,\"iss\":\"https://other\",\"aud\":\"" HOST "\"," NAMED TIMES,
                    "issuer");
        must_refuse("{\"format\":1,\"iss\":\"" ISSUER "\",\"aud\":\"web2\"," NAMED TIMES,
                    "audience");
        must_refuse("{\"format\":1,\"iss\":\"" ISSUER "\",\"aud\":\"*\"," NAMED TIMES, "audience");
}

static void its_times_are_held_against_the_clock(void **state) /* V21 */
{
        must_take(OF(1763760070, 1763846400)); /* 60 s ahead */
        must_refuse(OF(1763760071, 1763846400), "ahead");
        must_refuse(OF(1763760000, 1763760000), "lifetime");
        must_refuse(OF(1763760000, 1764364801), "lifetime");
        must_take(OF(1763760000, 1764364800)); /* 7 d */
        f.now.real_usec = (T0 + 86400) * SEC;
        must_refuse(STATEMENT, "expired");
        f.now.real_usec--;
        must_take(STATEMENT);
        f.now.real_usec = (T0 + 10 * 86400) * SEC;
        assert_int_equal(verify_from(FRESHNESS_KEPT), 0);
}

/* No set of that version is taken before, so that it could only keep others out. */
static void a_version_ahead_of_the_clock_is_refused(void **state)
{
        must_take(HEAD "\"set\":\"" SET "\",\"ver\":1763760070000," TIMES); /* 60 s ahead */
        must_refuse(HEAD "\"set\":\"" SET "\",\"ver\":1763760070001," TIMES, "ahead");
        must_refuse(HEAD "\"set\":\"" SET "\",\"ver\":9223372036854775807," TIMES, "ahead");
        assert_int_equal(verify_from(FRESHNESS_KEPT), 0);
}

static void one_that_is_too_large_is_not_looked_at(void **state)
{
        char large[FRESHNESS_SIZE_MAX];

        memset(large, ' ', sizeof(large));
        large[sizeof(large) - 1] = '\0';
        must_refuse(large, "size");
}

static void older_ones_are_refused(void **state) /* F3 V18 V19 */
{
        const Freshness before = { .iat_sec = T0, .hash = "aa" };
        const Freshness same = { .iat_sec = T0, .hash = "aa" };
        const Freshness other = { .iat_sec = T0, .hash = "bb" };
        const Freshness older = { .iat_sec = T0 - 1, .hash = "bb" };
        const Freshness newer = { .iat_sec = T0 + 1, .hash = "bb" };

        assert_int_equal(freshness_check_newer(&newer, &before, &f.error), 0);
        assert_int_equal(freshness_check_newer(&same, &before, &f.error), SET_E_UNCHANGED);
        assert_int_equal(freshness_check_newer(&other, &before, &f.error), SET_E_REFUSED);
        assert_string_equal(f.error.code, "equivocation");
        assert_int_equal(freshness_check_newer(&older, &before, &f.error), SET_E_REFUSED);
        assert_string_equal(f.error.code, "version-floor");
}

static void an_end_moves_out_and_not_in_and_not_too_far(void **state) /* F1 F4 */
{
        Freshness s = { .iat_sec = T0 + 7200, .exp_sec = T0 + 7200 + 3600 };

        assert_int_equal(freshness_end(&s, WEEK, T0, T0 + 3600), T0 + 7200 + 3600);
        /* Not earlier. */
        assert_int_equal(freshness_end(&s, WEEK, T0, T0 + 86400), T0 + 86400);
        /* Not longer after it than the set was made to live. */
        s.exp_sec = T0 + 86400;
        assert_int_equal(freshness_end(&s, WEEK, T0, T0 + 3600), T0 + 7200 + 3600);
        /* Not beyond fresh_max after the set's own iat. */
        assert_int_equal(freshness_end(&s, 9000, T0, T0 + 3600), T0 + 9000);
        assert_int_equal(freshness_end(&s, 0, T0, T0 + 3600), T0 + 3600);
        /* Not by one that is older than the set. */
        s.iat_sec = T0 - 1;
        assert_int_equal(freshness_end(&s, WEEK, T0, T0 + 3600), T0 + 3600);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                TEST(it_is_read_as_it_was_signed),
                TEST(nothing_but_its_own_type_under_a_trusted_key_is_read),
                TEST(a_key_that_may_sign_anything_else_signs_no_freshness),
                TEST(a_freshness_key_signs_no_set),
                TEST(a_statement_that_is_not_whole_is_refused),
                TEST(one_for_others_is_refused),
                TEST(its_times_are_held_against_the_clock),
                TEST(a_version_ahead_of_the_clock_is_refused),
                TEST(one_that_is_too_large_is_not_looked_at),
                TEST(older_ones_are_refused),
                TEST(an_end_moves_out_and_not_in_and_not_too_far),
#undef TEST
        };

        return cmocka_run_group_tests_name("freshness", tests, NULL, NULL);
}
