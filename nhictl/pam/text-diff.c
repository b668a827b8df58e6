/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/pam/text-diff.h"

#include "lib/base/macro.h"

#include <stdio.h>

#define CONTEXT 3u

/* One of the two texts, cut into lines. */
typedef struct Side {
        DiffLine *lines;
        size_t n;
} Side;

static void side_done(Side *s)
{
        free(s->lines);
}

static int side_split(const char *text, Side *ret)
{
        size_t n = 0;

        for (const char *at = text; *at; n++)
                at += strcspn(at, "\n") + (at[strcspn(at, "\n")] == '\n');
        ret->lines = calloc(n + 1, sizeof(*ret->lines));
        if (!ret->lines)
                return -ENOMEM;
        for (ret->n = 0; ret->n < n; ret->n++) {
                size_t size = strcspn(text, "\n");

                ret->lines[ret->n] = (DiffLine){ .text = text, .size = size };
                text += size + (text[size] == '\n');
        }
        return 0;
}

static bool same(const DiffLine *a, const DiffLine *b)
{
        return a->size == b->size && strncmp(a->text, b->text, a->size) == 0;
}

static void take(TextDiff *d, DiffLine line, DiffKind kind)
{
        line.kind = kind;
        d->lines[d->n++] = line;
        d->n_changed += kind != DIFF_KEPT;
}

static void take_all(TextDiff *d, const DiffLine *lines, size_t n, DiffKind kind)
{
        for (size_t i = 0; i < n; i++)
                take(d, lines[i], kind);
}

/* The longest common subsequence: length[i][j] is that of a[i..] and b[j..]. */
static int middle(TextDiff *d, const DiffLine *a, size_t n_a, const DiffLine *b, size_t n_b)
{
        size_t width = n_b + 1, i = 0, j = 0;
        _cleanup_free_ uint16_t *length = NULL;

        if (n_a > TEXT_DIFF_LINES_MAX || n_b > TEXT_DIFF_LINES_MAX) {
                take_all(d, a, n_a, DIFF_REMOVED);
                take_all(d, b, n_b, DIFF_ADDED);
                return 0;
        }
        length = calloc((n_a + 1) * width, sizeof(*length));
        if (!length)
                return -ENOMEM;
        for (i = n_a; i-- > 0;)
                for (j = n_b; j-- > 0;) {
                        uint16_t down = length[(i + 1) * width + j],
                                 right = length[i * width + j + 1];

                        length[i * width + j] =
                                same(&a[i], &b[j]) ? (uint16_t)(length[(i + 1) * width + j + 1] + 1)
                                : down > right     ? down
                                                   : right;
                }
        i = j = 0;
        while (i < n_a && j < n_b)
                if (same(&a[i], &b[j]))
                        j++, take(d, a[i++], DIFF_KEPT);
                else if (length[(i + 1) * width + j] >= length[i * width + j + 1])
                        take(d, a[i++], DIFF_REMOVED);
                else
                        take(d, b[j++], DIFF_ADDED);
        take_all(d, a + i, n_a - i, DIFF_REMOVED);
        take_all(d, b + j, n_b - j, DIFF_ADDED);
        return 0;
}

int text_diff(const char *before, const char *after, TextDiff *ret)
{
        _cleanup_(side_done) Side a = { .n = 0 }, b = { .n = 0 };
        TextDiff d = { .n = 0 };
        size_t head = 0, tail = 0;
        int r = side_split(before, &a);

        if (r == 0)
                r = side_split(after, &b);
        if (r < 0)
                return r;
        d.lines = calloc(a.n + b.n + 1, sizeof(*d.lines));
        if (!d.lines)
                return -ENOMEM;
        while (head < a.n && head < b.n && same(&a.lines[head], &b.lines[head]))
                head++;
        while (tail < a.n - head && tail < b.n - head &&
               same(&a.lines[a.n - 1 - tail], &b.lines[b.n - 1 - tail]))
                tail++;
        take_all(&d, a.lines, head, DIFF_KEPT);
        r = middle(&d, a.lines + head, a.n - head - tail, b.lines + head, b.n - head - tail);
        if (r < 0) {
                text_diff_done(&d);
                return r;
        }
        take_all(&d, a.lines + a.n - tail, tail, DIFF_KEPT);
        *ret = d;
        return 0;
}

void text_diff_done(TextDiff *d)
{
        free(d->lines);
        *d = (TextDiff){ .lines = NULL };
}

/* ---- a unified diff ---- */

static void line_print(const DiffLine *l, FILE *f)
{
        static const char marks[] = { [DIFF_KEPT] = ' ', [DIFF_REMOVED] = '-', [DIFF_ADDED] = '+' };

        (void)fputc(marks[l->kind], f);
        for (size_t i = 0; i < l->size; i++) {
                unsigned char c = (unsigned char)l->text[i];

                if ((c < ' ' && c != '\t') || c == 0x7f)
                        (void)fprintf(f, "\\x%02x", c);
                else
                        (void)fputc(c, f);
        }
        (void)fputc('\n', f);
}

/* The end of the hunk that begins at from: behind the last change that has no more than twice the
 * context to the one before it. */
static size_t hunk_end(const TextDiff *d, size_t from)
{
        size_t end = from, last = from;

        for (size_t i = from; i < d->n && i <= last + 2 * CONTEXT + 1; i++)
                if (d->lines[i].kind != DIFF_KEPT)
                        last = i;
        end = last + 1 + CONTEXT;
        return end < d->n ? end : d->n;
}

static void hunk_print(const TextDiff *d, size_t from, size_t to, FILE *f)
{
        size_t first[2] = { 1, 1 }, count[2] = { 0, 0 };

        for (size_t i = 0; i < to; i++) {
                size_t *n = i < from ? first : count;

                n[0] += d->lines[i].kind != DIFF_ADDED;
                n[1] += d->lines[i].kind != DIFF_REMOVED;
        }
        /* As diff(1): a side with no line is given by the line before it. */
        (void)fprintf(f, "@@ -%zu,%zu +%zu,%zu @@\n", first[0] - (count[0] == 0), count[0],
                      first[1] - (count[1] == 0), count[1]);
        for (size_t i = from; i < to; i++)
                line_print(&d->lines[i], f);
}

void text_diff_print(const TextDiff *d, const char *old_name, const char *new_name, FILE *f)
{
        size_t i = 0, printed = 0;

        if (d->n_changed == 0)
                return;
        (void)fprintf(f, "--- %s\n+++ %s\n", old_name, new_name);
        while (i < d->n) {
                size_t from;

                if (d->lines[i].kind == DIFF_KEPT) {
                        i++;
                        continue;
                }
                from = i - printed > CONTEXT ? i - CONTEXT : printed;
                printed = hunk_end(d, i);
                hunk_print(d, from, printed, f);
                i = printed;
        }
}
