/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who is asking, resolved in the calling process: the agent makes no NSS call, and here the people
 * of SSSD and LDAP resolve too. */

#include "lib/base/name.h"
#include "lib/gate/account.h"

typedef enum SubjectState {
        SUBJECT_BAD = 0, /* no usable name */
        SUBJECT_ABSENT,  /* passwd knows no such account */
        SUBJECT_ERROR,   /* passwd could not be asked */
        SUBJECT_RESOLVED,
} SubjectState;

typedef struct Subject {
        SubjectState state;
        char given[LABEL_SIZE_MAX + 1]; /* as the caller named it; "" where it did not */
        char name[LABEL_SIZE_MAX + 1];  /* as passwd spells it */
        GateAccount account;            /* its name is the one above; uid (uid_t)-1: not resolved */
} Subject;

/* Never fail: what cannot be resolved is in state. s stays where it is: it points into itself. */
void subject_init_name(Subject *s, const char *name);
void subject_init_uid(Subject *s, uid_t uid);
void subject_done(Subject *s);

/* The strictest mode of any spelling of the subject: a directory that ignores case must not lead
 * round a gate. ret_gate as in gate_mode(). */
GateMode subject_mode(Subject *s, const char *class, char *ret_gate, size_t ret_gate_size);
