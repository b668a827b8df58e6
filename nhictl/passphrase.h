/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Passphrases: from a file, from the service manager, or from somebody at a terminal. What is wrong
 * is said. */

#include <stdbool.h>

#define PASSPHRASE_MIN        12u   /* characters of a new one */
#define PASSPHRASE_MAX        1023u /* bytes */
#define PASSPHRASE_CREDENTIAL "issuer-passphrase"

/* In memory that is locked and guarded, and wiped with passphrase_free(). */
typedef struct Passphrase {
        char text[PASSPHRASE_MAX + 1];
        bool is_typed; /* somebody can be asked again */
} Passphrase;

/* Of a key that is locked. file, where it is not NULL; else the credential issuer-passphrase
 * ($CREDENTIALS_DIRECTORY, systemd.exec(5)), where there is one; else the terminal. VERB_OK and an
 * owned *ret, or VERB_FAILED. */
int passphrase_get(const char *key_path, const char *file, Passphrase **ret);
/* A new one: file, or typed twice. VERB_USAGE where it is too short. */
int passphrase_choose(const char *key_path, const char *file, Passphrase **ret);
Passphrase *passphrase_free(Passphrase *p);
