/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/doctor.h"

#include "lib/base/name.h"

#include <stdarg.h>
#include <stdio.h>

/* What a terminal and a JSON reader can take; everything else as \xNN. */
static char *text_safe(const char *text)
{
        const size_t size = strlen(text) * 4 + 1;
        char *ret = malloc(size);

        return ret ? text_visible(ret, size, text) : NULL;
}

static bool findings_grow(Findings *f)
{
        Finding *grown = realloc(f->items, (f->n + 1) * sizeof(*f->items));

        if (grown)
                f->items = grown;
        return grown != NULL;
}

static void finding_add(Findings *f, FindingLevel level, const char *check, const char *advice,
                        const char *format, va_list ap)
        __attribute__((__format__(__printf__, 5, 0)));
static void finding_add(Findings *f, FindingLevel level, const char *check, const char *advice,
                        const char *format, va_list ap)
{
        _cleanup_free_ char *raw = NULL, *text = NULL, *hint = NULL;

        if (vasprintf(&raw, format, ap) < 0)
                raw = NULL;
        text = raw ? text_safe(raw) : NULL;
        hint = advice ? text_safe(advice) : NULL;
        if (!text || (advice && !hint) || !findings_grow(f)) {
                f->failed = true;
                return;
        }
        f->items[f->n++] = (Finding){
                .level = level, .check = check, .text = TAKE_PTR(text), .advice = TAKE_PTR(hint)
        };
}

void finding_ok(Findings *f, const char *check, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        finding_add(f, FINDING_OK, check, NULL, format, ap);
        va_end(ap);
}

void finding_warn(Findings *f, const char *check, const char *advice, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        finding_add(f, FINDING_WARN, check, advice, format, ap);
        va_end(ap);
}

void finding_fail(Findings *f, const char *check, const char *advice, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        finding_add(f, FINDING_FAIL, check, advice, format, ap);
        va_end(ap);
}

void findings_done(Findings *f)
{
        for (size_t i = 0; i < f->n; i++) {
                free(f->items[i].text);
                free(f->items[i].advice);
        }
        free(f->items);
        *f = (Findings){ .items = NULL };
}

size_t findings_count(const Findings *f, FindingLevel level)
{
        size_t n = 0;

        for (size_t i = 0; i < f->n; i++)
                n += f->items[i].level == level;
        return n;
}

const char *finding_level_text(FindingLevel level)
{
        static const char *const texts[] = {
                [FINDING_FAIL] = "fail", [FINDING_WARN] = "warn", [FINDING_OK] = "ok"
        };

        return texts[level];
}
