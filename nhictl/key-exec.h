/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* `--key exec:COMMAND`: the issuer's key is in a KMS, a token or another machine. COMMAND is an
 * absolute path and words, quoted as texts_split() reads them, run without a shell and with an
 * environment of PATH and LANG only:
 *
 *   COMMAND public   prints the public key, a JWK
 *   COMMAND sign     reads what is to be signed from stdin, prints the Ed25519 signature in
 *                    base64url
 *
 * What it prints is believed only as far as the signature verifies. Each may take a minute, and
 * then is ended with everything of its process group. */

#include "lib/jose/jose.h"

#include <stdbool.h>

#define KEY_EXEC_PREFIX    "exec:"
#define KEY_EXEC_ERROR_MAX 512

bool key_exec_is(const char *key);
/* 0 and *ret for key_done(), or a negative errno and a sentence. */
int key_exec_open(const char *key, SigningKey *ret, char ret_error[static KEY_EXEC_ERROR_MAX]);
/* The same, with so long for each command. */
int key_exec_open_within(const char *key, uint64_t usec, SigningKey *ret,
                         char ret_error[static KEY_EXEC_ERROR_MAX]);
/* Wipe a key of any kind. */
void key_done(SigningKey *key);
