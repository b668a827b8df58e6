/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Asking somebody at a terminal for what must not be seen. */

#include <stddef.h>
#include <stdint.h>

#define PROMPT_TERMINAL "/dev/tty"

/* Show the prompt on the terminal and read a line without echo into ret, NUL-terminated. Signals
 * that end or stop the program act as ever, but only once the terminal is as it was; after a stop
 * the prompt is shown again. 0; -ENOTTY: there is no such terminal; -ETIMEDOUT: nobody typed a line
 * for usec; -ENODATA: end of file; -ENOBUFS: the line is longer; -EINTR: a signal that did not end
 * us; another negative errno. ret is wiped where it is not 0. */
int prompt_secret(const char *terminal, const char *prompt, uint64_t usec, char *ret,
                  size_t capacity);
