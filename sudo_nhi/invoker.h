/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who called sudo: the subject, as sudo's front end took it from the process's real uid. */

#include "lib/base/name.h"
#include "lib/gate/account.h"

#include <limits.h>

typedef struct Invoker {
        char name[LABEL_SIZE_MAX + 1];
        GateAccount account; /* its name is the one above */
        gid_t egid;
        char tty[LABEL_SIZE_MAX + 1]; /* "" where there is none */
        char cwd[PATH_MAX];           /* "" where it is not known */
} Invoker;

/* From user_info[]: 0, or -EINVAL where it does not say who it is. Not to be moved afterwards. */
int invoker_init(Invoker *i, char *const user_info[]);
void invoker_done(Invoker *i);
