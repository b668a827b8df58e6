/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A strict reader of metrics: what OpenMetrics 1.0 and the Prometheus text format 0.0.4 both take,
 * and nothing that only one of them does. Knows no more of the writer than the two specifications
 * say:
 *
 *   file    = *family "# EOF" LF, and nothing behind it
 *   family  = "# TYPE" ["# UNIT"] "# HELP" *sample, all of one name, each name once
 *   type    = gauge | counter | histogram (info and the like are errors to 0.0.4)
 *   sample  = name [labels] SP number LF; no time stamp (the textfile collector refuses it)
 *   counter: name_total, not negative; gauge: name; histogram: name_bucket with le rising and
 * counts not falling, the last le "+Inf" and equal to name_count, then name_sum unit    = the end
 * of the name a sample with the same labels comes once */

#include "lib/base/macro.h"
#include "lib/base/name.h"

#include <ctype.h>
#include <stdio.h>

typedef struct OpenMetrics {
        const char *at;
        unsigned line;
        char error[256]; /* "": none */
        char name[128], type[16], unit[32];
        char families[256][128];
        size_t n_families, n_samples;
        char seen[256][1024]; /* name and labels of the family's samples */
        size_t n_seen;
        double last_le, last_count; /* of a histogram; NAN-free: last_le < 0 is none yet */
        unsigned histogram_state;   /* 0 buckets, 1 +Inf seen, 2 count seen, 3 sum seen */
} OpenMetrics;

static inline bool om_fail(OpenMetrics *o, const char *what)
{
        if (!*o->error)
                (void)snprintf(o->error, sizeof(o->error), "line %u: %s: %.80s", o->line, what,
                               o->at);
        return false;
}

static inline bool om_word(OpenMetrics *o, const char *word)
{
        const size_t n = strlen(word);

        if (strncmp(o->at, word, n) != 0)
                return false;
        o->at += n;
        return true;
}

static inline bool om_name(OpenMetrics *o, char *ret, size_t size, bool colon)
{
        size_t n = 0;

        while (isalnum((unsigned char)o->at[n]) || o->at[n] == '_' || (colon && o->at[n] == ':'))
                n++;
        if (n == 0 || n >= size || isdigit((unsigned char)*o->at))
                return om_fail(o, "no name");
        memcpy(ret, o->at, n);
        ret[n] = '\0';
        o->at += n;
        return true;
}

/* Digits, with a sign and a fraction: what every reader of numbers takes. */
static inline bool om_number(OpenMetrics *o, double *ret)
{
        char *end;
        const size_t n = strspn(o->at, "-0123456789.");

        *ret = strtod(o->at, &end);
        if (n == 0 || end != o->at + n)
                return om_fail(o, "no number");
        o->at = end;
        return true;
}

/* A quoted value; what it says goes to ret. */
static inline bool om_value(OpenMetrics *o, char *ret, size_t size)
{
        size_t n = 0;

        if (!om_word(o, "\""))
                return om_fail(o, "no quote");
        while (*o->at != '"') {
                size_t width = text_shown_size(o->at);

                if (*o->at == '\\') {
                        if (!strchr("\\\"n", o->at[1]) || !o->at[1])
                                return om_fail(o, "no such escape");
                        o->at++;
                        width = 1;
                }
                if (width == 0)
                        return om_fail(o, "a byte that may not be shown");
                if (n + width >= size)
                        return om_fail(o, "too long a value");
                memcpy(ret + n, o->at, width);
                n += width;
                o->at += width;
        }
        o->at++;
        ret[n] = '\0';
        return true;
}

/* le gets what stands in it; "" where there is none. */
static inline bool om_labels(OpenMetrics *o, char le[static 32])
{
        char name[64], value[2048], names[8][64];
        size_t n = 0;

        le[0] = '\0';
        if (!om_word(o, "{"))
                return true;
        do {
                if (!om_name(o, name, sizeof(name), false) || !om_word(o, "=") ||
                    !om_value(o, value, sizeof(value)))
                        return om_fail(o, "no label");
                for (size_t i = 0; i < n; i++)
                        if (streq(names[i], name))
                                return om_fail(o, "a label stands twice");
                if (n == ELEMENTSOF(names) || strncmp(name, "__", 2) == 0)
                        return om_fail(o, "a label too many, or of the reader's own");
                memcpy(names[n++], name, sizeof(name));
                if (streq(name, "le"))
                        (void)snprintf(le, 32, "%.31s", value);
        } while (om_word(o, ","));
        return om_word(o, "}") || om_fail(o, "labels without an end");
}

static inline bool om_once(OpenMetrics *o, const char *from)
{
        char key[1024];

        (void)snprintf(key, sizeof(key), "%.*s", (int)(o->at - from), from);
        for (size_t i = 0; i < o->n_seen; i++)
                if (streq(o->seen[i], key))
                        return om_fail(o, "a sample stands twice");
        if (o->n_seen == ELEMENTSOF(o->seen))
                return om_fail(o, "too many samples");
        memcpy(o->seen[o->n_seen++], key, sizeof(key));
        return true;
}

