/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parts of the world share. pam-world.c: memory and setting up; -files.c, -people.c,
 * -agent.c (and the clock), -libpam.c: what their names say. */

#include "tests/fuzz/pam-world.h"

/* A wrapped function and its prototype. */
#define WRAP(type, name, ...)                                                                      \
        type __wrap_##name(__VA_ARGS__);                                                           \
        type __wrap_##name(__VA_ARGS__)

#define FD_FILE     1000 /* and so on, by FileName */
#define OWNER_OTHER 4242

/* As a system call fails. */
static inline int fail(int error)
{
        errno = error;
        return -1;
}
