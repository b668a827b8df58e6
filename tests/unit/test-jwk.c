/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/macro.h"
#include "lib/jose/jose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

/* RFC 8037, appendix A.1 to A.3 */
#define RFC_X   "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define RFC_D   "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
#define RFC_KID "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

#define PUBLIC(more) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC_X "\"" more "}"

static int parse(const char *json, Jwk *ret)
{
        return jwk_parse(json, strlen(json), ret);
}

static void jwk_has_the_thumbprint_of_rfc_8037(void **state)
{
        Jwk k;

        assert_int_equal(parse(PUBLIC(""), &k), 0);
        assert_string_equal(k.kid, RFC_KID);
        assert_int_equal(k.public[0], 0xd7);
        assert_int_equal(k.public[31], 0x1a);
}

static void jwk_ignores_members_that_it_does_not_know(void **state) /* RFC 7517 section 4 */
{
        Jwk k;

        assert_int_equal(parse(PUBLIC(",\"use\":\"sig\",\"note\":[1]"), &k), 0);
        assert_int_equal(parse(PUBLIC(",\"alg\":\"EdDSA\",\"kid\":\"" RFC_KID "\""), &k), 0);
}

static void jwk_refuses_what_is_not_a_public_ed25519_key(void **state)
{
        static const char *const bad[] = {
                "",
                "[]",
                "\"x\"",
                "{}",
                PUBLIC("") "x",
                PUBLIC(",\"kty\":\"OKP\""), /* duplicate */
                PUBLIC(",\"d\":\"" RFC_D "\""),
                PUBLIC(",\"alg\":\"Ed25519\""),
                PUBLIC(",\"alg\":\"HS256\""),
                PUBLIC(",\"alg\":1"),
                PUBLIC(",\"kid\":\"mine\""),
                PUBLIC(",\"kid\":null"),
                "{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"" RFC_X "\"}",
                "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" RFC_X "\"}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" RFC_X "\"}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":7}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"\"}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC_X "A\"}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC_X "=\"}",
                /* small order: zero, one, minus one; and off the curve */
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                "\"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"7P___________________________________"
                "____38\"}",
                "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                "\"AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        };
        Jwk k = { .kid = "untouched" };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                if (parse(bad[i], &k) != -EBADMSG)
                        fail_msg("accepted: %s", bad[i]);
                assert_string_equal(k.kid, "untouched");
        }
}

static void jwk_formats_to_what_it_parses(void **state)
{
        _cleanup_free_ char *text = NULL;
        Jwk k, again;

        assert_int_equal(parse(PUBLIC(""), &k), 0);
        assert_int_equal(jwk_format(&k, &text), 0);
        assert_null(strchr(text, '\n'));
        assert_int_equal(parse(text, &again), 0);
        assert_memory_equal(&k, &again, sizeof(k));
}

static void signing_key_of_rfc_8037_parses_with_its_public_half(void **state)
{
        static const char json[] = PUBLIC(",\"d\":\"" RFC_D "\"");
        SigningKey k;

        assert_int_equal(signing_key_parse(json, strlen(json), &k), 0);
        assert_string_equal(k.public.kid, RFC_KID);
        signing_key_done(&k);
        assert_true(sodium_is_zero(k.secret, sizeof(k.secret)));
}

static void signing_key_survives_its_file_format(void **state)
{
        _cleanup_free_ char *text = NULL;
        SigningKey k, again;

        assert_int_equal(signing_key_generate(&k), 0);
        assert_int_equal(signing_key_format(&k, &text), 0);
        assert_int_equal(signing_key_parse(text, strlen(text), &again), 0);
        assert_memory_equal(k.secret, again.secret, sizeof(k.secret));
        assert_string_equal(k.public.kid, again.public.kid);
}

static void signing_key_refuses_halves_that_do_not_belong_together(void **state)
{
        static const char *const bad[] = {
                PUBLIC(""),
                PUBLIC(",\"d\":\"\""),
                PUBLIC(",\"d\":3"),
                PUBLIC(",\"d\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""),
                PUBLIC(",\"d\":\"" RFC_D "\",\"d\":\"" RFC_D "\""),
                "[]",
                "",
        };
        SigningKey k = { .public = { .kid = "untouched" } };

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(signing_key_parse(bad[i], strlen(bad[i]), &k), -EBADMSG);
                assert_string_equal(k.public.kid, "untouched");
        }
}

static int start(void **state)
{
        return sodium_init() < 0 ? -1 : 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(jwk_has_the_thumbprint_of_rfc_8037),
                cmocka_unit_test(jwk_ignores_members_that_it_does_not_know),
                cmocka_unit_test(jwk_refuses_what_is_not_a_public_ed25519_key),
                cmocka_unit_test(jwk_formats_to_what_it_parses),
                cmocka_unit_test(signing_key_of_rfc_8037_parses_with_its_public_half),
                cmocka_unit_test(signing_key_survives_its_file_format),
                cmocka_unit_test(signing_key_refuses_halves_that_do_not_belong_together),
        };

        return cmocka_run_group_tests(tests, start, NULL);
}
