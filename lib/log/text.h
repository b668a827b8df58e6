/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Texts that others chose, as the inside of a JSON text (RFC 8259 section 7). For this room, and
 * for nhictl/log/plain.c. */

#include <stdbool.h>
#include <stddef.h>

/* Encode text into ret, at most max bytes, never half a character; no NUL is added. *ret_size bytes
 * were written; false where text did not fit whole. */
bool log_text_encode(const char *text, char *ret, size_t max, size_t *ret_size);
