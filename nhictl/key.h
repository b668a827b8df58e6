/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lib/jose/jose.h"

#include <jansson.h>

/* Write a new private key, 0600. 0; -EEXIST where there is one, which stays; another negative
 * errno.
 */
int key_create(const char *path);
/* The public JWK with its kid and, where issuer is not NULL, "iss". NULL: memory. */
json_t *key_public_document(const Jwk *public, const char *issuer);
