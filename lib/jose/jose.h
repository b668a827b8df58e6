/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The small part of JOSE that nhi speaks: compact JWS (RFC 7515) with Ed25519 (RFC 8037) and
 * nothing else. `alg` is compiled in. Needs sodium_init() once. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JWK_PUBLIC_SIZE 32u
#define JWK_SECRET_SIZE 64u /* libsodium's: seed and public key */
#define JWK_KID_SIZE    43u /* base64url of SHA-256, RFC 7638 */
#define JWS_HEADER_MAX  512u

#define JWS_SIGNATURE_SIZE 64u

#define JWS_TYP_KEYS        "nhi-keys+jwt"
#define JWS_TYP_GRANTS      "nhi-grants+jwt"
#define JWS_TYP_REVOCATIONS "nhi-revocations+jwt"
#define JWS_TYP_FRESHNESS   "nhi-freshness+jwt"

/* Strict base64url (RFC 4648 section 5) without padding: the canonical spelling only. 0 and
 * *ret_size, -EBADMSG, -ENOBUFS. */
int base64url_decode(const char *text, size_t size, uint8_t *ret, size_t capacity,
                     size_t *ret_size);
/* The same by table, at memory's speed, for what is no secret. Any 4 * n characters but the last
 * can be decoded alone: a large text need not be decoded at once. */
int base64url_decode_public(const char *text, size_t size, uint8_t *ret, size_t capacity,
                            size_t *ret_size);
/* Size of the encoding of n bytes, without NUL. */
size_t base64url_size(size_t n);
/* ret has room for base64url_size(n) + 1. */
void base64url_encode(const uint8_t *data, size_t n, char *ret);

/* Does the header say this typ? Unverified: for whoever picks who verifies it. */
bool jws_says_typ(const char *jws, size_t size, const char *typ);

/* A public key: kty OKP, crv Ed25519 (RFC 8037). kid is always the RFC 7638 thumbprint. */
typedef struct Jwk {
        uint8_t public[JWK_PUBLIC_SIZE];
        char kid[JWK_KID_SIZE + 1];
} Jwk;

/* Parse a public JWK document. A `kid` member that is not the thumbprint, a private member `d`, an
 * `alg` other than EdDSA, small-order or wrong-sized keys are -EBADMSG. Other members are ignored
 * (RFC 7517 section 4). */
int jwk_parse(const char *json, size_t size, Jwk *ret);
/* The document, one line, malloc'ed. */
int jwk_format(const Jwk *k, char **ret);
void jwk_from_public(const uint8_t public[static JWK_PUBLIC_SIZE], Jwk *ret);

/* A private key; wipe with signing_key_done(). File format: a private JWK with `d` (RFC 8037). */
typedef struct SigningKey {
        uint8_t secret[JWK_SECRET_SIZE];
        Jwk public;
        /* NULL: secret is the key. Else the key is somewhere else, and this asks it for the Ed25519
         * signature of text, which is verified before it is used. 0 or a negative errno. */
        int (*sign)(const char *text, size_t size, uint8_t ret[static JWS_SIGNATURE_SIZE],
                    void *userdata);
        void *userdata;
} SigningKey;
int signing_key_generate(SigningKey *ret);
int signing_key_parse(const char *json, size_t size, SigningKey *ret);
int signing_key_format(const SigningKey *k, char **ret); /* malloc'ed, wipe with sodium_memzero */
void signing_key_done(SigningKey *k);

/* Sign payload: a malloc'ed compact JWS with protected header
 * {"alg":"EdDSA","kid":KID,"typ":TYP}. -EKEYREJECTED: what signs for us signed something else, or
 * with another key. */
int jws_sign(const SigningKey *k, const char *typ, const void *payload, size_t size, char **ret);

typedef enum JwsError {
        JWS_OK = 0,
        JWS_E_SEGMENTS,  /* not exactly three non-empty segments */
        JWS_E_BASE64,    /* not canonical base64url */
        JWS_E_HEADER,    /* header is not the JSON object with exactly alg, kid, typ */
        JWS_E_ALGORITHM, /* alg is not EdDSA */
        JWS_E_TYPE,      /* typ is another */
        JWS_E_KEY,       /* kid names no trusted key */
        JWS_E_SIGNATURE, /* the signature does not verify over the bytes as received */
        JWS_E_MEMORY,
} JwsError;
const char *jws_error_text(JwsError e);

/* Verify: trusted[] are the keys, *ret_key the index of the one that signed, *ret_text the payload
 * as it stands in jws, still encoded and perhaps no base64url at all. A trailing newline is not
 * accepted. */
JwsError jws_verify(const char *jws, size_t size, const char *typ, const Jwk *const *trusted,
                    size_t n_trusted, size_t *ret_key, const char **ret_text, size_t *ret_size);

/* Verify and only then decode: trusted[] are the keys, *ret_key the index of the one that signed,
 * *ret_payload malloc'ed, NUL-terminated behind *ret_size bytes. A trailing newline is not
 * accepted. */
JwsError jws_open(const char *jws, size_t size, const char *typ, const Jwk *const *trusted,
                  size_t n_trusted, size_t *ret_key, char **ret_payload, size_t *ret_size);
