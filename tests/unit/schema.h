/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* As much of JSON Schema (draft 2020-12) as docs/nhi-log.schema.json and tests/golden/ocsf.json
 * use; a keyword that is not known here fits nothing. */

#include "lib/base/macro.h"

#include <jansson.h>
#include <regex.h>
#include <stdio.h>

#define SCHEMA_FILE "docs/nhi-log.schema.json"

static inline bool schema_is_type(const char *type, const json_t *v)
{
        return (streq(type, "string") && json_is_string(v)) ||
               (streq(type, "integer") && json_is_integer(v)) ||
               (streq(type, "array") && json_is_array(v)) ||
               (streq(type, "object") && json_is_object(v));
}

static inline bool schema_matches(const char *pattern, const json_t *v)
{
        regex_t re;
        bool matches;

        if (!json_is_string(v) || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
                return false;
        matches = regexec(&re, json_string_value(v), 0, NULL, 0) == 0;
        regfree(&re);
        return matches;
}

/* maxLength counts characters. */
static inline size_t schema_length(const json_t *v)
{
        size_t n = 0;

        for (const char *p = json_string_value(v); p && *p; p++)
                n += ((unsigned char)*p & 0xc0) != 0x80;
        return n;
}

static inline bool schema_is_one_of(const json_t *list, const json_t *v)
{
        size_t i;
        json_t *item;

        json_array_foreach(list, i, item)
                if (json_equal(item, v))
                        return true;
        return false;
}

static inline bool schema_fits(const json_t *schema, const json_t *v, char *error, size_t size);

static inline bool schema_members_fit(const json_t *schema, const json_t *v, char *error,
                                      size_t size)
{
        const json_t *properties = json_object_get(schema, "properties");
        const char *name;
        json_t *member;

        json_object_foreach((json_t *)(uintptr_t)v, name, member) {
                const json_t *p = json_object_get(properties, name);

                if (!p || !schema_fits(p, member, error, size)) {
                        (void)snprintf(error, size, "member %s", name);
                        return false;
                }
        }
        return true;
}

static inline bool schema_items_fit(const json_t *items, const json_t *v, char *error, size_t size)
{
        size_t i;
        json_t *item;

        json_array_foreach(v, i, item)
                if (!schema_fits(items, item, error, size))
                        return false;
        return true;
}

static inline bool schema_has_all(const json_t *required, const json_t *v)
{
        size_t i;
        json_t *name;

        json_array_foreach(required, i, name)
                if (!json_object_get(v, json_string_value(name)))
                        return false;
        return true;
}

static inline bool schema_any_fits(const json_t *list, const json_t *v)
{
        char error[128] = "";
        size_t i;
        json_t *item;

        json_array_foreach(list, i, item)
                if (schema_fits(item, v, error, sizeof(error)))
                        return true;
        return false;
}

/* "#/$defs/NAME" of this document; NULL where there is none. */
static const json_t *schema_document;
static inline const json_t *schema_of_ref(const json_t *arg)
{
        static const char prefix[] = "#/$defs/";
        const char *ref = json_string_value(arg);

        return ref && strncmp(ref, prefix, sizeof(prefix) - 1) == 0
                       ? json_object_get(json_object_get(schema_document, "$defs"),
                                         ref + sizeof(prefix) - 1)
                       : NULL;
}

static inline bool schema_keyword_fits(const json_t *schema, const char *k, const json_t *arg,
                                       const json_t *v, char *error, size_t size)
{
        if (streq(k, "$ref"))
                return schema_of_ref(arg) && schema_fits(schema_of_ref(arg), v, error, size);
        if (streq(k, "anyOf"))
                return schema_any_fits(arg, v);
        if (k[0] == '$' || streq(k, "title") || streq(k, "description") ||
            (streq(k, "additionalProperties") && json_is_false(arg)))
                return true;
        if (streq(k, "type"))
                return schema_is_type(json_string_value(arg), v);
        if (streq(k, "enum"))
                return schema_is_one_of(arg, v);
        if (streq(k, "const"))
                return json_equal(arg, v);
        if (streq(k, "pattern"))
                return schema_matches(json_string_value(arg), v);
        if (streq(k, "maxLength"))
                return schema_length(v) <= (size_t)json_integer_value(arg);
        if (streq(k, "minimum"))
                return json_integer_value(v) >= json_integer_value(arg);
        if (streq(k, "maximum"))
                return json_integer_value(v) <= json_integer_value(arg);
        if (streq(k, "minItems"))
                return json_array_size(v) >= (size_t)json_integer_value(arg);
        if (streq(k, "items"))
                return schema_items_fit(arg, v, error, size);
        if (streq(k, "required"))
                return schema_has_all(arg, v);
        return streq(k, "properties") && schema_members_fit(schema, v, error, size);
}

/* False, and in error what did not fit. */
static inline bool schema_fits(const json_t *schema, const json_t *v, char *error, size_t size)
{
        const char *k;
        json_t *arg;

        json_object_foreach((json_t *)(uintptr_t)schema, k, arg)
                if (!schema_keyword_fits(schema, k, arg, v, error, size)) {
                        if (error[0] == '\0')
                                (void)snprintf(error, size, "keyword %s", k);
                        return false;
                }
        return true;
}
