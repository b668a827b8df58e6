/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A private key in a file: a JWK, or one that is locked (key-lock.h). What is wrong is said; the
 * results are VerbStatus. */

#include "lib/jose/jose.h"
#include "nhictl/passphrase.h"

/* Open it, with its passphrase where it has one (passphrase_get()); at a terminal three times. The
 * key, for key_done(), is kept out of swap. *ret_is_locked may be NULL. */
int key_file_open(const char *path, const char *passphrase_file, SigningKey *ret,
                  bool *ret_is_locked);
/* Its public half alone, for which nobody is asked anything. */
int key_file_public(const char *path, Jwk *ret);

/* Write it, 0600, under a passphrase or, NULL, without one: a new file, or in place of the one
 * that is there. A locked one was opened again before it is put there. 0; -EEXIST; another negative
 * errno: nothing is said. */
int key_file_create(const char *path, const SigningKey *key, const Passphrase *p);
int key_file_replace(const char *path, const SigningKey *key, const Passphrase *p);
