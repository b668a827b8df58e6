/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/trouble.h"

#include <stdarg.h>
#include <stdio.h>

static Trouble *trouble_find(const TroubleList *l, FindingLevel level, const char *text)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->items[i].level == level && streq(l->items[i].text, text))
                        return &l->items[i];
        return NULL;
}

static bool trouble_new(TroubleList *l, FindingLevel level, const char *advice, const char *name,
                        char **text)
{
        Trouble *grown = reallocarray(l->items, l->n + 1, sizeof(*grown));
        char *names = strdup(name);

        if (grown)
                l->items = grown;
        if (!grown || !names) {
                free(names);
                return false;
        }
        l->items[l->n++] = (Trouble){ level, advice, TAKE_PTR(*text), names };
        return true;
}

static bool trouble_join(Trouble *t, const char *name)
{
        char *names = NULL;

        if (asprintf(&names, "%s, %s", t->names, name) < 0)
                return false;
        free(t->names);
        t->names = names;
        return true;
}

void trouble_add(TroubleList *l, FindingLevel level, const char *advice, const char *name,
                 const char *format, ...)
{
        _cleanup_free_ char *text = NULL;
        Trouble *known;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0) {
                text = NULL;
                l->failed = true;
                return;
        }
        known = trouble_find(l, level, text);
        if (!(known ? trouble_join(known, name) : trouble_new(l, level, advice, name, &text)))
                l->failed = true;
}

static void trouble_tell_one(const Trouble *t, Findings *f, const char *check)
{
        if (t->level == FINDING_FAIL)
                finding_fail(f, check, t->advice, "%s: %s", t->names, t->text);
        else
                finding_warn(f, check, t->advice, "%s: %s", t->names, t->text);
}

bool trouble_tell(TroubleList *l, Findings *f, const char *check)
{
        bool any = l->n > 0;

        for (FindingLevel level = FINDING_FAIL; level < FINDING_OK; level++)
                for (size_t i = 0; i < l->n; i++)
                        if (l->items[i].level == level)
                                trouble_tell_one(&l->items[i], f, check);
        f->failed |= l->failed;
        for (size_t i = 0; i < l->n; i++) {
                free(l->items[i].text);
                free(l->items[i].names);
        }
        free(l->items);
        *l = (TroubleList){ .items = NULL };
        return any;
}
