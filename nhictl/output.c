/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/output.h"

#include "lib/base/name.h"

#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>

#define SAY_MAX 2048

static const char *const shade_codes[] = {
        [SHADE_PLAIN] = "",         [SHADE_GOOD] = "\033[32m", [SHADE_WARN] = "\033[33m",
        [SHADE_BAD] = "\033[1;31m", [SHADE_DIM] = "\033[2m",
};

struct Table {
        struct libscols_table *table;
        struct libscols_line *last;
        size_t n_columns, n_rows;
        bool color;
};

static bool color_wanted(const char *option)
{
        const char *no_color = getenv("NO_COLOR");

        if (option && streq(option, "always"))
                return true;
        if (option && streq(option, "never"))
                return false;
        if (no_color && *no_color)
                return false;
        return isatty(STDOUT_FILENO) == 1;
}

void output_init(Output *o, bool json, const char *color_option)
{
        *o = (Output){ .json = json, .color = !json && color_wanted(color_option) };
}

/* Line feeds are ours. One write: over ssh, or beside another program's talk, what comes byte by
 * byte is torn apart. */
static void say_text(char *text)
{
        char line[sizeof("nhictl: \n") + SAY_MAX * (sizeof("\\xNN") - 1)] = "nhictl: ";
        char *end = line + strlen(line);

        while (text) {
                const char *part = strsep(&text, "\n");

                (void)text_visible(end, (size_t)(line + sizeof(line) - end), part);
                end += strlen(end);
                *end++ = '\n';
        }
        (void)fwrite(line, 1, (size_t)(end - line), stderr);
}

static void say_list(const char *format, va_list ap) __attribute__((__format__(__printf__, 1, 0)));
static void say_list(const char *format, va_list ap)
{
        char text[SAY_MAX];

        (void)vsnprintf(text, sizeof(text), format, ap);
        say_text(text);
}

void say(const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        say_list(format, ap);
        va_end(ap);
}

int fail(int status, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        say_list(format, ap);
        va_end(ap);
        return status;
}

/* An owned text_visible(), whole; NULL without memory. */
static char *visible_new(const char *text)
{
        const size_t size = strlen(text) * (sizeof("\\xNN") - 1) + 1;
        char *visible = malloc(size);

        return visible ? text_visible(visible, size, text) : NULL;
}

void show(const char *format, ...)
{
        _cleanup_free_ char *text = NULL, *visible = NULL;
        const size_t size = strlen(format);
        const bool ends_line = size > 0 && format[size - 1] == '\n';
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                text = NULL;
        else if (ends_line)
                text[n - 1] = '\0';
        visible = text ? visible_new(text) : NULL;
        (void)fputs(visible ?: "(out of memory)", stdout);
        if (ends_line)
                (void)fputc('\n', stdout);
}

int output_document(json_t *document)
{
        int r;

        if (!document || json_object_set_new(document, "schema", json_integer(OUTPUT_SCHEMA)) < 0) {
                json_decref(document);
                return -ENOMEM;
        }
        r = json_dumpf(document, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
        json_decref(document);
        if (r < 0 || fputc('\n', stdout) == EOF || fflush(stdout) == EOF)
                return -EIO;
        return 0;
}

int output_changed(const Output *o, bool changed)
{
        if (o->json)
                return output_document(json_pack("{s:b}", "changed", changed));
        return puts(changed ? "changed" : "unchanged") == EOF || fflush(stdout) == EOF ? -EIO : 0;
}

/* Whole texts, however narrow the terminal: a cut reason or key is a wrong one. */
static int add_columns(Table *t, const char *const *headings)
{
        t->table = scols_new_table();
        if (!t->table)
                return -ENOMEM;
        (void)scols_table_enable_colors(t->table, t->color);
        for (; headings[t->n_columns]; t->n_columns++) {
                if (!scols_table_new_column(t->table, headings[t->n_columns], 0,
                                            SCOLS_FL_NOEXTREMES))
                        return -ENOMEM;
        }
        return 0;
}

int table_new(const Output *o, const char *const *headings, Table **ret)
{
        _cleanup_(table_freep) Table *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        t->color = o->color;
        r = add_columns(t, headings);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

Table *table_free(Table *t)
{
        if (!t)
                return NULL;
        scols_unref_table(t->table);
        free(t);
        return NULL;
}

/* libsmartcols escapes what the locale calls a control character, which is not all that hides. */
static int cell_set(struct libscols_line *line, size_t column, const char *text)
{
        _cleanup_free_ char *visible = visible_new(text);

        return visible && scols_line_set_data(line, column, visible) == 0 ? 0 : -ENOMEM;
}

int table_row(Table *t, const char *const *texts)
{
        struct libscols_line *line = scols_table_new_line(t->table, NULL);

        if (!line)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_columns; i++)
                if (cell_set(line, i, texts[i] && *texts[i] ? texts[i] : "-") < 0)
                        return -ENOMEM;
        t->last = line;
        t->n_rows++;
        return 0;
}

void table_shade(Table *t, int column, Shade shade)
{
        struct libscols_cell *cell;

        if (!t->color || !t->last || shade == SHADE_PLAIN)
                return;
        if (column < 0) {
                (void)scols_line_set_color(t->last, shade_codes[shade]);
                return;
        }
        cell = scols_line_get_cell(t->last, (size_t)column);
        if (cell)
                (void)scols_cell_set_color(cell, shade_codes[shade]);
}

int table_print(Table *t)
{
        if (t->n_rows == 0)
                return 0;
        return scols_print_table(t->table) != 0 || fflush(stdout) == EOF ? -EIO : 0;
}

const char *shade_begin(const Output *o, Shade shade)
{
        return o->color ? shade_codes[shade] : "";
}

const char *shade_end(const Output *o)
{
        return o->color ? "\033[0m" : "";
}

void show_shaded(const Output *o, Shade shade, const char *text)
{
        (void)fputs(shade_begin(o, shade), stdout);
        show("%s", text);
        (void)fputs(shade_end(o), stdout);
}
