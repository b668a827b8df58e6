/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises R1..R5 of nhi-agentd/set/revocations.h. */

#include "nhi-agentd/set/revocations.h"

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
#define OTHER  "https://other.example.org"
#define KID    "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"

#define HEAD          "{\"format\":1,\"iss\":\"" ISSUER "\",\"aud\":\"*\",\"iat\":1763760000,"
#define TIMES         "\"exp\":1763846400,\"ver\":1763760000123,"
#define LIST(entries) HEAD TIMES "\"revoked\":[" entries "]}"

static struct {
        SigningKey key;
        TrustedKey trusted;
        SetPolicy policy;
        SetFloor floor;
        Now now;
        RevocationList *list;
        SetError error;
        char *jws;
} f;

static int setup(void **state)
{
        memset(&f, 0, sizeof(f));
        if (sodium_init() < 0 || signing_key_generate(&f.key) < 0)
                return -1;
        f.trusted = (TrustedKey){ .jwk = f.key.public, .reach = { .sign_revocations = true } };
        f.policy = (SetPolicy){
                .issuer = ISSUER, .audience = "web1.example.org", .keys = &f.trusted, .n_keys = 1
        };
        f.now = (Now){ (T0 + 10) * SEC, 500 * SEC };
        return 0;
}

static int teardown(void **state)
{
        f.list = revocation_list_free(f.list);
        free(f.jws);
        return 0;
}

static int verify_again(RevocationsFrom from)
{
        f.list = revocation_list_free(f.list);
        f.error = (SetError){};
        return revocations_verify(f.jws, strlen(f.jws), &f.policy, &f.floor, f.now, from, &f.list,
                                  &f.error);
}

static int verify_typ(const char *typ, const char *payload)
{
        free(TAKE_PTR(f.jws));
        assert_int_equal(jws_sign(&f.key, typ, payload, strlen(payload), &f.jws), 0);
        return verify_again(REVOCATIONS_OFFERED);
}

static int verify(const char *payload)
{
        return verify_typ(JWS_TYP_REVOCATIONS, payload);
}

static void must_refuse(const char *payload, const char *code)
{
        assert_int_equal(verify(payload), SET_E_REFUSED);
        assert_string_equal(f.error.code, code);
        assert_null(f.list);
}

static void must_take(const char *payload)
{
        if (verify(payload) != 0)
                fail_msg("%s: %s", f.error.code, f.error.detail);
}

static ListVerdict judge(const Grant *g)
{
        const Revoker r = { .policy = &f.policy, .list = f.list };

        return revoker_judge(&r, g, NULL);
}

static Grant grant(void)
{
        return (Grant){ .jti = "g-1",
                        .account = "svc-deploy",
                        .owner = "payments",
                        .issuer = ISSUER,
                        .kid = KID,
                        .nbf_sec = T0,
                        .exp_sec = T0 + 600 };
}

static void each_kind_names_its_grants_and_no_others(void **state)
{
        static const struct {
                const char *kind, *name;
        } rows[] = {
                { "grant", "g-1" },      { "account", "svc-deploy" },
                { "owner", "payments" }, { "issuer", ISSUER },
                { "key", KID },
        };
        const Grant g = grant();
        const Grant another = { .jti = "g-2",
                                .account = "svc-other",
                                .owner = "ops",
                                .issuer = OTHER,
                                .kid = "other",
                                .nbf_sec = T0 };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char payload[512];

                (void)snprintf(payload, sizeof(payload), LIST("{\"kind\":\"%s\",\"name\":\"%s\"}"),
                               rows[i].kind, rows[i].name);
                must_take(payload);
                assert_int_equal(judge(&g), LIST_NAMES);
                assert_int_equal(judge(&another), LIST_SILENT);
        }
}

static void an_empty_list_names_nothing(void **state) /* R1 */
{
        const Grant g = grant();

        must_take(LIST(""));
        assert_int_equal(judge(&g), LIST_SILENT);
}

static void a_name_of_one_kind_is_none_of_another(void **state)
{
        const Grant g = grant();

        must_take(LIST("{\"kind\":\"owner\",\"name\":\"svc-deploy\"},"
                       "{\"kind\":\"grant\",\"name\":\"payments\"}"));
        assert_int_equal(judge(&g), LIST_SILENT);
}

