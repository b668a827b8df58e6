/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the agent believes because of who owns it. */

#include "lib/jose/jose.h"

#define TRUST_FILE_MAX  16384u
#define TRUST_ERROR_MAX 160
/* Load a public JWK from a trusted file. 0 and *ret; or a negative errno and *ret_error, what is
 * wrong and what to do. */
int trust_key_load(const char *path, Jwk *ret, char ret_error[static TRUST_ERROR_MAX]);

/* A file's or directory's owner and mode, in a sentence for whoever must repair it. */
const char *trust_error_text(int r);
