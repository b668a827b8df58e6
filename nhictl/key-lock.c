/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/key-lock.h"

#include "lib/base/macro.h"
#include "lib/jose/json.h"

#include <sodium.h>
#include <stdio.h>

#define ENC "argon2id-xchacha20poly1305"

#define SEED_SIZE crypto_sign_SEEDBYTES
#define WRAP_SIZE crypto_aead_xchacha20poly1305_ietf_KEYBYTES

_Static_assert(KEY_LOCK_SALT_SIZE == crypto_pwhash_SALTBYTES, "argon2id's salt");
_Static_assert(KEY_LOCK_NONCE_SIZE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "its nonce");
_Static_assert(KEY_LOCK_LOCKED_SIZE ==
                       crypto_sign_SEEDBYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "seed and tag");
_Static_assert(KEY_LOCK_MEMORY_MIN == crypto_pwhash_argon2id_MEMLIMIT_MIN, "argon2id's least");

const KeyCost key_cost_default = { crypto_pwhash_argon2id_OPSLIMIT_MODERATE,
                                   crypto_pwhash_argon2id_MEMLIMIT_MODERATE };

static const char *const members[] = { "alg",    "crv",   "enc",    "kid",  "kty", "locked",
                                       "memory", "nonce", "passes", "salt", "x" };

/* Everything but "locked", in one spelling: what the tag vouches for (K2), and the file's
 * beginning. malloc'ed; NULL: memory. */
static char *head_format(const LockedKey *k)
{
        char x[64], salt[64], nonce[64], *text = NULL;

        base64url_encode(k->public.public, sizeof(k->public.public), x);
        base64url_encode(k->salt, sizeof(k->salt), salt);
        base64url_encode(k->nonce, sizeof(k->nonce), nonce);
        if (asprintf(&text,
                     "{\"enc\":\"" ENC "\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\","
                     "\"kid\":\"%s\",\"x\":\"%s\",\"memory\":%llu,\"passes\":%llu,\"salt\":\"%s\","
                     "\"nonce\":\"%s\"",
                     k->public.kid, x, (unsigned long long)k->cost.memory,
                     (unsigned long long)k->cost.passes, salt, nonce) < 0)
                return NULL;
        return text;
}

static int wrap_key(const LockedKey *k, const char *passphrase, uint8_t ret[static WRAP_SIZE])
{
        return crypto_pwhash(ret, WRAP_SIZE, passphrase, strlen(passphrase), k->salt,
                             k->cost.passes, (size_t)k->cost.memory,
                             crypto_pwhash_ALG_ARGON2ID13) == 0
                       ? 0
                       : -ENOMEM;
}

static int seal(LockedKey *k, const char *passphrase, const SigningKey *key, const char *head)
{
        uint8_t wrap[WRAP_SIZE], seed[SEED_SIZE];
        int r = wrap_key(k, passphrase, wrap);

        if (r == 0) {
                (void)crypto_sign_ed25519_sk_to_seed(seed, key->secret);
                (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
                        k->locked, NULL, seed, sizeof(seed), (const uint8_t *)head, strlen(head),
                        NULL, k->nonce, wrap);
        }
        sodium_memzero(wrap, sizeof(wrap));
        sodium_memzero(seed, sizeof(seed));
        return r;
}

int key_lock(const SigningKey *key, const char *passphrase, const KeyCost *cost, char **ret)
{
        LockedKey k = { .public = key->public, .cost = *cost };
        _cleanup_free_ char *head = NULL;
        char locked[KEY_LOCK_LOCKED_SIZE * 2];
        int r;

        randombytes_buf(k.salt, sizeof(k.salt));
        randombytes_buf(k.nonce, sizeof(k.nonce));
        head = head_format(&k);
        r = head ? seal(&k, passphrase, key, head) : -ENOMEM;
        if (r < 0)
                return r;
        base64url_encode(k.locked, sizeof(k.locked), locked);
        return asprintf(ret, "%s,\"locked\":\"%s\"}", head, locked) < 0 ? -ENOMEM : 0;
}

