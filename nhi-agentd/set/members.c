/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "nhi-agentd/set/members.h"

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "nhi-agentd/set/value.h"

#include <stdarg.h>
#include <stdio.h>

int decode_problem(Decode *d, const char *code, const char *format, ...)
{
        va_list ap;

        d->code = code;
        va_start(ap, format);
        vsnprintf(d->detail, sizeof(d->detail), format, ap);
        va_end(ap);
        return DECODE_E_PROBLEM;
}

int decode_result(const Decode *d, int r, SetError *ret_error)
{
        return r == DECODE_E_PROBLEM ? set_refused(ret_error, d->code, "%s", d->detail) : r;
}

#define TABLE_MAX 32u

/* From where the last one was found: who writes members mostly keeps an order. */
static size_t find_member(const Member *table, size_t n, size_t from, const char *name)
{
        for (size_t i = 0; i < n; i++, from++) {
                const char *known = table[from % n].name;

                if (known[0] == name[0] && streq(known, name))
                        return from % n;
        }
        return n;
}

/* Put each member at its place in the table. */
static int sort_members(Decode *d, const json_t *object, const Member *table, size_t n,
                        const json_t **values)
{
        const char *name;
        size_t i = 0;
        json_t *v;

        json_object_foreach((json_t *)object, name, v) {
                char shown[65];

                i = find_member(table, n, i, name);
                if (i < n) {
                        values[i++] = v;
                        continue;
                }
                text_escape(shown, sizeof(shown), name);
                return decode_problem(d, "unknown-member",
                                      "member \"%s\" is not known to this version", shown);
        }
        return 0;
}

int members_read(Decode *d, const json_t *object, const Member *table, size_t n, void *ret)
{
        const json_t *values[TABLE_MAX] = { NULL };
        int r;

        if (n > TABLE_MAX)
                return -E2BIG;
        if (!json_is_object(object))
                return decode_problem(d, "member-type", "not a JSON object");
        r = sort_members(d, object, table, n, values);
        for (size_t i = 0; r == 0 && i < n; i++) {
                const Member *m = &table[i];

                if (values[i])
                        r = m->read(d, m, values[i], (char *)ret + m->offset);
                else if (m->required)
                        r = decode_problem(d, "member-missing", "member \"%s\" is missing",
                                           m->name);
        }
        return r;
}

static int wrong_type(Decode *d, const Member *m, const char *wanted)
{
        return decode_problem(d, "member-type", "member \"%s\" must be %s", m->name, wanted);
}

int check_text(Decode *d, const Member *m, const json_t *v)
{
        size_t limit = m->limit ? m->limit : GRANT_TEXT_MAX;
        const char *text;

        if (!json_is_string(v))
                return wrong_type(d, m, "a text");
        text = json_string_value(v);
        if (json_string_length(v) == 0 && !m->may_be_empty)
                return decode_problem(d, "member-value", "member \"%s\" is empty", m->name);
        if (json_string_length(v) > limit)
                return decode_problem(d, "member-value", "member \"%s\" is longer than %zu bytes",
                                      m->name, limit);
        if (!text_is_clean(text))
                return decode_problem(d, "member-value",
                                      "member \"%s\" has control or hidden characters", m->name);
        if (m->valid && !m->valid(text)) {
                char shown[65];

                text_escape(shown, sizeof(shown), text);
                return decode_problem(d, "member-value", "member \"%s\": \"%s\" is not %s", m->name,
                                      shown, m->expects);
        }
        return 0;
}

int check_array(Decode *d, const Member *m, const json_t *v)
{
        if (!json_is_array(v))
                return wrong_type(d, m, "an array");
        if (json_array_size(v) == 0 && !m->may_be_empty)
                return decode_problem(d, "member-value",
                                      "member \"%s\" is an empty list; leave it out", m->name);
        if (json_array_size(v) > GRANT_LIST_MAX)
                return decode_problem(d, "member-value", "member \"%s\" has more than %u items",
                                      m->name, GRANT_LIST_MAX);
        return 0;
}

static const char *intern_text(Decode *d, Intern *table, const char *text, size_t size)
{
        const InternSlot *known = intern_find(table, text, size);
        const char *copy;

        if (known)
                return known->text;
        copy = arena_text_size(d->arena, text, size);
        if (copy)
                intern_add(table, copy, size, NULL);
        return copy;
}

const char *decode_text(Decode *d, const char *text, size_t size)
{
        return intern_text(d, &d->texts, text, size);
}