static inline bool om_bucket(OpenMetrics *o, const char *le, double count)
{
        const bool is_last = streq(le, "+Inf");
        const double bound = is_last ? 1e300 : strtod(le, NULL);

        if (o->histogram_state != 0 || !*le || bound <= o->last_le || count < o->last_count)
                return om_fail(o, "buckets do not rise");
        if (!is_last && !strchr(le, '.'))
                return om_fail(o, "le is no float");
        o->last_le = bound;
        o->last_count = count;
        o->histogram_state = is_last;
        return true;
}

static inline bool om_histogram(OpenMetrics *o, const char *suffix, const char *le, double v)
{
        if (streq(suffix, "_bucket"))
                return om_bucket(o, le, v);
        if (streq(suffix, "_count") && o->histogram_state == 1 && v == o->last_count)
                o->histogram_state = 2;
        else if (streq(suffix, "_sum") && o->histogram_state == 2 && v >= 0)
                o->histogram_state = 3;
        else
                return om_fail(o, "no sample of a histogram");
        return true;
}

static inline bool om_sample(OpenMetrics *o)
{
        const char *from = o->at, *suffix;
        char name[160], le[32];
        double v;

        if (!om_name(o, name, sizeof(name), true) || !om_labels(o, le) || !om_once(o, from))
                return false;
        if (!*o->name || strncmp(name, o->name, strlen(o->name)) != 0)
                return om_fail(o, "a sample of no family");
        suffix = name + strlen(o->name);
        if (!om_word(o, " ") || !om_number(o, &v) || !om_word(o, "\n"))
                return om_fail(o, "no value, or something behind it");
        o->n_samples++;
        if (streq(o->type, "histogram"))
                return om_histogram(o, suffix, le, v);
        if (streq(o->type, "counter"))
                return (streq(suffix, "_total") && v >= 0) || om_fail(o, "no sample of a counter");
        return *suffix == '\0' || om_fail(o, "no sample of a gauge");
}

static inline bool om_family_over(OpenMetrics *o)
{
        if (*o->name && streq(o->type, "histogram") && o->histogram_state != 3)
                return om_fail(o, "a histogram without its end");
        return true;
}

static inline bool om_ends_with(const char *text, const char *end)
{
        const size_t n = strlen(text), m = strlen(end);

        return n >= m && streq(text + n - m, end);
}

/* Behind "# TYPE ". */
static inline bool om_type(OpenMetrics *o)
{
        static const char *const types[] = { "gauge", "counter", "histogram" };
        static const char *const reserved[] = { "_total", "_created", "_bucket", "_count", "_sum" };
        bool is_known = false;

        if (!om_family_over(o) || !om_name(o, o->name, sizeof(o->name), true) || !om_word(o, " ") ||
            !om_name(o, o->type, sizeof(o->type), false) || !om_word(o, "\n"))
                return om_fail(o, "no type");
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                is_known |= streq(o->type, types[i]);
        if (!is_known)
                return om_fail(o, "a type that not both formats know");
        for (size_t i = 0; i < ELEMENTSOF(reserved); i++)
                if (om_ends_with(o->name, reserved[i]))
                        return om_fail(o, "the name ends as a sample's does");
        for (size_t i = 0; i < o->n_families; i++)
                if (streq(o->families[i], o->name))
                        return om_fail(o, "a family stands twice");
        if (o->n_families == ELEMENTSOF(o->families))
                return om_fail(o, "too many families");
        memcpy(o->families[o->n_families++], o->name, sizeof(o->name));
        o->unit[0] = '\0';
        o->n_seen = 0;
        o->last_le = -1;
        o->last_count = 0;
        o->histogram_state = 0;
        return true;
}

/* Behind "# UNIT ". */
static inline bool om_unit(OpenMetrics *o)
{
        char name[128], end[40];

        if (!om_name(o, name, sizeof(name), true) || !streq(name, o->name) || !om_word(o, " ") ||
            !om_name(o, o->unit, sizeof(o->unit), false) || !om_word(o, "\n") || o->n_seen > 0)
                return om_fail(o, "no unit");
        (void)snprintf(end, sizeof(end), "_%s", o->unit);
        return om_ends_with(o->name, end) || om_fail(o, "the name does not end in its unit");
}

/* Behind "# HELP ". */
static inline bool om_help(OpenMetrics *o)
{
        char name[128];

        if (!om_name(o, name, sizeof(name), true) || !streq(name, o->name) || !om_word(o, " ") ||
            o->n_seen > 0 || *o->at == '\n')
                return om_fail(o, "no help");
        while (*o->at && *o->at != '\n') {
                const size_t width = text_shown_size(o->at);

                if (width == 0 || *o->at == '\\')
                        return om_fail(o, "what no help may say");
                o->at += width;
        }
        return om_word(o, "\n") || om_fail(o, "help without an end");
}

/* Reads all of it. false: o->error says where and why. */
static inline bool om_read(OpenMetrics *o, const char *text)
{
        *o = (OpenMetrics){ .at = text };
        for (o->line = 1; !om_word(o, "# EOF\n"); o->line++) {
                const bool is_well = om_word(o, "# TYPE ")   ? om_type(o)
                                     : om_word(o, "# UNIT ") ? om_unit(o)
                                     : om_word(o, "# HELP ") ? om_help(o)
                                                             : om_sample(o);

                if (!is_well)
                        return om_fail(o, "not understood");
        }
        if (!om_family_over(o))
                return false;
        return *o->at == '\0' || om_fail(o, "something behind the end");
}
