/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Members of a record without a JSON parser: what log_body_*() writes is simple enough to be passed
 * over byte by byte, and whatever else stands there ends the search. */

#include "lib/log/chain.h"

#include "lib/base/macro.h"

/* The end of a text whose opening quote is at p: behind its closing quote, or NULL. */
static const char *skip_text(const char *p, const char *end)
{
        for (p++; p < end; p++) {
                if (*p == '"')
                        return p + 1;
                if (*p == '\\')
                        p++;
        }
        return NULL;
}

static const char *skip_list(const char *p, const char *end)
{
        for (p++; p && p < end; p = *p == '"' ? skip_text(p, end) : p + 1)
                if (*p == ']')
                        return p + 1;
        return NULL;
}

static const char *skip_value(const char *p, const char *end)
{
        if (*p == '"')
                return skip_text(p, end);
        if (*p == '[')
                return skip_list(p, end);
        while (p < end && *p != ',' && *p != '}')
                p++;
        return p < end ? p : NULL;
}

/* The value of a member: its first byte, and *ret_end behind its last. */
static const char *find(const LogLine *l, LogField f, const char **ret_end)
{
        const char *p = l->body, *end = l->body + l->body_size, *wanted = log_fields[f].name;
        const size_t size = strlen(wanted);

        while (p < end && *p == '"') {
                const char *name = p + 1, *value, *behind = skip_text(p, end);

                if (!behind || behind + 1 >= end || *behind != ':')
                        return NULL;
                value = behind + 1;
                p = skip_value(value, end);
                if (!p || p >= end)
                        return NULL;
                if ((size_t)(behind - 1 - name) == size && memcmp(name, wanted, size) == 0) {
                        *ret_end = p;
                        return value;
                }
                p++; /* the comma, or the closing brace */
        }
        return NULL;
}

const char *log_line_text(const LogLine *l, LogField f, size_t *ret_size)
{
        const char *end = NULL, *value = find(l, f, &end);

        if (!value || *value != '"')
                return NULL;
        *ret_size = (size_t)(end - value) - 2;
        return value + 1;
}

int log_line_number(const LogLine *l, LogField f, int64_t *ret)
{
        const char *end = NULL, *p = find(l, f, &end);
        const bool negative = p && *p == '-';
        int64_t value = 0;

        if (!p)
                return -ENOENT;
        p += negative;
        if (p == end)
                return -ENOENT;
        for (; p < end; p++)
                if (*p < '0' || *p > '9' || __builtin_mul_overflow(value, 10, &value) ||
                    __builtin_sub_overflow(value, *p - '0', &value))
                        return -ENOENT;
        if (!negative && value == INT64_MIN)
                return -ENOENT;
        *ret = negative ? value : -value;
        return 0;
}
