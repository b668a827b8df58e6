/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/base/macro.h"
#include "lib/jose/jose.h"
#include "lib/jose/json.h"

#include <sodium.h>
#include <stdio.h>

#define X_SIZE 43u /* base64url of 32 bytes */

/* The members of RFC 7638 in their order; nothing else, no white space. */
#define THUMBPRINT_FORMAT "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}"

void jwk_from_public(const uint8_t public[static JWK_PUBLIC_SIZE], Jwk *ret)
{
        uint8_t hash[crypto_hash_sha256_BYTES];
        char x[X_SIZE + 1], canonical[sizeof(THUMBPRINT_FORMAT) + X_SIZE];
        int n;

        base64url_encode(public, JWK_PUBLIC_SIZE, x);
        n = snprintf(canonical, sizeof(canonical), THUMBPRINT_FORMAT, x);
        crypto_hash_sha256(hash, (const uint8_t *)canonical, (size_t)n);
        memcpy(ret->public, public, JWK_PUBLIC_SIZE);
        base64url_encode(hash, sizeof(hash), ret->kid);
}

/* 0 where the member is a string that equals text, or absent and optional. */
static int check_member(const json_t *object, const char *name, const char *text, bool required)
{
        const json_t *v = json_object_get(object, name);

        if (!v)
                return required ? -EBADMSG : 0;
        return json_is_string(v) && streq(json_string_value(v), text) ? 0 : -EBADMSG;
}

/* A member that is base64url of exactly 32 bytes. */
static int read_32(const json_t *object, const char *name, uint8_t ret[static 32])
{
        const json_t *v = json_object_get(object, name);
        size_t n = 0;

        if (!json_is_string(v) || json_string_length(v) != X_SIZE)
                return -EBADMSG;
        return base64url_decode(json_string_value(v), X_SIZE, ret, 32, &n);
}

static int read_public(const json_t *object, Jwk *ret)
{
        uint8_t public[JWK_PUBLIC_SIZE];
        Jwk k;

        if (!json_is_object(object) || check_member(object, "kty", "OKP", true) < 0 ||
            check_member(object, "crv", "Ed25519", true) < 0 ||
            check_member(object, "alg", "EdDSA", false) < 0 || read_32(object, "x", public) < 0)
                return -EBADMSG;
        /* On the curve, canonical, of the prime order: no small-order key passes. */
        if (crypto_core_ed25519_is_valid_point(public) != 1)
                return -EBADMSG;
        jwk_from_public(public, &k);
        if (check_member(object, "kid", k.kid, false) < 0)
                return -EBADMSG;
        *ret = k;
        return 0;
}

int jwk_parse(const char *json, size_t size, Jwk *ret)
{
        _cleanup_(json_decrefp) json_t *object =
                json_read(json, size, JSON_REJECT_DUPLICATES, NULL);

        if (!object)
                return -errno;
        if (json_object_get(object, "d"))
                return -EBADMSG;
        return read_public(object, ret);
}

int jwk_format(const Jwk *k, char **ret)
{
        char x[X_SIZE + 1];

        base64url_encode(k->public, JWK_PUBLIC_SIZE, x);
        if (asprintf(ret,
                     "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\","
                     "\"kid\":\"%s\",\"x\":\"%s\"}",
                     k->kid, x) < 0)
                return -ENOMEM;
        return 0;
}

void signing_key_done(SigningKey *k)
{
        sodium_memzero(k, sizeof(*k));
}

int signing_key_generate(SigningKey *ret)
{
        uint8_t public[JWK_PUBLIC_SIZE];

        if (crypto_sign_keypair(public, ret->secret) != 0)
                return -EIO;
        jwk_from_public(public, &ret->public);
        ret->sign = NULL;
        return 0;
}

/* The secret from the seed `d`; the public half must be the one that the document names. */
static int read_secret(const json_t *object, SigningKey *k)
{
        uint8_t seed[crypto_sign_SEEDBYTES], public[JWK_PUBLIC_SIZE];
        int r;

        r = read_32(object, "d", seed);
        if (r == 0) {
                crypto_sign_seed_keypair(public, k->secret, seed);
                r = sodium_memcmp(public, k->public.public, sizeof(public)) == 0 ? 0 : -EBADMSG;
        }
        sodium_memzero(seed, sizeof(seed));
        return r;
}

int signing_key_parse(const char *json, size_t size, SigningKey *ret)
{
        _cleanup_(json_decrefp) json_t *object =
                json_read(json, size, JSON_REJECT_DUPLICATES, NULL);
        json_t *d = json_object_get(object, "d");
        SigningKey k = { 0 };
        int r;

        if (!object)
                return -errno;
        r = read_public(object, &k.public);
        if (r == 0)
                r = read_secret(object, &k);
        if (r == 0)
                *ret = k;
        signing_key_done(&k);
        if (json_is_string(d)) /* the parser's copy of the secret */
                sodium_memzero((char *)json_string_value(d), json_string_length(d));
        return r;
}

int signing_key_format(const SigningKey *k, char **ret)
{
        uint8_t seed[crypto_sign_SEEDBYTES];
        char x[X_SIZE + 1], d[X_SIZE + 1];
        int n;

        crypto_sign_ed25519_sk_to_seed(seed, k->secret);
        base64url_encode(k->public.public, JWK_PUBLIC_SIZE, x);
        base64url_encode(seed, sizeof(seed), d);
        n = asprintf(ret,
                     "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"alg\":\"EdDSA\",\"use\":\"sig\","
                     "\"kid\":\"%s\",\"x\":\"%s\",\"d\":\"%s\"}",
                     k->public.kid, x, d);
        sodium_memzero(seed, sizeof(seed));
        sodium_memzero(d, sizeof(d));
        return n < 0 ? -ENOMEM : 0;
}
