/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ssh keys that grants give an account right now. */

#include <stdio.h>

#define KEYS_DEADLINE_USEC 2000000u

typedef struct KeysQuestion {
        const char *user;
        const char *key_type, *key_blob; /* what the client offered, for the agent's record; NULL */
} KeysQuestion;

#define KEYS_E_UNGATED   1 /* not ours to answer: nothing printed, the agent not asked */
#define KEYS_E_MALFORMED 2 /* the agent broke the protocol */

/* Print one authorized_keys line per key, all or nothing: 0, also where there are none; KEYS_E_*;
 * or a negative errno. */
int keys_print(const KeysQuestion *q, FILE *out);

/* The whole program: what main() does, for tests too. The exit status. */
int keys_main(int argc, char *argv[]);
