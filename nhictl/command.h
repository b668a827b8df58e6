/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running another program and reading what it prints: no shell, a clean environment, stdin from
 * /dev/null, a deadline of 10 s until it has ended. */

#include <stddef.h>
#include <stdint.h>

#define COMMAND_OUTPUT_SIZE 65536u

/* words[0] is the program's absolute path; NULL ends them. Its exit status, or a negative errno
 * (-ENOENT: not installed; -ETIMEDOUT; -EPIPE: a signal ended it). What it prints on stdout is in
 * output, cut to size and NUL-terminated; what it says on stderr is seen. */
int command_run(const char *const *words, char *output, size_t size);

/* The same for a command that changes the host: it may take this long, is in a process group of its
 * own (Ctrl-C does not break it off in the middle), and has one more variable, "NAME=VALUE" or
 * NULL. */
int command_run_whole(const char *const *words, const char *variable, uint64_t usec, char *output,
                      size_t size);

/* command_run() of a command that reads input_fd, may take this long, and may ask at the terminal.
 * It is in a process group of its own, which is ended with it where it takes longer; where Ctrl-C
 * ends it, so are we. */
int command_run_fed(const char *const *words, int input_fd, uint64_t usec, char *output,
                    size_t size);
