/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What PAM says to people before a change and after it: root, and an account that no enforced gate
 * holds up, must be told the same; a managed account without a grant must be denied. */

#include "lib/base/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PAM_QUESTIONS_MAX 16u

typedef struct PamQuestion {
        const char *service;
        char user[LABEL_SIZE_MAX + 1];
        uid_t uid;
        bool must_deny; /* by the gate; else: as before */
        int before;     /* pam_probe() */
} PamQuestion;

typedef struct PamBehaviour {
        PamQuestion questions[PAM_QUESTIONS_MAX];
        size_t n;
} PamBehaviour;

/* Choose whom to ask for, and ask. Says which kind of account is not on this host. */
void pam_behaviour_ask(PamBehaviour *ret);
/* Ask again; says what is not as it must be. */
bool pam_behaviour_holds(const PamBehaviour *b);