static void among_many_each_is_found(void **state)
{
        size_t size = 0;
        _cleanup_free_ char *payload = calloc(REVOCATIONS_MAX, 64);

        assert_non_null(payload);
        size += (size_t)sprintf(payload, HEAD TIMES "\"revoked\":[");
        for (unsigned i = 0; i < 10000; i++)
                size += (size_t)sprintf(payload + size, "%s{\"kind\":\"grant\",\"name\":\"g-%u\"}",
                                        i > 0 ? "," : "", (i * 7919u) % 10000u * 2);
        (void)sprintf(payload + size, "]}");
        must_take(payload);
        assert_int_equal(f.list->n_entries, 10000);
        for (unsigned i = 0; i < 20000; i++) {
                char jti[32];
                Grant g = grant();

                (void)snprintf(jti, sizeof(jti), "g-%u", i);
                g.jti = jti;
                assert_int_equal(judge(&g), i % 2 == 0 ? LIST_NAMES : LIST_SILENT);
        }
}

static void an_issuer_names_anothers_grants_only_where_it_may(void **state) /* R5 */
{
        static const char *others[] = { "https://other.*" };
        Grant g = grant();

        g.issuer = OTHER;
        must_take(LIST("{\"kind\":\"account\",\"name\":\"svc-deploy\",\"issuer\":\"" OTHER "\"}"));
        assert_int_equal(judge(&g), LIST_SILENT);
        f.policy.revokes = (StrList){ others, 1 };
        assert_int_equal(judge(&g), LIST_NAMES);
        g.issuer = "https://third.example.org";
        assert_int_equal(judge(&g), LIST_SILENT);
        must_take(LIST("{\"kind\":\"account\",\"name\":\"svc-deploy\",\"issuer\":\"*\"}"));
        assert_int_equal(judge(&g), LIST_SILENT);
        g.issuer = OTHER;
        /* And not by its own name alone. */
        must_take(LIST("{\"kind\":\"account\",\"name\":\"svc-deploy\"}"));
        assert_int_equal(judge(&g), LIST_SILENT);
        must_take(LIST("{\"kind\":\"account\",\"name\":\"svc-deploy\",\"issuer\":\"*\"}"));
        assert_int_equal(judge(&g), LIST_NAMES);
        must_take(LIST("{\"kind\":\"issuer\",\"name\":\"" OTHER "\"}"));
        assert_int_equal(judge(&g), LIST_NAMES);
        f.policy.revokes = (StrList){};
        assert_int_equal(judge(&g), LIST_SILENT);
}

static void no_clock_gives_back_what_began_before_the_lists_end(void **state) /* R4 */
{
        Grant g = grant();

        must_take(LIST("{\"kind\":\"account\",\"name\":\"svc-deploy\"}"));
        g.nbf_sec = T0 + 86400 - 1;
        assert_int_equal(judge(&g), LIST_NAMES);
        g.nbf_sec = T0 + 86400;
        assert_int_equal(judge(&g), LIST_SILENT);
        /* An id, an issuer and a key do not come back by themselves. */
        must_take(LIST("{\"kind\":\"grant\",\"name\":\"g-1\"}"));
        assert_int_equal(judge(&g), LIST_NAMES);
        must_take(LIST("{\"kind\":\"key\",\"name\":\"" KID "\"}"));
        assert_int_equal(judge(&g), LIST_NAMES);
}

static void an_entry_may_spare_what_begins_later(void **state)
{
        Grant g = grant();

        must_take(LIST("{\"kind\":\"account\",\"name\":\"svc-deploy\",\"before\":1763760001}"));
        assert_int_equal(judge(&g), LIST_NAMES);
        g.nbf_sec = T0 + 1;
        assert_int_equal(judge(&g), LIST_SILENT);
        /* Said twice, the wider one counts. */
        must_take(LIST("{\"kind\":\"account\",\"name\":\"svc-deploy\",\"before\":1763760001},"
                       "{\"kind\":\"account\",\"name\":\"svc-deploy\",\"before\":1763760009},"
                       "{\"kind\":\"account\",\"name\":\"svc-deploy\",\"before\":1763760002}"));
        assert_int_equal(f.list->n_entries, 1);
        assert_int_equal(judge(&g), LIST_NAMES);
}

