/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `nhictl grant` was asked for, and the pieces that make a document of it. */

#include "nhictl/central.h"

typedef struct GrantOptions {
        CentralOptions central;
        int64_t for_sec, until_sec, not_before_sec, sessions, wait_sec;
        const char *owner, *reason, *ticket, *sub;
        bool user_manager;
        ArgList hosts, labels, services, from, ssh_keys, run_as, run_as_groups, commands, edit;
        ArgList groups, units, act, windows;
} GrantOptions;

/* authorization_details: what the options grant, as terms. A VerbStatus; what is wrong with the
 * options is said. */
int grant_terms(const GrantOptions *o, json_t **ret);

/* A new grant id: "g-" and a time-sortable ULID (48 bits of milliseconds, 80 of randomness, in
 * Crockford's base 32). */
#define GRANT_ID_SIZE 29
void grant_id_new(int64_t now_usec, char ret[static GRANT_ID_SIZE]);

/* The public keys of FILE, or the key line itself: their "ALGORITHM BLOB" are appended to list. A
 * VerbStatus; what is wrong is said. */
int ssh_key_append(json_t *list, const char *file_or_key);

/* This host's name as its agent knows it; false where no agent answers. */
bool grant_host_here(char *ret, size_t size);
/* Poll this host's agent until it has the grant, at most wait_sec. A VerbStatus. */
int grant_wait(const char *jti, int64_t wait_sec);
