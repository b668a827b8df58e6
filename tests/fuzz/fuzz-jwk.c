/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keys. Input: a JWK, public, private, or private and locked. What parses is one key, whoever
 * writes it down. */

#include "lib/base/macro.h"
#include "lib/jose/jose.h"
#include "nhictl/key-lock.h"
#include "tests/fuzz/fuzz.h"

#include <sodium.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
        (void)argc;
        (void)argv;
        return sodium_init() < 0 ? -1 : 0;
}

static void public_check(const char *text, size_t size)
{
        char *written = NULL;
        Jwk k, again;

        if (jwk_parse(text, size, &k) < 0)
                return;
        FUZZ_HOLDS(crypto_core_ed25519_is_valid_point(k.public) == 1, "a key of the prime order");
        FUZZ_HOLDS(jwk_format(&k, &written) == 0 &&
                           jwk_parse(written, strlen(written), &again) == 0,
                   "it is written and read again");
        FUZZ_HOLDS(memcmp(k.public, again.public, sizeof(k.public)) == 0 && streq(k.kid, again.kid),
                   "as the same");
        free(written);
}

static void private_check(const char *text, size_t size)
{
        uint8_t public[JWK_PUBLIC_SIZE], secret[JWK_SECRET_SIZE], seed[crypto_sign_SEEDBYTES];
        SigningKey k;

        if (signing_key_parse(text, size, &k) < 0)
                return;
        (void)crypto_sign_ed25519_sk_to_seed(seed, k.secret);
        (void)crypto_sign_seed_keypair(public, secret, seed);
        FUZZ_HOLDS(memcmp(public, k.public.public, sizeof(public)) == 0 &&
                           memcmp(secret, k.secret, sizeof(secret)) == 0,
                   "the public half is the private one's");
        signing_key_done(&k);
}

static void locked_check(const char *text, size_t size)
{
        LockedKey k;

        if (locked_key_parse(text, size, &k) < 0)
                return;
        FUZZ_HOLDS(key_lock_is(text, size), "it says that it is locked");
        FUZZ_HOLDS(crypto_core_ed25519_is_valid_point(k.public.public) == 1,
                   "a key of the prime order");
        FUZZ_HOLDS(k.cost.passes >= 1 && k.cost.passes <= KEY_LOCK_PASSES_MAX &&
                           k.cost.memory >= KEY_LOCK_MEMORY_MIN &&
                           k.cost.memory <= KEY_LOCK_MEMORY_MAX,
                   "a guess costs what we can afford");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        public_check((const char *)data, size);
        private_check((const char *)data, size);
        locked_check((const char *)data, size);
        return 0;
}
