/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The promises J1 and J2 of lib/jose/jws.c. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/jose/jose.h"

#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#define RFC_X      "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define RFC_SIGNED "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
#define RFC_SIGNATURE                                                                              \
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

static SigningKey key, other;

static JwsError open_jws(const char *jws, size_t size)
{
        const Jwk *const trusted[] = { &key.public };
        _cleanup_free_ char *payload = NULL;
        size_t k = 77, n = 77;
        JwsError e;

        e = jws_open(jws, size, JWS_TYP_GRANTS, trusted, 1, &k, &payload, &n);
        if (e != JWS_OK) {
                assert_null(payload);
                assert_int_equal(k, 77);
                assert_int_equal(n, 77);
        }
        return e;
}

/* A JWS with this very header, well signed. */
static char *sign_raw(const char *header, size_t header_size, const char *payload)
{
        size_t h = base64url_size(header_size), p = base64url_size(strlen(payload));
        char *jws = malloc(h + 1 + p + 1 + 86 + 1);
        uint8_t signature[64];

        assert_non_null(jws);
        base64url_encode((const uint8_t *)header, header_size, jws);
        jws[h] = '.';
        base64url_encode((const uint8_t *)payload, strlen(payload), jws + h + 1);
        crypto_sign_detached(signature, NULL, (uint8_t *)jws, h + 1 + p, key.secret);
        jws[h + 1 + p] = '.';
        base64url_encode(signature, sizeof(signature), jws + h + 1 + p + 1);
        return jws;
}

_printf_(1, 2) static JwsError open_header(const char *format, ...)
{
        _cleanup_free_ char *jws = NULL;
        char header[4096];
        va_list ap;

        va_start(ap, format);
        vsnprintf(header, sizeof(header), format, ap);
        va_end(ap);
        jws = sign_raw(header, strlen(header), "{}");
        return open_jws(jws, strlen(jws));
}

