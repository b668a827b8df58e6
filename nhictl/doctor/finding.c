/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>

static bool is_utf8(const char *text)
{
        json_t *probe = json_string(text);
        bool is_valid = probe != NULL;

        json_decref(probe);
        return is_valid;
}

/* What a terminal and a JSON reader can take; everything else as \xNN. */
static char *text_safe(const char *text)
{
        unsigned char first_bad = is_utf8(text) ? UINT8_MAX : 0x80;
        char *ret = malloc(strlen(text) * 4 + 1), *at = ret;

        if (!ret)
                return NULL;
        for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
                if (*c >= 0x20 && *c != 0x7f && *c < first_bad)
                        *at++ = (char)*c;
                else
                        at += snprintf(at, 5, "\\x%02x", *c);
        }
        *at = '\0';
        return ret;
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
