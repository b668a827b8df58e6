/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the first phase finds out and all later ones hold on to (O10, P06): sudo's session phase
 * shows PAM the target, sudoedit's even with real uid 0. Kept with pam_set_data, so
 * it lives and dies with the handle. */

#include "lib/base/name.h"

#include <security/pam_modules.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BIND_KEY "nhi_subject"

typedef struct Binding {
        char user[LABEL_SIZE_MAX + 1]; /* PAM_USER of the first phase, as given */
        uid_t real_uid;                /* getuid() of the first phase */
        uint64_t decision;             /* of the account phase, to send with open_session; 0 none */
        bool noticed;                  /* the agent was told of the exemption */
} Binding;

/* The binding, made from user (cut to fit; NULL is "") and real_uid where there is none yet; NULL
 * where that fails. Belongs to the handle. */
Binding *bind_subject(pam_handle_t *pamh, const char *user, uid_t real_uid);
/* A login begins anew under this name: login(1) asks for another after a wrong password. */
void bind_user(Binding *b, const char *user);
