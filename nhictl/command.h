/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running another program and reading what it prints: no shell, a clean environment, stdin from
 * /dev/null, a deadline of 10 s. */

#include <stddef.h>

#define COMMAND_OUTPUT_SIZE 65536u

/* words[0] is the program's absolute path; NULL ends them. Its exit status, or a negative errno
 * (-ENOENT: not installed; -ETIMEDOUT; -EPIPE: a signal ended it). What it prints on stdout is in
 * output, cut to size and NUL-terminated; what it says on stderr is seen. */
int command_run(const char *const *words, char *output, size_t size);
