/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <jansson.h>

/* The public key of a host in FILE ("-": standard input), as its document in the ledger has it. A
 * VerbStatus; what is wrong is said. */
int host_key_file(const char *file, json_t **ret);