bool key_lock_is(const char *text, size_t size)
{
        _cleanup_(json_decrefp) json_t *object =
                json_read(text, size, JSON_REJECT_DUPLICATES, NULL);

        return json_object_get(object, "enc");
}

static int read_bytes(const json_t *object, const char *name, uint8_t *ret, size_t size)
{
        const json_t *value = json_object_get(object, name);
        size_t n = 0;

        if (!json_is_string(value) ||
            base64url_decode(json_string_value(value), json_string_length(value), ret, size, &n) <
                    0 ||
            n != size)
                return -EBADMSG;
        return 0;
}

static int read_number(const json_t *object, const char *name, uint64_t min, uint64_t max,
                       uint64_t *ret)
{
        const json_t *value = json_object_get(object, name);
        const json_int_t n = json_integer_value(value);

        if (!json_is_integer(value) || n < 0 || (uint64_t)n < min || (uint64_t)n > max)
                return -EBADMSG;
        *ret = (uint64_t)n;
        return 0;
}

static bool has_only_ours(json_t *object)
{
        const char *name;
        json_t *value;

        json_object_foreach(object, name, value) {
                bool is_known = false;

                for (size_t i = 0; i < ELEMENTSOF(members); i++)
                        is_known |= streq(name, members[i]);
                if (!is_known)
                        return false;
        }
        return json_object_size(object) == ELEMENTSOF(members);
}

/* K1 */
static int read_lock(const json_t *object, LockedKey *k)
{
        int r = read_number(object, "memory", KEY_LOCK_MEMORY_MIN, KEY_LOCK_MEMORY_MAX,
                            &k->cost.memory);

        if (r == 0)
                r = read_number(object, "passes", 1, KEY_LOCK_PASSES_MAX, &k->cost.passes);
        if (r == 0)
                r = read_bytes(object, "salt", k->salt, sizeof(k->salt));
        if (r == 0)
                r = read_bytes(object, "nonce", k->nonce, sizeof(k->nonce));
        return r == 0 ? read_bytes(object, "locked", k->locked, sizeof(k->locked)) : r;
}

int locked_key_parse(const char *text, size_t size, LockedKey *ret)
{
        _cleanup_(json_decrefp) json_t *object =
                json_read(text, size, JSON_REJECT_DUPLICATES, NULL);
        LockedKey k;
        int r;

        if (!object)
                return -errno;
        if (!streq_ptr(json_string_value(json_object_get(object, "enc")), ENC) ||
            !has_only_ours(object))
                return -EBADMSG;
        r = jwk_parse(text, size, &k.public);
        if (r == 0)
                r = read_lock(object, &k);
        if (r == 0)
                *ret = k;
        return r;
}

/* K3 */
static int key_from_seed(const LockedKey *k, const uint8_t seed[static SEED_SIZE], SigningKey *ret)
{
        SigningKey key = { .public = k->public };
        uint8_t public[JWK_PUBLIC_SIZE];
        int r = -EKEYREJECTED;

        (void)crypto_sign_seed_keypair(public, key.secret, seed);
        if (sodium_memcmp(public, k->public.public, sizeof(public)) == 0) {
                *ret = key;
                r = 0;
        }
        signing_key_done(&key);
        return r;
}

int locked_key_open(const LockedKey *k, const char *passphrase, SigningKey *ret)
{
        _cleanup_free_ char *head = head_format(k);
        uint8_t wrap[WRAP_SIZE], seed[SEED_SIZE];
        int r = head ? wrap_key(k, passphrase, wrap) : -ENOMEM;

        if (r == 0 && crypto_aead_xchacha20poly1305_ietf_decrypt(
                              seed, NULL, NULL, k->locked, sizeof(k->locked), (const uint8_t *)head,
                              strlen(head), k->nonce, wrap) != 0)
                r = -EKEYREJECTED;
        if (r == 0)
                r = key_from_seed(k, seed, ret);
        sodium_memzero(wrap, sizeof(wrap));
        sodium_memzero(seed, sizeof(seed));
        return r;
}
