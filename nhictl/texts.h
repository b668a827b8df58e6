/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lists of texts between the command line, JSON and one line of a table. */

#include "nhictl/args.h"

#include <jansson.h>

#define TEXTS_LINE_MAX 512

/* A JSON array of the words; NULL: memory. */
json_t *texts_new(const ArgList *words);
/* "a,b,c", cut with "..." where it does not fit. Returns ret. */
char *texts_line(char ret[static TEXTS_LINE_MAX], const json_t *list);

/* Split a command line into a JSON array of words. Words are separated by blanks; 'single' quotes
 * keep everything; "double" quotes keep everything but \" and \\; a backslash outside quotes keeps
 * the next character. Nothing is expanded. -EINVAL where a quote is not closed or there is no word.
 */
int texts_split(const char *line, json_t **ret);
