/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Private keys under a passphrase: the promises of nhictl/key-lock.h. Guesses cost little here. */

#include "lib/base/macro.h"
#include "nhictl/key-lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>
#include <sodium.h>

#define PASSPHRASE "correct horse battery staple"

static const KeyCost cheap = { 1, KEY_LOCK_MEMORY_MIN };

typedef struct Fixture {
        SigningKey key;
        char *text;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        *state = f;
        return signing_key_generate(&f->key) < 0 ||
               key_lock(&f->key, PASSPHRASE, &cheap, &f->text) < 0;
}

static int teardown(void **state)
{
        Fixture *f = *state;

        free(f->text);
        free(f);
        return 0;
}

static int open_text(const char *text, const char *passphrase, SigningKey *ret)
{
        LockedKey k;
        int r = locked_key_parse(text, strlen(text), &k);

        return r < 0 ? r : locked_key_open(&k, passphrase, ret);
}

/* The file with one member replaced, or without it. */
static char *with(const Fixture *f, const char *name, json_t *value)
{
        json_t *doc = json_loads(f->text, 0, NULL);
        char *text;

        if (value)
                assert_int_equal(json_object_set_new(doc, name, value), 0);
        else
                assert_int_equal(json_object_del(doc, name), 0);
        text = json_dumps(doc, JSON_COMPACT);
        json_decref(doc);
        assert_non_null(text);
        return text;
}

static void the_passphrase_and_no_other_opens_it(void **state)
{
        static const char *const wrong[] = { "", "correct horse battery stapl",
                                             "correct horse battery staple ",
                                             "Correct horse battery staple" };
        const Fixture *f = *state;
        SigningKey key = { 0 };

        assert_int_equal(open_text(f->text, PASSPHRASE, &key), 0);
        assert_memory_equal(key.secret, f->key.secret, sizeof(key.secret));
        assert_string_equal(key.public.kid, f->key.public.kid);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_int_equal(open_text(f->text, wrong[i], &key), -EKEYREJECTED);
}

static void the_file_shows_the_public_key_and_nothing_of_the_private_one(void **state)
{
        const Fixture *f = *state;
        char d[64];
        SigningKey key;
        LockedKey k;

        base64url_encode(f->key.secret, crypto_sign_SEEDBYTES, d);
        assert_null(strstr(f->text, d));
        assert_true(key_lock_is(f->text, strlen(f->text)));
        assert_int_equal(signing_key_parse(f->text, strlen(f->text), &key), -EBADMSG);
        assert_int_equal(locked_key_parse(f->text, strlen(f->text), &k), 0);
        assert_memory_equal(k.public.public, f->key.public.public, JWK_PUBLIC_SIZE);
}

static void a_key_is_locked_anew_each_time(void **state)
{
        const Fixture *f = *state;
        LockedKey a, b;
        char *again;

        assert_int_equal(key_lock(&f->key, PASSPHRASE, &cheap, &again), 0);
        assert_int_equal(locked_key_parse(f->text, strlen(f->text), &a), 0);
        assert_int_equal(locked_key_parse(again, strlen(again), &b), 0);
        assert_memory_not_equal(a.salt, b.salt, sizeof(a.salt));
        assert_memory_not_equal(a.nonce, b.nonce, sizeof(a.nonce));
        assert_memory_not_equal(a.locked, b.locked, sizeof(a.locked));
        free(again);
}

