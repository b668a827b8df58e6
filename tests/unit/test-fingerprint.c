/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Thumbprints as people compare them. */

#include "lib/base/macro.h"
#include "nhictl/fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>

/* RFC 8037 A.2 and A.3. */
static const char rfc_key[] = "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                              "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}";
static const char rfc_kid[] = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

static Jwk rfc(void)
{
        Jwk key;

        assert_int_equal(jwk_parse(rfc_key, strlen(rfc_key), &key), 0);
        assert_string_equal(key.kid, rfc_kid);
        return key;
}

static void hex_is_the_whole_thumbprint_in_groups(void **state)
{
        char hex[FINGERPRINT_HEX_SIZE];
        const Jwk key = rfc();

        assert_string_equal(fingerprint_hex(&key, hex), "90fa cafe a9b1 5566 9854 0f70 c011 7a22 "
                                                        "ea37 bd5c f3ed 3c47 093c 1707 282b 4b89");
}

/* The example that goes with the list: two syllables first, then three. */
static void words_are_those_of_the_list(void **state)
{
        static const uint8_t bytes[] = {
                0xe5, 0x82, 0x94, 0xf2, 0xe9, 0xa2, 0x27, 0x48, 0x6e, 0x8b,
                0x06, 0x1b, 0x31, 0xcc, 0x52, 0x8f, 0xd7, 0xfa, 0x3f, 0x19
        };
        static const char *const words[] = {
                "topmost",   "Istanbul",  "Pluto",     "vagabond", "treadmill",
                "Pacific",   "brackish",  "dictator",  "goldfish", "Medusa",
                "afflict",   "bravado",   "chatter",   "revolver", "Dupont",
                "midsummer", "stopwatch", "whimsical", "cowbell",  "bottomless",
        };

        for (size_t i = 0; i < sizeof(bytes); i++)
                assert_string_equal(fingerprint_list[i % 2][bytes[i]], words[i]);
}

/* A word that stood twice would say two bytes; one that stood in both lists would hide a swap. */
static void no_word_stands_twice(void **state)
{
        const char *const *all = &fingerprint_list[0][0];

        for (size_t i = 0; i < 512; i++) {
                assert_non_null(all[i]);
                for (size_t k = i + 1; k < 512; k++)
                        assert_int_not_equal(strcasecmp(all[i], all[k]), 0);
        }
}

static void what_is_printed_is_read_back(void **state)
{
        char hex[FINGERPRINT_HEX_SIZE], words[FINGERPRINT_TEXT_SIZE];
        uint8_t bytes[FINGERPRINT_SIZE];
        const Jwk key = rfc();

        assert_int_equal(fingerprint_parse(fingerprint_hex(&key, hex), bytes), 0);
        assert_true(fingerprint_is(&key, bytes));
        memset(bytes, 0, sizeof(bytes));
        assert_int_equal(fingerprint_parse(fingerprint_words(&key, words), bytes), 0);
        assert_true(fingerprint_is(&key, bytes));
        memset(bytes, 0, sizeof(bytes));
        assert_int_equal(fingerprint_parse(rfc_kid, bytes), 0);
        assert_true(fingerprint_is(&key, bytes));
}

static void case_and_what_stands_between_do_not_matter(void **state)
{
        char words[FINGERPRINT_TEXT_SIZE];
        uint8_t bytes[FINGERPRINT_SIZE];
        const Jwk key = rfc();

        assert_int_equal(fingerprint_parse("90FA:CAFE:A9B1:5566:9854:0F70:C011:7A22:"
                                           "EA37:BD5C:F3ED:3C47:093C:1707:282B:4B89",
                                           bytes),
                         0);
        assert_true(fingerprint_is(&key, bytes));
        fingerprint_words(&key, words);
        for (char *c = words; *c; c++)
                *c = (char)(*c == ' ' ? '-' : toupper((unsigned char)*c));
        assert_int_equal(fingerprint_parse(words, bytes), 0);
        assert_true(fingerprint_is(&key, bytes));
}

/* Who compares the beginning only has compared what can be found by trying. */
static void less_or_more_than_all_is_refused(void **state)
{
        char hex[FINGERPRINT_HEX_SIZE], words[FINGERPRINT_TEXT_SIZE], text[1024];
        uint8_t bytes[FINGERPRINT_SIZE];
        const Jwk key = rfc();
        char *last;

        fingerprint_hex(&key, hex);
        for (size_t n = 0; n + 1 < sizeof(hex); n++) {
                (void)snprintf(text, sizeof(text), "%.*s", (int)n, hex);
                assert_int_equal(fingerprint_parse(text, bytes), -EINVAL);
        }
        (void)snprintf(text, sizeof(text), "%s00", hex);
        assert_int_equal(fingerprint_parse(text, bytes), -EINVAL);

        fingerprint_words(&key, words);
        (void)snprintf(text, sizeof(text), "%s aardvark", words);
        assert_int_equal(fingerprint_parse(text, bytes), -EINVAL);
        last = strrchr(words, ' ');
        *last = '\0';
        assert_int_equal(fingerprint_parse(words, bytes), -EINVAL);
        assert_int_equal(fingerprint_parse("", bytes), -EINVAL);
}

/* A word of the wrong list stands where another was left out. */
static void a_word_left_out_or_swapped_is_noticed(void **state)
{
        char words[FINGERPRINT_TEXT_SIZE], text[FINGERPRINT_TEXT_SIZE];
        uint8_t bytes[FINGERPRINT_SIZE];
        const Jwk key = rfc();
        const char *second;

        fingerprint_words(&key, words);
        second = strchr(words, ' ') + 1;
        (void)snprintf(text, sizeof(text), "%s aardvark", second);
        assert_int_equal(fingerprint_parse(text, bytes), -EINVAL);
        (void)snprintf(text, sizeof(text), "%.*s %.*s%s", (int)strcspn(second, " "), second,
                       (int)(second - words - 1), words, strchr(second, ' '));
        assert_int_equal(strlen(text), strlen(words));
        assert_int_equal(fingerprint_parse(text, bytes), -EINVAL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(hex_is_the_whole_thumbprint_in_groups),
                cmocka_unit_test(words_are_those_of_the_list),
                cmocka_unit_test(no_word_stands_twice),
                cmocka_unit_test(what_is_printed_is_read_back),
                cmocka_unit_test(case_and_what_stands_between_do_not_matter),
                cmocka_unit_test(less_or_more_than_all_is_refused),
                cmocka_unit_test(a_word_left_out_or_swapped_is_noticed),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
