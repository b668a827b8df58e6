/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How nhictl speaks: data on stdout (a table, or one JSON document), talk on stderr as
 * "nhictl: ...". Texts from outside may hold anything, also what moves a cursor, sets a title or
 * turns the line round: whatever the agent, a set or somebody else chose MUST reach a terminal by a
 * table, say(), fail() or show() only, which write that as \xNN (text_visible()). */

#include "lib/base/macro.h"

#include <jansson.h>

#define OUTPUT_SCHEMA 1

typedef struct Output {
        bool json;
        bool color; /* of stdout: --color, NO_COLOR (no-color.org), a terminal */
} Output;

void output_init(Output *o, bool json, const char *color_option);

/* Talk: one line to stderr, "nhictl: " before it. */
void say(const char *format, ...) _printf_(1, 2);
/* The same, and return status: `return fail(VERB_FAILED, "...")`. */
int fail(int status, const char *format, ...) _printf_(2, 3);

/* On stdout, what is no table. A line feed at the end of format is ours, any other is escaped as
 * the rest. */
void show(const char *format, ...) _printf_(1, 2);

/* Print one JSON document with "schema": 1 added, and drop the reference. 0, or -ENOMEM (also for
 * NULL, so a document built by json_pack() needs no check of its own), or -EIO. */
int output_document(json_t *document);

/* The result of a changing verb: "changed" or "unchanged"; with --json {"schema":1,"changed":...}.
 */
int output_changed(const Output *o, bool changed);

typedef struct Table Table;

/* headings ends with NULL. 0, -ENOMEM. */
int table_new(const Output *o, const char *const *headings, Table **ret);
Table *table_free(Table *t);
DEFINE_CLEANUP(Table *, table_free);

typedef enum Shade {
        SHADE_PLAIN = 0,
        SHADE_GOOD,
        SHADE_WARN,
        SHADE_BAD,
        SHADE_DIM,
} Shade;

/* A new row with one text per heading; NULL is shown as "-". */
int table_row(Table *t, const char *const *texts);
/* Colour of a whole row or, with column >= 0, of one cell of the last row. Nothing without colour.
 */
void table_shade(Table *t, int column, Shade shade);
/* Print to stdout. Nothing at all where there are no rows. */
int table_print(Table *t);

/* A text in a shade, for lines that are no table: print shade_begin(), the text, shade_end(). Both
 * are "" without colour. */
const char *shade_begin(const Output *o, Shade shade);
const char *shade_end(const Output *o);
/* show() between the two. */
void show_shaded(const Output *o, Shade shade, const char *text);
