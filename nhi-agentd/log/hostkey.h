/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* This host's own Ed25519 key: it signs the heads of the log, and the reports in which they go to
 * issuers (lib/wire/report.h), and nothing else. */

#include "lib/jose/jose.h"

#define HOST_KEY_ERROR_MAX 512u

/* Read it, or make it where there is none yet: a private JWK, 0600. 0 and an owned *ret
 * (signing_key_done()), or a negative errno and a sentence that names the file. */
int host_key_load(const char *path, SigningKey *ret, char ret_error[static HOST_KEY_ERROR_MAX]);