static void jws_example_of_rfc_8037_verifies(void **state) /* V01 */
{
        static const char jwk[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC_X "\"}";
        uint8_t signature[64];
        size_t n;
        Jwk k;

        assert_int_equal(jwk_parse(jwk, strlen(jwk), &k), 0);
        assert_int_equal(base64url_decode(RFC_SIGNATURE, 86, signature, 64, &n), 0);
        assert_int_equal(crypto_sign_verify_detached(signature, (const uint8_t *)RFC_SIGNED,
                                                     strlen(RFC_SIGNED), k.public),
                         0);
        /* Its header names neither key nor type: as a grant set it is refused. */
        assert_int_equal(
                open_jws(RFC_SIGNED "." RFC_SIGNATURE, strlen(RFC_SIGNED "." RFC_SIGNATURE)),
                JWS_E_HEADER);
}

static json_t *load_wycheproof(const char *dir)
{
        char path[4096];
        json_t *suite;

        snprintf(path, sizeof(path), "%s/ed25519_test.json", dir);
        suite = json_load_file(path, 0, NULL);
        if (!suite)
                fail_msg("cannot read %s", path);
        return suite;
}

static bool verifies(const json_t *test, const uint8_t public[static 32])
{
        const char *msg = json_string_value(json_object_get(test, "msg"));
        const char *sig = json_string_value(json_object_get(test, "sig"));
        uint8_t m[4096], s[4096];
        size_t m_size = 0, s_size = 0;

        assert_int_equal(sodium_hex2bin(m, sizeof(m), msg, strlen(msg), NULL, &m_size, NULL), 0);
        assert_int_equal(sodium_hex2bin(s, sizeof(s), sig, strlen(sig), NULL, &s_size, NULL), 0);
        return s_size == 64 && crypto_sign_verify_detached(s, m, m_size, public) == 0;
}

static void jws_library_gives_wycheproofs_verdicts(void **state) /* V02 */
{
        const char *dir = getenv("NHI_WYCHEPROOF");
        size_t i, k, n_tests = 0;
        json_t *suite, *group, *test;

        if (!dir) {
                print_message(
                        "skipped: NHI_WYCHEPROOF names no directory with ed25519_test.json\n");
                skip();
        }
        suite = load_wycheproof(dir);
        json_array_foreach(json_object_get(suite, "testGroups"), i, group) {
                const json_t *jwk = json_object_get(group, "publicKeyJwk");
                uint8_t public[32];
                size_t n;

                assert_int_equal(base64url_decode(json_string_value(json_object_get(jwk, "x")), 43,
                                                  public, 32, &n),
                                 0);
                json_array_foreach(json_object_get(group, "tests"), k, test) {
                        const char *result = json_string_value(json_object_get(test, "result"));

                        assert_int_equal(verifies(test, public), streq(result, "valid"));
                        n_tests++;
                }
        }
        assert_int_equal(n_tests, 151);
        json_decref(suite);
}

static void jws_signed_opens_with_its_payload(void **state)
{
        const Jwk *const trusted[] = { &other.public, &key.public };
        _cleanup_free_ char *jws = NULL, *payload = NULL;
        size_t k = 9, n = 9;

        assert_int_equal(jws_sign(&key, JWS_TYP_GRANTS, "{\"a\":1}", 7, &jws), 0);
        assert_int_equal(jws_open(jws, strlen(jws), JWS_TYP_GRANTS, trusted, 2, &k, &payload, &n),
                         JWS_OK);
        assert_int_equal(k, 1);
        assert_int_equal(n, 7);
        assert_string_equal(payload, "{\"a\":1}");
}

static void jws_algorithm_is_never_taken_from_the_header(void **state) /* V03, V05 */
{
        static const char *const bad[] = {
                "none", "None", "HS256", "ES256", "Ed25519", "eddsa", ""
        };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(open_header("{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                                             bad[i], key.public.kid, JWS_TYP_GRANTS),
                                 JWS_E_ALGORITHM);
        assert_int_equal(open_header("{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                                     key.public.kid, JWS_TYP_GRANTS),
                         JWS_OK);
}

static void jws_unsigned_is_refused(void **state) /* V03 */
{
        char jws[512];
        char header[256], text[400];

        snprintf(header, sizeof(header), "{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                 key.public.kid, JWS_TYP_GRANTS);
        base64url_encode((uint8_t *)header, strlen(header), text);
        snprintf(jws, sizeof(jws), "%s.e30.", text);
        assert_int_equal(open_jws(jws, strlen(jws)), JWS_E_SEGMENTS);
}

static void jws_hs256_with_the_public_key_as_secret_is_refused(void **state) /* V03 */
{
        char header[256], text[400], jws[600];
        uint8_t mac[crypto_auth_hmacsha256_BYTES];
        char mac_text[64];

        snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                 key.public.kid, JWS_TYP_GRANTS);
        base64url_encode((uint8_t *)header, strlen(header), text);
        snprintf(jws, sizeof(jws), "%s.e30", text);
        crypto_auth_hmacsha256(mac, (uint8_t *)jws, strlen(jws), key.public.public);
        base64url_encode(mac, sizeof(mac), mac_text);
        strcat(jws, ".");
        strcat(jws, mac_text);
        assert_int_equal(open_jws(jws, strlen(jws)), JWS_E_ALGORITHM);
}

static void jws_header_has_exactly_three_members(void **state) /* V04, V06, V08 */
{
        const char *kid = key.public.kid, *typ = JWS_TYP_GRANTS;
        static const char *const extra[] = {
                "\"jwk\":{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC_X "\"}",
                "\"jku\":\"https://evil.example/keys\"",
                "\"x5u\":\"https://evil.example/cert\"",
                "\"crit\":[\"b64\"],\"b64\":false",
                "\"b64\":false",
                "\"cty\":\"JWT\"",
                "\"alg\":\"EdDSA\"",
                "\"x\":null",
        };

        for (size_t i = 0; i < ELEMENTSOF(extra); i++)
                assert_int_equal(open_header("{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\",%s}",
                                             kid, typ, extra[i]),
                                 JWS_E_HEADER);
        assert_int_equal(open_header("{\"kid\":\"%s\",\"typ\":\"%s\"}", kid, typ), JWS_E_HEADER);
        assert_int_equal(open_header("{\"kid\":\"%s\",\"typ\":\"%s\",\"x\":\"\"}", kid, typ),
                         JWS_E_HEADER);
        assert_int_equal(open_header("{\"alg\":\"EdDSA\",\"typ\":\"%s\"}", typ), JWS_E_HEADER);
        assert_int_equal(open_header("{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", kid), JWS_E_HEADER);
        assert_int_equal(
                open_header("{\"alg\":[\"EdDSA\"],\"kid\":\"%s\",\"typ\":\"%s\"}", kid, typ),
                JWS_E_HEADER);
        assert_int_equal(open_header("[\"EdDSA\",\"%s\",\"%s\"]", kid, typ), JWS_E_HEADER);
        assert_int_equal(
                open_header("{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\"}{}", kid, typ),
                JWS_E_HEADER);
        assert_int_equal(open_header("not json"), JWS_E_HEADER);
}

static void jws_header_spacing_and_order_are_free_when_signed(void **state)
{
        assert_int_equal(open_header(" { \"typ\" : \"%s\", \"kid\":\"%s\",\"alg\":\"EdDSA\" } ",
                                     JWS_TYP_GRANTS, key.public.kid),
                         JWS_OK);
}

static void jws_kid_only_picks_among_trusted_keys(void **state) /* V07, V26 */
{
        char long_kid[3000];

        memset(long_kid, 'k', sizeof(long_kid) - 1);
        long_kid[sizeof(long_kid) - 1] = '\0';
        const char *const bad[] = { "../../etc/shadow", "", "' OR 1=1 --", other.public.kid,
                                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(open_header("{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                                             bad[i], JWS_TYP_GRANTS),
                                 JWS_E_KEY);
        assert_int_equal(open_header("{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\"}", long_kid,
                                     JWS_TYP_GRANTS),
                         JWS_E_HEADER); /* over JWS_HEADER_MAX */
}

static void jws_header_is_bounded(void **state)
{
        char header[JWS_HEADER_MAX + 2];
        int n = snprintf(header, sizeof(header),
                         "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\"}", key.public.kid,
                         JWS_TYP_GRANTS);

        memset(header + n, ' ', sizeof(header) - (size_t)n);
        for (size_t size = JWS_HEADER_MAX; size <= JWS_HEADER_MAX + 1; size++) {
                _cleanup_free_ char *jws = sign_raw(header, size, "{}");

                assert_int_equal(open_jws(jws, strlen(jws)),
                                 size == JWS_HEADER_MAX ? JWS_OK : JWS_E_HEADER);
        }
}

static void jws_of_another_type_is_refused(void **state) /* V09 */
{
        static const char *const bad[] = { "JWT", "nhi-sealed+jwt", "NHI-GRANTS+JWT",
                                           "application/nhi-grants+jwt", "" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(open_header("{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                                             key.public.kid, bad[i]),
                                 JWS_E_TYPE);
}

static void jws_has_three_segments(void **state) /* V11 */
{
        static const char *const bad[] = {
                "",
                ".",
                "..",
                "a",
                "a.b",
                "a..c",
                ".b.c",
                "a.b.",
                "a.b.c.d",
                "a.b.c.",
                "{\"payload\":\"e30\",\"signatures\":[]}",
        };
        _cleanup_free_ char *jws = NULL;
        char extra[1024];

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(open_jws(bad[i], strlen(bad[i])), JWS_E_SEGMENTS);
        assert_int_equal(jws_sign(&key, JWS_TYP_GRANTS, "{}", 2, &jws), 0);
        snprintf(extra, sizeof(extra), "%s.", jws);
        assert_int_equal(open_jws(extra, strlen(extra)), JWS_E_SEGMENTS);
        snprintf(extra, sizeof(extra), "%s\n", jws);
        assert_int_equal(open_jws(extra, strlen(extra)), JWS_E_SIGNATURE);
}

static void jws_signature_covers_the_header_as_spelt(void **state) /* V16 */
{
        _cleanup_free_ char *jws = NULL, *spelt = NULL;
        char header[256], *swapped, *dot;

        assert_int_equal(jws_sign(&key, JWS_TYP_GRANTS, "{}", 2, &jws), 0);
        snprintf(header, sizeof(header), "{\"kid\":\"%s\",\"alg\":\"EdDSA\",\"typ\":\"%s\"}",
                 key.public.kid, JWS_TYP_GRANTS);
        spelt = sign_raw(header, strlen(header), "{}");
        assert_int_equal(open_jws(spelt, strlen(spelt)), JWS_OK);
        dot = strchr(spelt, '.');
        assert_int_equal(strchr(jws, '.') - jws, dot - spelt);
        swapped = spelt; /* the other's header before this signature */
        memcpy(swapped, jws, (size_t)(dot - spelt));
        assert_int_equal(open_jws(swapped, strlen(swapped)), JWS_E_SIGNATURE);
}

static void jws_truncated_or_with_one_bit_flipped_is_refused(void **state) /* V17 */
{
        _cleanup_free_ char *jws = NULL;
        size_t n;

        assert_int_equal(jws_sign(&key, JWS_TYP_GRANTS, "{\"format\":1}", 12, &jws), 0);
        n = strlen(jws);
        for (size_t i = 0; i < n; i++)
                assert_int_not_equal(open_jws(jws, i), JWS_OK);
        for (size_t i = 0; i < n * 8; i++) {
                jws[i / 8] = (char)(jws[i / 8] ^ 1 << i % 8);
                assert_int_not_equal(open_jws(jws, n), JWS_OK);
                jws[i / 8] = (char)(jws[i / 8] ^ 1 << i % 8);
        }
        assert_int_equal(open_jws(jws, n), JWS_OK);
}

static void jws_of_an_untrusted_key_is_refused(void **state)
{
        _cleanup_free_ char *jws = NULL, *payload = NULL;
        size_t k, n;

        assert_int_equal(jws_sign(&other, JWS_TYP_GRANTS, "{}", 2, &jws), 0);
        assert_int_equal(open_jws(jws, strlen(jws)), JWS_E_KEY);
        assert_int_equal(jws_open(jws, strlen(jws), JWS_TYP_GRANTS, NULL, 0, &k, &payload, &n),
                         JWS_E_KEY);
}

static void jws_payload_that_is_not_base64_is_refused_after_the_signature(void **state) /* J1 */
{
        _cleanup_free_ char *jws = NULL;
        uint8_t signature[64];
        char *dot, *text;
        size_t n;

        assert_int_equal(jws_sign(&key, JWS_TYP_GRANTS, "{}", 2, &jws), 0);
        dot = strchr(jws, '.');
        dot[3] = '1'; /* e31: spare bits set */
        assert_int_equal(open_jws(jws, strlen(jws)), JWS_E_SIGNATURE);
        text = strrchr(jws, '.');
        n = (size_t)(text - jws);
        crypto_sign_detached(signature, NULL, (uint8_t *)jws, n, key.secret);
        base64url_encode(signature, sizeof(signature), text + 1);
        assert_int_equal(open_jws(jws, strlen(jws)), JWS_E_BASE64);
}

static void jws_errors_have_texts(void **state)
{
        for (int e = JWS_OK; e <= JWS_E_MEMORY; e++)
                assert_true(strlen(jws_error_text((JwsError)e)) > 8);
        assert_string_equal(jws_error_text((JwsError)99), "unknown error");
}

static int start(void **state)
{
        if (sodium_init() < 0)
                return -1;
        return signing_key_generate(&key) < 0 || signing_key_generate(&other) < 0 ? -1 : 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(jws_example_of_rfc_8037_verifies),
                cmocka_unit_test(jws_library_gives_wycheproofs_verdicts),
                cmocka_unit_test(jws_signed_opens_with_its_payload),
                cmocka_unit_test(jws_algorithm_is_never_taken_from_the_header),
                cmocka_unit_test(jws_unsigned_is_refused),
                cmocka_unit_test(jws_hs256_with_the_public_key_as_secret_is_refused),
                cmocka_unit_test(jws_header_has_exactly_three_members),
                cmocka_unit_test(jws_header_spacing_and_order_are_free_when_signed),
                cmocka_unit_test(jws_kid_only_picks_among_trusted_keys),
                cmocka_unit_test(jws_header_is_bounded),
                cmocka_unit_test(jws_of_another_type_is_refused),
                cmocka_unit_test(jws_has_three_segments),
                cmocka_unit_test(jws_signature_covers_the_header_as_spelt),
                cmocka_unit_test(jws_truncated_or_with_one_bit_flipped_is_refused),
                cmocka_unit_test(jws_of_an_untrusted_key_is_refused),
                cmocka_unit_test(jws_payload_that_is_not_base64_is_refused_after_the_signature),
                cmocka_unit_test(jws_errors_have_texts),
        };

        return cmocka_run_group_tests(tests, start, NULL);
}
