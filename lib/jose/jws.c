/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compact JWS with Ed25519. Promises, cited by tests/unit/test-jws.c:
 *  J1 The signature MUST be verified over the bytes as received, before the payload is decoded.
 *  J2 The header MUST choose nothing but one of the keys that are already trusted. */

#include "lib/base/macro.h"
#include "lib/jose/jose.h"
#include "lib/jose/json.h"

#include <sodium.h>
#include <stdio.h>

#define SIGNATURE_TEXT_SIZE 86u /* base64url of 64 bytes */

const char *jws_error_text(JwsError e)
{
        static const char *const texts[] = {
                [JWS_OK] = "it verifies",
                [JWS_E_SEGMENTS] = "it is not a compact JWS of three segments",
                [JWS_E_BASE64] = "a segment is not canonical base64url",
                [JWS_E_HEADER] =
                        "the protected header is not an object of exactly alg, kid and typ",
                [JWS_E_ALGORITHM] = "alg is not EdDSA",
                [JWS_E_TYPE] = "typ is not the one expected here",
                [JWS_E_KEY] = "kid names no key that this host trusts for the issuer",
                [JWS_E_SIGNATURE] = "the signature does not verify",
                [JWS_E_MEMORY] = "out of memory",
        };
        size_t i = (size_t)e;

        return i < ELEMENTSOF(texts) && texts[i] ? texts[i] : "unknown error";
}

typedef struct Segments {
        const char *header, *payload, *signature;
        size_t header_size, payload_size, signature_size;
} Segments;

static JwsError split(const char *jws, size_t size, Segments *ret)
{
        const char *end = jws + size, *first, *second;

        first = size > 0 ? memchr(jws, '.', size) : NULL;
        second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
        if (!second || memchr(second + 1, '.', (size_t)(end - second - 1)))
                return JWS_E_SEGMENTS;
        *ret = (Segments){ .header = jws,
                           .payload = first + 1,
                           .signature = second + 1,
                           .header_size = (size_t)(first - jws),
                           .payload_size = (size_t)(second - first - 1),
                           .signature_size = (size_t)(end - second - 1) };
        if (ret->header_size == 0 || ret->payload_size == 0 || ret->signature_size == 0)
                return JWS_E_SEGMENTS;
        return JWS_OK;
}

/* The index of the trusted key that the header names. */
static JwsError check_header(const json_t *header, const char *typ, const Jwk *const *trusted,
                             size_t n_trusted, size_t *ret_key)
{
        const char *alg = json_string_value(json_object_get(header, "alg"));
        const char *kid = json_string_value(json_object_get(header, "kid"));
        const char *t = json_string_value(json_object_get(header, "typ"));

        if (!json_is_object(header) || json_object_size(header) != 3 || !alg || !kid || !t)
                return JWS_E_HEADER;
        if (!streq(alg, "EdDSA"))
                return JWS_E_ALGORITHM;
        if (!streq(t, typ))
                return JWS_E_TYPE;
        for (size_t i = 0; i < n_trusted; i++)
                if (streq(kid, trusted[i]->kid)) {
                        *ret_key = i;
                        return JWS_OK;
                }
        return JWS_E_KEY;
}

static JwsError read_header(const Segments *s, const char *typ, const Jwk *const *trusted,
                            size_t n_trusted, size_t *ret_key)
{
        _cleanup_(json_decrefp) json_t *header = NULL;
        uint8_t text[JWS_HEADER_MAX];
        size_t size = 0;
        int r;

        r = base64url_decode(s->header, s->header_size, text, sizeof(text), &size);
        if (r < 0)
                return r == -ENOBUFS ? JWS_E_HEADER : JWS_E_BASE64;
        header = json_read((const char *)text, size, JSON_REJECT_DUPLICATES, NULL);
        if (!header)
                return errno == ENOMEM ? JWS_E_MEMORY : JWS_E_HEADER;
        return check_header(header, typ, trusted, n_trusted, ret_key);
}

bool jws_says_typ(const char *jws, size_t size, const char *typ)
{
        _cleanup_(json_decrefp) json_t *header = NULL;
        const char *dot = memchr(jws, '.', size), *said;
        uint8_t text[JWS_HEADER_MAX];
        size_t n = 0;

        if (!dot || base64url_decode(jws, (size_t)(dot - jws), text, sizeof(text), &n) < 0)
                return false;
        header = json_read((const char *)text, n, JSON_REJECT_DUPLICATES, NULL);
        said = header ? json_string_value(json_object_get(header, "typ")) : NULL;
        return said && streq(said, typ);
}

