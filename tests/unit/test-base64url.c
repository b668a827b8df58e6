/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/jose/jose.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static void base64url_encodes_as_rfc_4648_says(void **state)
{
        static const struct {
                const char *plain, *text;
        } cases[] = { { "", "" },
                      { "f", "Zg" },
                      { "fo", "Zm8" },
                      { "foo", "Zm9v" },
                      { "foob", "Zm9vYg" },
                      { "fooba", "Zm9vYmE" },
                      { "foobar", "Zm9vYmFy" },
                      { "\xfb\xff\xfe", "-__-" } };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
                size_t n = strlen(cases[i].plain), decoded = 99;
                char text[16];
                uint8_t plain[16];

                assert_int_equal(base64url_size(n), strlen(cases[i].text));
                base64url_encode((const uint8_t *)cases[i].plain, n, text);
                assert_string_equal(text, cases[i].text);
                assert_int_equal(base64url_decode(text, strlen(text), plain, n, &decoded), 0);
                assert_int_equal(decoded, n);
                assert_memory_equal(plain, cases[i].plain, n);
        }
}

static void base64url_refuses_every_other_spelling(void **state) /* O37 */
{
        static const char *const bad[] = { "Z",     "Zg=",   "Zg==",        "Zm9v=",  "Zh",
                                           "Zm9",   "+//-",  "Zm 9v",       "Zm9v\n", "Zm9vYg\n",
                                           " Zm9v", "Zm9v.", "Zm9\xc3\xa9", "****" };
        uint8_t plain[16];
        size_t n = 7;

        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                if (base64url_decode(bad[i], strlen(bad[i]), plain, sizeof(plain), &n) != -EBADMSG)
                        fail_msg("accepted: '%s'", bad[i]);
                assert_int_equal(n, 7);
        }
        assert_int_equal(base64url_decode("Zm\0v", 4, plain, sizeof(plain), &n), -EBADMSG);
}

static void base64url_has_one_spelling_per_message(void **state) /* F8 */
{
        static const char alphabet[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        uint8_t plain[4];
        unsigned accepted = 0;
        size_t n;

        for (size_t i = 0; i < 64; i++) {
                const char text[2] = { 'Z', alphabet[i] };

                accepted += base64url_decode(text, 2, plain, sizeof(plain), &n) == 0;
        }
        assert_int_equal(accepted, 4); /* 'A', 'Q', 'g', 'w': the four with empty spare bits */
}

static void base64url_knows_64_characters_and_no_other_byte(void **state)
{
        char text[4] = "AAA";
        unsigned accepted = 0;
        uint8_t plain[4];
        size_t n;

        for (int c = 0; c < 256; c++) {
                text[3] = (char)c;
                accepted += base64url_decode(text, 4, plain, sizeof(plain), &n) == 0;
        }
        assert_int_equal(accepted, 64);
}

static void base64url_keeps_to_the_room_it_is_given(void **state)
{
        uint8_t plain[4] = { 0, 0, 0, 0xaa };
        size_t n = 7;

        assert_int_equal(base64url_decode("Zm9v", 4, plain, 2, &n), -ENOBUFS);
        assert_int_equal(n, 7);
        assert_int_equal(base64url_decode("Zm9v", 4, plain, 3, &n), 0);
        assert_int_equal(n, 3);
        assert_int_equal(plain[3], 0xaa);
        assert_int_equal(base64url_decode("Zm8", 3, plain, 1, &n), -ENOBUFS);
        assert_int_equal(base64url_decode("Zm8", 3, plain, 2, &n), 0);
        assert_int_equal(base64url_decode("", 0, NULL, 0, &n), 0);
        assert_int_equal(n, 0);
}

static int start(void **state)
{
        return sodium_init() < 0 ? -1 : 0;
}

/* Both decoders give the same verdict and the same bytes. */
static void check_same(const char *text, size_t size)
{
        uint8_t a[8] = { 0 }, b[8] = { 0 };
        size_t n_a = 0, n_b = 0;
        int r = base64url_decode(text, size, a, sizeof(a), &n_a);

        assert_int_equal(base64url_decode_public(text, size, b, sizeof(b), &n_b), r);
        assert_int_equal(n_a, n_b);
        if (r == 0)
                assert_memory_equal(a, b, n_a);
}

static void base64url_of_what_is_public_decodes_alike(void **state) /* O37 */
{
        char text[9] = "ABCDEFGH";

        for (size_t size = 0; size <= 8; size++)
                for (unsigned c = 0; size > 0 && c < 65536; c++) {
                        memcpy(text, "AbCd-_09", 8);
                        text[size - 1] = (char)c;
                        if (size > 1)
                                text[size - 2] = (char)(c >> 8);
                        check_same(text, size);
                }
        for (unsigned c = 0; c < 256; c++)
                for (size_t at = 0; at < 8; at++) {
                        memcpy(text, "AbCd-_09", 8);
                        text[at] = (char)c;
                        check_same(text, 8);
                }
        check_same(text, 0);
}

static void base64url_of_what_is_public_keeps_to_its_room(void **state)
{
        uint8_t plain[3];
        size_t n = 7;

        assert_int_equal(base64url_decode_public("Zm9v", 4, plain, 2, &n), -ENOBUFS);
        assert_int_equal(n, 7);
        assert_int_equal(base64url_decode_public("Zm9v", 4, plain, 3, &n), 0);
        assert_int_equal(n, 3);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(base64url_encodes_as_rfc_4648_says),
                cmocka_unit_test(base64url_refuses_every_other_spelling),
                cmocka_unit_test(base64url_has_one_spelling_per_message),
                cmocka_unit_test(base64url_of_what_is_public_decodes_alike),
                cmocka_unit_test(base64url_of_what_is_public_keeps_to_its_room),
                cmocka_unit_test(base64url_knows_64_characters_and_no_other_byte),
                cmocka_unit_test(base64url_keeps_to_the_room_it_is_given),
        };

        return cmocka_run_group_tests(tests, start, NULL);
}
