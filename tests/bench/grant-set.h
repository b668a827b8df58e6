/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sets of any size for benches, signed: each grant has an id, a reason and a ticket of its own and
 * two terms; accounts, each with its owner and its ssh key, share them evenly. */

#include "lib/jose/jose.h"

#include <stddef.h>
#include <stdint.h>

#define BENCH_SET_ISSUER       "https://grants.bench"
#define BENCH_SET_HOST         "host.bench"
#define BENCH_SET_BASE_SEC     INT64_C(1763760000) /* iat */
#define BENCH_SET_LIFETIME_SEC 86400

/* Write the JWS of a set of n grants to n_accounts to fd. Ends the program where it cannot. */
void bench_set_mint(const SigningKey *key, size_t n_accounts, size_t n, int fd);