static JwsError check_signature(const char *jws, const Segments *s, const Jwk *key)
{
        uint8_t signature[crypto_sign_BYTES];
        size_t n = 0, signed_size = s->header_size + 1 + s->payload_size;

        if (s->signature_size != SIGNATURE_TEXT_SIZE)
                return JWS_E_SIGNATURE;
        if (base64url_decode(s->signature, s->signature_size, signature, sizeof(signature), &n) < 0)
                return JWS_E_BASE64;
        if (crypto_sign_verify_detached(signature, (const uint8_t *)jws, signed_size,
                                        key->public) != 0)
                return JWS_E_SIGNATURE;
        return JWS_OK;
}

JwsError jws_verify(const char *jws, size_t size, const char *typ, const Jwk *const *trusted,
                    size_t n_trusted, size_t *ret_key, const char **ret_text, size_t *ret_size)
{
        size_t key = 0;
        Segments s;
        JwsError e;

        e = split(jws, size, &s);
        if (e == JWS_OK)
                e = read_header(&s, typ, trusted, n_trusted, &key);
        if (e == JWS_OK)
                e = check_signature(jws, &s, trusted[key]);
        if (e != JWS_OK)
                return e;
        *ret_key = key;
        *ret_text = s.payload;
        *ret_size = s.payload_size;
        return JWS_OK;
}

JwsError jws_open(const char *jws, size_t size, const char *typ, const Jwk *const *trusted,
                  size_t n_trusted, size_t *ret_key, char **ret_payload, size_t *ret_size)
{
        _cleanup_free_ char *payload = NULL;
        size_t key = 0, payload_size = 0, text_size = 0;
        const char *text = NULL;
        JwsError e;

        e = jws_verify(jws, size, typ, trusted, n_trusted, &key, &text, &text_size);
        if (e != JWS_OK)
                return e;

        payload = malloc(text_size + 1);
        if (!payload)
                return JWS_E_MEMORY;
        if (base64url_decode_public(text, text_size, (uint8_t *)payload, text_size, &payload_size) <
            0)
                return JWS_E_BASE64;
        payload[payload_size] = '\0';
        *ret_key = key;
        *ret_payload = TAKE_PTR(payload);
        *ret_size = payload_size;
        return JWS_OK;
}

static int sign(const SigningKey *k, const char *text, size_t size,
                uint8_t ret[static JWS_SIGNATURE_SIZE])
{
        int r;

        if (!k->sign) {
                crypto_sign_detached(ret, NULL, (const uint8_t *)text, size, k->secret);
                return 0;
        }
        r = k->sign(text, size, ret, k->userdata);
        if (r < 0)
                return r;
        return crypto_sign_verify_detached(ret, (const uint8_t *)text, size, k->public.public) == 0
                       ? 0
                       : -EKEYREJECTED;
}

int jws_sign(const SigningKey *k, const char *typ, const void *payload, size_t size, char **ret)
{
        uint8_t signature[JWS_SIGNATURE_SIZE];
        char header[JWS_HEADER_MAX];
        _cleanup_free_ char *jws = NULL;
        size_t signed_size;
        char *p;
        int n;

        n = snprintf(header, sizeof(header), "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"%s\"}",
                     k->public.kid, typ);
        if (n < 0 || (size_t)n >= sizeof(header) || size > SIZE_MAX / 2)
                return -EINVAL;
        signed_size = base64url_size((size_t)n) + 1 + base64url_size(size);
        jws = malloc(signed_size + 1 + SIGNATURE_TEXT_SIZE + 1);
        if (!jws)
                return -ENOMEM;

        base64url_encode((const uint8_t *)header, (size_t)n, jws);
        p = jws + base64url_size((size_t)n);
        *p = '.';
        base64url_encode(payload, size, p + 1);
        n = sign(k, jws, signed_size, signature);
        if (n < 0)
                return n;
        jws[signed_size] = '.';
        base64url_encode(signature, sizeof(signature), jws + signed_size + 1);
        *ret = TAKE_PTR(jws);
        return 0;
}