/* K1 */
static void a_file_that_wants_too_much_is_refused_before_it_gets_anything_(void **state)
{
        static const struct {
                const char *name;
                json_int_t value;
                bool ok;
        } cases[] = {
                { "memory", KEY_LOCK_MEMORY_MAX, true },
                { "memory", KEY_LOCK_MEMORY_MAX + 1, false },
                { "memory", KEY_LOCK_MEMORY_MIN, true },
                { "memory", KEY_LOCK_MEMORY_MIN - 1, false },
                { "memory", 0, false },
                { "memory", -1, false },
                { "memory", INT64_MAX, false },
                { "passes", KEY_LOCK_PASSES_MAX, true },
                { "passes", KEY_LOCK_PASSES_MAX + 1, false },
                { "passes", 1, true },
                { "passes", 0, false },
                { "passes", INT64_MAX, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *text = with(*state, cases[i].name, json_integer(cases[i].value));
                LockedKey k;
                int r = locked_key_parse(text, strlen(text), &k);

                if (r != (cases[i].ok ? 0 : -EBADMSG))
                        fail_msg("%s: %d", text, r);
                free(text);
        }
}

/* K2 */
static void a_file_with_any_member_changed_does_not_open(void **state)
{
        const Fixture *f = *state;
        SigningKey other, key = { 0 };
        char x[64], zeros[128];
        const struct {
                const char *name;
                json_t *value;
        } cases[] = {
                { "memory", json_integer(2 * KEY_LOCK_MEMORY_MIN) },
                { "passes", json_integer(2) },
                { "salt",
                  (base64url_encode((uint8_t[KEY_LOCK_SALT_SIZE]){ 0 }, KEY_LOCK_SALT_SIZE, zeros),
                   json_string(zeros)) },
                { "nonce", (base64url_encode((uint8_t[KEY_LOCK_NONCE_SIZE]){ 0 },
                                             KEY_LOCK_NONCE_SIZE, zeros),
                            json_string(zeros)) },
                { "locked", (base64url_encode((uint8_t[KEY_LOCK_LOCKED_SIZE]){ 0 },
                                              KEY_LOCK_LOCKED_SIZE, zeros),
                             json_string(zeros)) },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *text = with(f, cases[i].name, cases[i].value);

                assert_int_equal(open_text(text, PASSPHRASE, &key), -EKEYREJECTED);
                free(text);
        }

        /* Another public key, with its kid: well-formed, and another key's. */
        assert_int_equal(signing_key_generate(&other), 0);
        base64url_encode(other.public.public, JWK_PUBLIC_SIZE, x);
        {
                Fixture swapped = { .text = with(f, "x", json_string(x)) };
                char *text = with(&swapped, "kid", json_string(other.public.kid));

                assert_int_equal(open_text(text, PASSPHRASE, &key), -EKEYREJECTED);
                free(text);
                free(swapped.text);
        }
}

/* K3: the tag is right and vouches for a public key that is not the seed's. */
static void what_opens_is_the_key_that_the_file_shows(void **state)
{
        const Fixture *f = *state;
        SigningKey liar = f->key, other, key = { 0 };
        char *text;

        assert_int_equal(signing_key_generate(&other), 0);
        liar.public = other.public;
        assert_int_equal(key_lock(&liar, PASSPHRASE, &cheap, &text), 0);
        assert_int_equal(open_text(text, PASSPHRASE, &key), -EKEYREJECTED);
        free(text);
}

static void what_is_not_whole_or_not_ours_is_refused(void **state)
{
        static const char *const names[] = { "alg",    "crv",   "enc",    "kid",  "kty", "locked",
                                             "memory", "nonce", "passes", "salt", "x" };
        const Fixture *f = *state;
        LockedKey k;
        char *text;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                text = with(f, names[i], NULL);
                assert_int_equal(locked_key_parse(text, strlen(text), &k), -EBADMSG);
                free(text);
                text = with(f, names[i], json_string("AAAA"));
                assert_int_equal(locked_key_parse(text, strlen(text), &k), -EBADMSG);
                free(text);
        }
        text = with(f, "d", json_string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        assert_int_equal(locked_key_parse(text, strlen(text), &k), -EBADMSG);
        free(text);
        for (size_t size = 0; size < strlen(f->text); size++)
                assert_int_equal(locked_key_parse(f->text, size, &k), -EBADMSG);
}

static void what_is_locked_in_another_way_says_so(void **state)
{
        char *text = with(*state, "enc", json_string("scrypt"));
        LockedKey k;

        assert_true(key_lock_is(text, strlen(text)));
        assert_int_equal(locked_key_parse(text, strlen(text), &k), -EBADMSG);
        assert_false(key_lock_is("{}", 2));
        assert_false(key_lock_is("no JSON", 7));
        free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(the_passphrase_and_no_other_opens_it),
                TEST(the_file_shows_the_public_key_and_nothing_of_the_private_one),
                TEST(a_key_is_locked_anew_each_time),
                TEST(a_file_that_wants_too_much_is_refused_before_it_gets_anything_),
                TEST(a_file_with_any_member_changed_does_not_open),
                TEST(what_opens_is_the_key_that_the_file_shows),
                TEST(what_is_not_whole_or_not_ours_is_refused),
                TEST(what_is_locked_in_another_way_says_so),
        };

        if (sodium_init() < 0)
                return 1;
        return cmocka_run_group_tests_name("key-lock", tests, NULL, NULL);
}
