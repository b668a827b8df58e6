/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/name.h"

#include <string.h>

/* Comparisons of our own, not ctype(3)'s: what a name is must not depend on the locale of the
 * process that loaded us. */
static bool is_lower(unsigned char c)
{
        return c >= 'a' && c <= 'z';
}

static bool is_digit(unsigned char c)
{
        return c >= '0' && c <= '9';
}

static bool is_control(unsigned char c)
{
        return c < 0x20 || c == 0x7f;
}

static bool is_strict_at(unsigned char c, size_t i)
{
        if (is_lower(c) || c == '_')
                return true;
        return i > 0 && (is_digit(c) || c == '-');
}

static bool is_jti_at(unsigned char c, size_t i)
{
        if (is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z'))
                return true;
        return i > 0 && (c == '.' || c == '_' || c == '-');
}

static bool is_label_at(unsigned char c, size_t i)
{
        (void)i;
        return !is_control(c);
}

static bool is_sane_at(unsigned char c, size_t i)
{
        (void)i;
        return !is_control(c) && c != '/' && c != ':';
}

/* Every character is lawful at its place and there are 1 to size_max of them. */
static bool all_lawful(const char *name, size_t size_max, bool (*lawful)(unsigned char, size_t))
{
        size_t i;

        if (!name)
                return false;
        for (i = 0; name[i]; i++)
                if (i >= size_max || !lawful((unsigned char)name[i], i))
                        return false;
        return i > 0;
}

bool name_is_strict(const char *name)
{
        return all_lawful(name, NAME_MAX_SIZE, is_strict_at);
}

bool label_is_sane(const char *label)
{
        return all_lawful(label, LABEL_SIZE_MAX, is_label_at);
}

bool name_is_sane(const char *name)
{
        return all_lawful(name, LABEL_SIZE_MAX, is_sane_at);
}

bool jti_is_valid(const char *jti)
{
        return all_lawful(jti, 64, is_jti_at);
}

bool id_is_assignable(uint64_t id)
{
        return id >= ID_MIN && id <= ID_MAX;
}

char *text_escape(char *ret, size_t size, const char *text)
{
        static const char hex[] = "0123456789abcdef";
        size_t n = 0;

        if (size == 0)
                return ret;
        for (; text && *text; text++) {
                unsigned char c = (unsigned char)*text;
                bool plain = !is_control(c) && c != '"' && c != '\'' && c != '\\';

                if (size - 1 - n < (plain ? 1u : 4u))
                        break;
                if (plain) {
                        ret[n++] = (char)c;
                        continue;
                }
                ret[n++] = '\\';
                ret[n++] = 'x';
                ret[n++] = hex[c >> 4];
                ret[n++] = hex[c & 15];
        }
        ret[n] = '\0';
        return ret;
}
