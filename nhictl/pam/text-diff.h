/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The lines in which two small texts differ, and how people read that: a unified diff. */

#include <stddef.h>
#include <stdio.h>

/* Beyond this many lines in the part that differs, all of it is taken out and put in anew. */
#define TEXT_DIFF_LINES_MAX 1024u

typedef enum DiffKind {
        DIFF_KEPT = 0,
        DIFF_REMOVED,
        DIFF_ADDED,
} DiffKind;

typedef struct DiffLine {
        DiffKind kind;
        const char *text; /* in one of the two texts, which must outlive the diff */
        size_t size;      /* without the newline */
} DiffLine;

typedef struct TextDiff {
        DiffLine *lines;
        size_t n;
        size_t n_changed; /* removed or added */
} TextDiff;

/* 0 and an owned *ret, or -ENOMEM. */
int text_diff(const char *before, const char *after, TextDiff *ret);
void text_diff_done(TextDiff *d);

/* "--- a", "+++ b" and the hunks with three lines around each, as diff -u; nothing where the texts
 * are equal. Control characters but tabs are escaped. */
void text_diff_print(const TextDiff *d, const char *old_name, const char *new_name, FILE *f);
