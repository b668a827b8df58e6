/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/names.h"

#include "lib/base/macro.h"

static bool names_find(const StrList *l, const char *name, size_t *ret)
{
        for (size_t i = 0; i < l->n; i++)
                if (streq(l->items[i], name)) {
                        *ret = i;
                        return true;
                }
        return false;
}

bool names_has(const StrList *l, const char *name)
{
        size_t i;

        return names_find(l, name, &i);
}

int names_add(StrList *l, const char *name, bool *ret_changed)
{
        _cleanup_free_ char *copy = NULL;
        const char **items;

        if (names_has(l, name)) {
                *ret_changed = false;
                return 0;
        }
        if (l->n >= NAMES_MAX)
                return -ENOSPC;

        copy = strdup(name);
        if (!copy)
                return -ENOMEM;
        items = reallocarray(l->items, l->n + 1, sizeof(*items));
        if (!items)
                return -ENOMEM;

        l->items = items;
        l->items[l->n++] = TAKE_PTR(copy);
        *ret_changed = true;
        return 0;
}

bool names_remove(StrList *l, const char *name)
{
        size_t i;

        if (!names_find(l, name, &i))
                return false;

        free((char *)l->items[i]);
        memmove(&l->items[i], &l->items[i + 1], (l->n - i - 1) * sizeof(*l->items));
        l->n--;
        return true;
}

void names_done(StrList *l)
{
        for (size_t i = 0; i < l->n; i++)
                free((char *)l->items[i]);
        free(l->items);
        *l = (StrList){ 0 };
}