static void a_lower_version_and_a_second_one_are_refused(void **state) /* R3 */
{
        must_take(LIST(""));
        f.floor.ver = f.list->ver;
        memcpy(f.floor.hash, f.list->hash, sizeof(f.floor.hash));
        must_refuse(LIST("{\"kind\":\"grant\",\"name\":\"g-1\"}"), "equivocation");
        f.floor.ver++;
        must_refuse(LIST(""), "version-floor");
}

static void what_no_key_for_lists_signed_is_refused_unread(void **state) /* R2 */
{
        SigningKey own = f.key;

        f.trusted.reach =
                (Reach){ .sign_accounts = true, .sign_ssh_keys = true, .sign_grants = true };
        must_refuse("no JSON at all", "reach");
        f.trusted.reach = (Reach){ .sign_revocations = true };
        assert_int_equal(signing_key_generate(&f.key), 0);
        must_refuse("no JSON at all", "key");
        f.key = own;
        assert_int_equal(verify_typ(JWS_TYP_GRANTS, LIST("")), SET_E_REFUSED);
        assert_string_equal(f.error.code, "type");
}

static void a_bit_that_flips_anywhere_refuses_it(void **state) /* R2 */
{
        must_take(LIST("{\"kind\":\"grant\",\"name\":\"g-1\"}"));
        for (size_t i = 0; i < strlen(f.jws); i++) {
                f.jws[i] ^= 1;
                assert_int_equal(verify_again(REVOCATIONS_OFFERED), SET_E_REFUSED);
                f.jws[i] ^= 1;
        }
        for (size_t n = strlen(f.jws); n-- > 0;) {
                f.jws[n] = '\0';
                assert_int_equal(verify_again(REVOCATIONS_OFFERED), SET_E_REFUSED);
        }
}

