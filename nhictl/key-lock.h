/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A private key at rest under a passphrase. The file is one JSON object: the public members of the
 * JWK, so that the key can be told without the passphrase, and
 *
 *   enc     "argon2id-xchacha20poly1305": what this file is; no JWK has it
 *   memory, passes, salt   what argon2id (RFC 9106) makes a key of the passphrase with
 *   nonce, locked          the seed under XChaCha20-Poly1305, bound to every other member
 *
 * Promises, cited by tests/unit/test-key-lock.c:
 *  K1 Whoever writes the file MUST NOT decide how much memory and time we take: both are bounded
 *     before the passphrase is touched.
 *  K2 A file with any member changed MUST NOT open.
 *  K3 What opens MUST be the private half of the public key that the file shows. */

#include "lib/jose/jose.h"

#define KEY_LOCK_MEMORY_MIN  8192u /* argon2id's own */
#define KEY_LOCK_MEMORY_MAX  (1024ull * 1024 * 1024)
#define KEY_LOCK_PASSES_MAX  16u
#define KEY_LOCK_SALT_SIZE   16u
#define KEY_LOCK_NONCE_SIZE  24u
#define KEY_LOCK_LOCKED_SIZE 48u /* seed and tag */

/* What a guess costs. */
typedef struct KeyCost {
        uint64_t passes, memory; /* bytes */
} KeyCost;

/* Most of a second and 256 MiB: libsodium's "moderate". */
extern const KeyCost key_cost_default;

typedef struct LockedKey {
        Jwk public;
        KeyCost cost;
        uint8_t salt[KEY_LOCK_SALT_SIZE], nonce[KEY_LOCK_NONCE_SIZE];
        uint8_t locked[KEY_LOCK_LOCKED_SIZE];
} LockedKey;

/* Lock a key: a malloc'ed text. -ENOMEM also where argon2id does not get its memory. */
int key_lock(const SigningKey *key, const char *passphrase, const KeyCost *cost, char **ret);

/* Does the file say that it is locked, in whatever way? */
bool key_lock_is(const char *text, size_t size);
/* 0; -EBADMSG: locked in a way that we do not know, or not a well-formed file; -ENOMEM. */
int locked_key_parse(const char *text, size_t size, LockedKey *ret);
/* 0 and *ret for signing_key_done(); -EKEYREJECTED: wrong passphrase, or the file was changed;
 * -ENOMEM. */
int locked_key_open(const LockedKey *k, const char *passphrase, SigningKey *ret);
