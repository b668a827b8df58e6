/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Texts that others chose, where people read them (U09): a terminal, a cell of a table, a line of
 * another format. */

#include <jansson.h>
#include <stdio.h>

#define PLAIN_SIZE 16384u

/* Control characters, line separators and bidirectional overrides become \uXXXX, a byte that is no
 * UTF-8 U+FFFD; so does a blank at the beginning, at the end or behind another one, which might
 * pass for a column's end. What does not fit ends with "...". size is at least 16. Returns ret. */
char *plain_text(char *ret, size_t size, const char *text);
/* The same, but blanks stay. */
char *plain_line(char *ret, size_t size, const char *text);

/* One line of JSON in printable ASCII, without the newline: 0, -ENOMEM or -EIO. */
int plain_json(FILE *f, const json_t *v);