static void a_list_is_refused_for(void **state)
{
        static const struct {
                const char *payload, *code;
        } rows[] = {
                { "{", "json" },
                { "[]", "member-type" },
                { LIST("") "x", "json" },
                { "{\"format\":2}", "format" },
                { HEAD TIMES "\"revoked\":[],\"format\":1}", "json" },
                { HEAD TIMES "\"revoked\":{}}", "member-type" },
                { HEAD TIMES "\"revoked\":[],\"grants\":[]}", "unknown-member" },
                { HEAD "\"ver\":1763760000123,\"revoked\":[]}", "member-missing" },
                { HEAD "\"exp\":1763760000,\"ver\":1763760000123,\"revoked\":[]}", "lifetime" },
                { HEAD "\"exp\":1771536001,\"ver\":1763760000123,\"revoked\":[]}", "lifetime" },
                { HEAD "\"exp\":1763760005,\"ver\":1763760000123,\"revoked\":[]}", "expired" },
                { HEAD "\"exp\":1763846400,\"ver\":1763760071001,\"revoked\":[]}", "ahead" },
                { HEAD "\"exp\":1763846400,\"ver\":1e12,\"revoked\":[]}", "member-type" },
                { "{\"format\":1,\"iss\":\"" ISSUER "\",\"aud\":\"*\",\"iat\":1763760071," TIMES
                  "\"revoked\":[]}",
                  "ahead" },
                { "{\"format\":1,\"iss\":\"" OTHER "\",\"aud\":\"*\",\"iat\":1763760000," TIMES
                  "\"revoked\":[]}",
                  "issuer" },
                { "{\"format\":1,\"iss\":\"" ISSUER "\",\"aud\":\"web1.example.org\","
                  "\"iat\":1763760000," TIMES "\"revoked\":[]}",
                  "audience" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                must_refuse(rows[i].payload, rows[i].code);
}

static void a_list_that_is_too_long_is_refused(void **state)
{
        _cleanup_free_ char *payload = malloc(REVOCATIONS_SIZE_MAX + 64);
        size_t size;

        assert_non_null(payload);
        size = (size_t)sprintf(payload, HEAD TIMES "\"revoked\":[0");
        for (unsigned i = 0; i < REVOCATIONS_MAX; i++)
                size += (size_t)sprintf(payload + size, ",0");
        (void)sprintf(payload + size, "]}");
        must_refuse(payload, "limit");
        memset(payload, ' ', REVOCATIONS_SIZE_MAX);
        payload[REVOCATIONS_SIZE_MAX] = '\0';
        must_refuse(payload, "size");
}

static void a_bad_entry_keeps_no_other_from_counting(void **state)
{
        const Grant g = grant();

        must_take(LIST("{\"kind\":\"host\",\"name\":\"web1\"},7,{\"kind\":\"grant\"},"
                       "{\"kind\":\"grant\",\"name\":\"\"},"
                       "{\"kind\":\"grant\",\"name\":\"g-9\",\"before\":\"soon\"},"
                       "{\"kind\":\"grant\",\"name\":\"g-1\"}"));
        assert_int_equal(f.list->n_skipped, 5);
        assert_non_null(strstr(f.list->skipped[0], "revoked[0]: member-value"));
        assert_int_equal(judge(&g), LIST_NAMES);
}

/* Whatever it would have narrowed, too much is taken rather than too little. */
static void a_member_of_an_entry_that_nobody_knows_is_passed_over(void **state)
{
        const Grant g = grant();

        must_take(LIST("{\"kind\":\"grant\",\"name\":\"g-1\",\"hosts\":[\"web2\"]}"));
        assert_int_equal(f.list->n_skipped, 0);
        assert_int_equal(judge(&g), LIST_NAMES);
}

static void what_was_believed_stays_believed_while_its_bytes_are_the_same(void **state) /* R4 */
{
        const Grant g = grant();

        must_take(LIST("{\"kind\":\"grant\",\"name\":\"g-1\"}"));
        f.floor.ver = f.list->ver;
        memcpy(f.floor.hash, f.list->hash, sizeof(f.floor.hash));
        /* Years later, by a clock that was set back, and though its key is trusted no longer. */
        f.now.real_usec = (T0 + 100000000) * SEC;
        assert_int_equal(verify_again(REVOCATIONS_KEPT), 0);
        assert_true(f.list->is_trusted);
        f.now.real_usec = SEC;
        f.policy.n_keys = 0;
        assert_int_equal(verify_again(REVOCATIONS_KEPT), 0);
        assert_false(f.list->is_trusted);
        assert_int_equal(judge(&g), LIST_NAMES);
        f.jws[strlen(f.jws) / 2] ^= 1;
        assert_int_equal(verify_again(REVOCATIONS_KEPT), SET_E_REFUSED);
        assert_string_equal(f.error.code, "archive");
}

static void a_list_that_is_lost_may_name_all_that_it_reaches(void **state)
{
        const Revoker lost = { .policy = &f.policy, .is_lost = true };
        Grant g = grant();

        assert_int_equal(revoker_judge(&lost, &g, NULL), LIST_UNKNOWN);
        g.issuer = OTHER;
        assert_int_equal(revoker_judge(&lost, &g, NULL), LIST_SILENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(each_kind_names_its_grants_and_no_others),
                TEST(an_empty_list_names_nothing),
                TEST(a_name_of_one_kind_is_none_of_another),
                TEST(among_many_each_is_found),
                TEST(an_issuer_names_anothers_grants_only_where_it_may),
                TEST(no_clock_gives_back_what_began_before_the_lists_end),
                TEST(an_entry_may_spare_what_begins_later),
                TEST(a_lower_version_and_a_second_one_are_refused),
                TEST(what_no_key_for_lists_signed_is_refused_unread),
                TEST(a_bit_that_flips_anywhere_refuses_it),
                TEST(a_list_is_refused_for),
                TEST(a_list_that_is_too_long_is_refused),
                TEST(a_bad_entry_keeps_no_other_from_counting),
                TEST(a_member_of_an_entry_that_nobody_knows_is_passed_over),
                TEST(what_was_believed_stays_believed_while_its_bytes_are_the_same),
                TEST(a_list_that_is_lost_may_name_all_that_it_reaches),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
