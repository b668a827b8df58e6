/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a place of the network is trusted and what it asks of us: file names only, no secret. NULL:
 * nothing of the kind. */

#include <stdbool.h>

typedef struct StoreAccess {
        const char *ca_file;                       /* PEM; it alone is trusted */
        const char *pins;                          /* lib/http/setup.h */
        const char *certificate, *certificate_key; /* ours, PEM */
        const char *token_file;                    /* https: a bearer token; etcd: its token */
        const char *user_file, *password_file;     /* etcd */
        bool single_publisher; /* https: nobody else publishes there, so conditions do without */
} StoreAccess;