int read_text(Decode *d, const Member *m, const json_t *v, void *ret)
{
        const char *text;
        int r;

        r = check_text(d, m, v);
        if (r != 0)
                return r;
        if (m->is_distinct)
                text = arena_text_size(d->arena, json_string_value(v), json_string_length(v));
        else
                text = intern_text(d, m->is_own ? &d->own_texts : &d->texts, json_string_value(v),
                                   json_string_length(v));
        if (!text)
                return -ENOMEM;
        *(const char **)ret = text;
        return 0;
}

int read_list(Decode *d, const Member *m, const json_t *v, void *ret)
{
        StrList list = { 0 };
        int r;

        r = check_array(d, m, v);
        if (r != 0)
                return r;
        list.items = arena_alloc(d->arena, json_array_size(v), sizeof(*list.items));
        if (!list.items)
                return -ENOMEM;
        for (; list.n < json_array_size(v); list.n++) {
                Member item = *m;

                item.may_be_empty = false;
                r = read_text(d, &item, json_array_get(v, list.n), &list.items[list.n]);
                if (r != 0)
                        return r;
        }
        *(StrList *)ret = list;
        return 0;
}

/* A JSON integer in range: 1e3, 1.0 and "1" are none, and 0 never means "no end" (F9). */
static int check_integer(Decode *d, const Member *m, const json_t *v, int64_t min, int64_t max,
                         int64_t *ret)
{
        if (!json_is_integer(v))
                return wrong_type(d, m, "an integer, written without fraction or exponent");
        if (json_integer_value(v) < min || json_integer_value(v) > max)
                return decode_problem(d, "member-value",
                                      "member \"%s\" is not between %lld and %lld", m->name,
                                      (long long)min, (long long)max);
        *ret = json_integer_value(v);
        return 0;
}

int read_time(Decode *d, const Member *m, const json_t *v, void *ret)
{
        return check_integer(d, m, v, 1, TIME_SEC_MAX, ret);
}

int read_number(Decode *d, const Member *m, const json_t *v, void *ret)
{
        return check_integer(d, m, v, 1, INT64_MAX, ret);
}

static int read_u32(Decode *d, const Member *m, const json_t *v, int64_t min, uint32_t *ret)
{
        int64_t value = 0;
        int r;

        r = check_integer(d, m, v, min, UINT32_MAX, &value);
        if (r == 0)
                *ret = (uint32_t)value;
        return r;
}

int read_id(Decode *d, const Member *m, const json_t *v, void *ret)
{
        return read_u32(d, m, v, 0, ret);
}

int read_count(Decode *d, const Member *m, const json_t *v, void *ret)
{
        return read_u32(d, m, v, 1, ret);
}

int read_flag(Decode *d, const Member *m, const json_t *v, void *ret)
{
        if (!json_is_boolean(v))
                return wrong_type(d, m, "true or false");
        *(bool *)ret = json_is_true(v);
        return 0;
}

int read_array(Decode *d, const Member *m, const json_t *v, void *ret)
{
        if (!json_is_array(v))
                return wrong_type(d, m, "an array");
        *(const json_t **)ret = v;
        return 0;
}

int read_object(Decode *d, const Member *m, const json_t *v, void *ret)
{
        if (!json_is_object(v))
                return wrong_type(d, m, "an object");
        *(const json_t **)ret = v;
        return 0;
}

int json_format(const json_t *v, char buffer[static JSON_BUFFER_SIZE], char **ret, size_t *ret_size)
{
        const size_t flags = JSON_COMPACT | JSON_ENSURE_ASCII;
        size_t size = json_dumpb(v, buffer, JSON_BUFFER_SIZE - 1, flags), again;
        char *text = buffer;

        if (size == 0)
                return -ENOMEM;
        if (size >= JSON_BUFFER_SIZE) {
                text = malloc(size + 1);
                again = text ? json_dumpb(v, text, size, flags) : 0;
                if (again != size) {
                        free(text);
                        return -ENOMEM;
                }
        }
        text[size] = '\0';
        *ret = text;
        *ret_size = size;
        return 0;
}

int read_json_list(Decode *d, const Member *m, const json_t *v, void *ret)
{
        char buffer[JSON_BUFFER_SIZE], *json = NULL;
        const char *copy;
        size_t size = 0;
        int r;

        r = check_array(d, m, v);
        if (r == 0)
                r = json_format(v, buffer, &json, &size);
        if (r != 0)
                return r;
        copy = decode_text(d, json, size);
        if (json != buffer)
                free(json);
        if (!copy)
                return -ENOMEM;
        *(const char **)ret = copy;
        return 0;
}
