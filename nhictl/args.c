/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/args.h"

#include "nhictl/when.h"

#include <stdarg.h>

static const Option common_options[] = {
        { "json", 0, OPTION_FLAG, offsetof(Args, json), NULL, "print JSON" },
        { "color", 0, OPTION_STRING, offsetof(Args, color), "WHEN", "always, never or auto" },
        { "help", 'h', OPTION_FLAG, offsetof(Args, help), NULL, "print this help" },
        { NULL, 0, 0, 0, NULL, NULL },
};

typedef struct Parser {
        const Option *options;
        void *target;
        Args *args;
        int argc, i;
        char **argv;
        int64_t now_sec;
        char *error;
} Parser;

static _printf_(2, 3) int refuse(Parser *p, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(p->error, ARGS_ERROR_MAX, format, ap);
        va_end(ap);
        return -EINVAL;
}

static int list_add(ArgList *l, const char *item)
{
        const char **items = realloc(l->items, (l->n + 1) * sizeof(*items));

        if (!items)
                return -ENOMEM;
        items[l->n++] = item;
        l->items = items;
        return 0;
}

static int parse_number(const char *text, int64_t *ret)
{
        char *end = NULL;
        long long n;

        if (*text < '0' || *text > '9')
                return -EINVAL;
        errno = 0;
        n = strtoll(text, &end, 10);
        if (errno || *end || n < 1 || n > INT32_MAX)
                return -EINVAL;
        *ret = n;
        return 0;
}

static int store_integer(Parser *p, const Option *o, const char *value, int64_t *target)
{
        static const char *const wanted[] = {
                [OPTION_NUMBER] = "a number from 1 to 2147483647",
                [OPTION_DURATION] = "a duration such as 90s, 30m, 8h or 7d",
                [OPTION_TIME] = "a time (2026-11-21T22:00:00Z) or a duration from now (30m)",
                [OPTION_SINCE] = "a time (2026-11-21T22:00:00Z) or a duration back from now (30m)",
        };
        int64_t n = 0;
        int r;

        if (*target != 0)
                return refuse(p, "--%s was given twice", o->name);
        if (o->kind == OPTION_NUMBER)
                r = parse_number(value, &n);
        else if (o->kind == OPTION_DURATION)
                r = when_parse_duration(value, &n);
        else
                r = when_parse_point(value, p->now_sec, o->kind == OPTION_TIME ? 1 : -1, &n);
        if (r < 0 || n <= 0)
                return refuse(p, "--%s wants %s, not \"%s\"", o->name, wanted[o->kind], value);
        *target = n;
        return 0;
}

static int store(Parser *p, const Option *o, void *base, const char *value)
{
        void *target = (char *)base + o->offset;

        if (o->kind == OPTION_FLAG) {
                *(bool *)target = true;
                return 0;
        }
        if (*value == '\0')
                return refuse(p, "--%s wants a value that is not empty", o->name);
        if (o->kind == OPTION_LIST)
                return list_add(target, value);
        if (o->kind != OPTION_STRING)
                return store_integer(p, o, value, target);
        if (*(const char **)target)
                return refuse(p, "--%s was given twice", o->name);
        *(const char **)target = value;
        return 0;
}

/* The option named by size bytes, or by a letter where size is 0. */
static const Option *find(const Option *options, const char *name, size_t size, char letter)
{
        for (const Option *o = options; o && o->name; o++) {
                if (size == 0 ? o->letter == letter
                              : strlen(o->name) == size && strncmp(o->name, name, size) == 0)
                        return o;
        }
        return NULL;
}

static int parse_option(Parser *p, const char *word)
{
        bool is_long = word[1] == '-';
        const char *equals = is_long ? strchr(word, '=') : NULL;
        size_t size = !is_long ? 0 : equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
        void *base = p->target;
        const Option *o;

        if ((is_long && size == 0) || (!is_long && word[2]))
                return refuse(p, "unknown option: %s", word);
        o = find(p->options, word + 2, size, word[1]);
        if (!o) {
                o = find(common_options, word + 2, size, word[1]);
                base = p->args;
        }
        if (!o)
                return refuse(p, "unknown option: %.*s", is_long ? (int)size + 2 : 2, word);
        if (o->kind == OPTION_FLAG)
                return equals ? refuse(p, "--%s takes no value", o->name) : store(p, o, base, "");
        if (equals)
                return store(p, o, base, equals + 1);
        if (p->i + 1 >= p->argc)
                return refuse(p, "--%s wants a value: %s", o->name, o->value);
        return store(p, o, base, p->argv[++p->i]);
}

static bool color_is_valid(const char *color)
{
        return !color || streq(color, "always") || streq(color, "never") || streq(color, "auto");
}

int args_parse(const Option *options, void *target, int argc, char **argv, int64_t now_sec,
               Args *ret, char ret_error[static ARGS_ERROR_MAX])
{
        Parser p = { .options = options,
                     .target = target,
                     .args = ret,
                     .argc = argc,
                     .argv = argv,
                     .now_sec = now_sec,
                     .error = ret_error };
        bool ended = false;
        int r = 0;

        *ret = (Args){ 0 };
        ret_error[0] = '\0';
        for (; p.i < argc && r == 0; p.i++) {
                const char *word = argv[p.i];

                if (!ended && streq(word, "--"))
                        ended = true;
                else if (!ended && word[0] == '-' && word[1])
                        r = parse_option(&p, word);
                else
                        r = list_add(&ret->operands, word);
        }
        if (r == 0 && !color_is_valid(ret->color))
                return refuse(&p, "--color wants always, never or auto, not \"%s\"", ret->color);
        return r;
}

void args_done(const Option *options, void *target, Args *args)
{
        for (const Option *o = options; o && o->name; o++) {
                ArgList *l = (void *)((char *)target + o->offset);

                if (o->kind != OPTION_LIST)
                        continue;
                free(l->items);
                *l = (ArgList){ 0 };
        }
        free(args->operands.items);
        args->operands = (ArgList){ 0 };
}

static void help_lines(const Option *options, FILE *f)
{
        for (const Option *o = options; o && o->name; o++) {
                char left[64], letter[8] = "";

                if (o->letter)
                        (void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
                (void)snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
                               o->value ? " " : "", o->value ? o->value : "");
                fprintf(f, "  %-26s %s%s\n", left, o->help,
                        o->kind == OPTION_LIST ? " (may be repeated)" : "");
        }
}

void args_help(const Option *options, FILE *f)
{
        help_lines(options, f);
        help_lines(common_options, f);
}
