/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/macro.h"
#include "lib/gate/gate.h"

#include <stdio.h>

#define LINE_SIZE_MAX 65536u

/* Make room for size more bytes and a NUL, at least doubling: a host may have many accounts. */
static int text_grow(GatesText *t, size_t size)
{
        size_t needed = t->size + size + 1, capacity = 2 * t->capacity;
        char *grown;

        if (needed <= t->capacity)
                return 0;
        if (capacity < needed)
                capacity = needed;
        grown = realloc(t->text, capacity);
        if (!grown)
                return -ENOMEM;
        t->text = grown;
        t->capacity = capacity;
        return 0;
}

/* Append size bytes and a NUL behind them. */
static int text_append(GatesText *t, const char *line, size_t size)
{
        int r;

        if (t->size > GATES_SIZE_MAX || size > GATES_SIZE_MAX - t->size)
                return -E2BIG;
        r = text_grow(t, size);
        if (r < 0)
                return r;
        memcpy(t->text + t->size, line, size + 1);
        t->size += size;
        return 0;
}

static bool word_is_lawful(const char *word, const char *also_banned)
{
        for (const char *p = word; *p; p++)
                if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr(also_banned, *p))
                        return false;
        return word[0] != '\0';
}

/* "a,b,c" into ret. */
static int list_format(const char *const *items, size_t n, char **ret)
{
        _cleanup_free_ char *list = NULL;
        size_t size = 0, pos = 0;

        if (n == 0)
                return -EINVAL;
        for (size_t i = 0; i < n; i++) {
                if (!word_is_lawful(items[i], ","))
                        return -EINVAL;
                size += strlen(items[i]) + 1;
                if (size > LINE_SIZE_MAX)
                        return -E2BIG;
        }
        list = malloc(size);
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                pos += (size_t)snprintf(list + pos, size - pos, "%s%s", i > 0 ? "," : "", items[i]);
        *ret = TAKE_PTR(list);
        return 0;
}

int gates_text_begin(GatesText *t)
{
        *t = (GatesText){ 0 };
        return text_append(t, GATES_HEADER "\n", strlen(GATES_HEADER "\n"));
}

/* A line that counts: of a kind of which there may be n_max. */
static int line_add(GatesText *t, const char *line, int size, size_t *n, size_t n_max)
{
        int r;

        if (size < 0)
                return -ENOMEM;
        if (*n == n_max)
                return -E2BIG;
        r = text_append(t, line, (size_t)size);
        if (r == 0)
                (*n)++;
        return r;
}

int gates_text_gate(GatesText *t, const char *name, GateMode mode, const char *const *classes,
                    size_t n_classes, const char *const *patterns, size_t n_patterns)
{
        _cleanup_free_ char *class_list = NULL, *pattern_list = NULL, *line = NULL;
        int r;

        if (!word_is_lawful(name, "") || (mode != GATE_ENFORCE && mode != GATE_OBSERVE))
                return -EINVAL;
        r = list_format(classes, n_classes, &class_list);
        if (r == 0)
                r = list_format(patterns, n_patterns, &pattern_list);
        if (r < 0)
                return r;
        r = asprintf(&line, "gate %s %s %s %s\n", name,
                     mode == GATE_ENFORCE ? "enforce" : "observe", class_list, pattern_list);
        if (r < 0)
                line = NULL;
        return line_add(t, line, r, &t->n_gates, GATES_N_MAX);
}

int gates_text_account(GatesText *t, const char *name, uid_t uid)
{
        _cleanup_free_ char *line = NULL;
        int r;

        if (!word_is_lawful(name, "/:"))
                return -EINVAL;
        r = asprintf(&line, "account %s %u\n", name, uid);
        if (r < 0)
                line = NULL;
        return line_add(t, line, r, &t->n_accounts, GATES_ACCOUNTS_MAX);
}

int gates_text_end(GatesText *t)
{
        char line[32];
        int size = snprintf(line, sizeof(line), "end %zu\n", t->n_gates + t->n_accounts);

        return text_append(t, line, (size_t)size);
}

void gates_text_done(GatesText *t)
{
        free(t->text);
        *t = (GatesText){ 0 };
}
