/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What agentd.conf says about the log and about who may sign sets, for verbs that need no agent.
 * Lenient: the agent is who judges the files. */

#include "lib/jose/jose.h"

#include <jansson.h>
#include <stdbool.h>

#define LOG_DIR_MAX 4096

/* log.dir, or the default. Returns ret. */
char *log_config_dir(char ret[static LOG_DIR_MAX]);

/* Are these one directory, however it is spelled? */
bool log_dir_is(const char *dir, const char *other);

/* A key, and the issuer whose sets it may sign; "" of any. */
typedef struct LogKey {
        Jwk jwk;
        char *issuer;
} LogKey;

typedef struct LogKeys {
        LogKey *items;
        size_t n;
} LogKeys;

/* The keys of every issuer that is configured, those of its key lists with them where it has roots.
 * Files that cannot be read, or are no keys, are left out. 0 or -ENOMEM; log_keys_done(). */
int log_config_keys(LogKeys *ret);
/* One more, from a public JWK: 0, or a negative errno, -EBADMSG where it is none. */
int log_keys_add(LogKeys *k, const char *issuer, const char *path);
/* The same of one that is parsed: 0 or -ENOMEM. */
int log_keys_put(LogKeys *k, const char *issuer, const Jwk *jwk);
/* Those of all key lists of the issuer that the agent of this host believed: 0 or -ENOMEM. */
int log_keys_of_lists(LogKeys *k, const char *issuer);
void log_keys_done(LogKeys *k);
