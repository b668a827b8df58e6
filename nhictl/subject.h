/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An account as a PAM module would resolve it in its calling process: through NSS. */

#include "lib/gate/gate.h"

#define SUBJECT_GROUPS_MAX 256u

typedef struct Subject {
        const char *name; /* the caller's */
        bool is_known;    /* NSS knows the name */
        uid_t uid;
        gid_t *gids;
        size_t n_gids;
} Subject;

/* An unknown name is no error: is_known is false then. More groups than SUBJECT_GROUPS_MAX are left
 * out. */
void subject_resolve(const char *name, Subject *ret);
void subject_done(Subject *s);

/* What the modules would read from the gates and exempt files. */
GateMode subject_gate(const Subject *s, const char *class, char *ret_gate, size_t ret_gate_size);
