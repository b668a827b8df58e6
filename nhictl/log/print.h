/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A record as people read it: one line, whatever is in it. */

#include "nhictl/log/filter.h"
#include "nhictl/output.h"

#include <stdio.h>

#define LOG_ROW_MAX 4096u

/* The line of headings, without a newline. Returns ret. */
char *log_row_headings(char ret[static LOG_ROW_MAX]);
/* The line of a record, without a newline: everything in it is plain (plain.h), columns end with
 * two blanks, and no text has two. Returns ret. */
char *log_row_format(char ret[static LOG_ROW_MAX], const LogLine *head, const json_t *json);
/* How it is shown in colour. */
Shade log_row_shade(const json_t *json);

/* A member as one text, plain or not: numbers as digits, lists joined by " < ", true as "yes". ""
 * where it is not there. Returns ret. */
#define LOG_MEMBER_MAX 16384u
char *log_member_format(char ret[static LOG_MEMBER_MAX], const json_t *json, LogField f);
