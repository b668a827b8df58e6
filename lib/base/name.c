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

static size_t sequence_size(unsigned char first)
{
        if (first < 0x80)
                return 1;
        if (first >= 0xc2 && first <= 0xdf)
                return 2;
        if (first >= 0xe0 && first <= 0xef)
                return 3;
        return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

/* The range of a second byte keeps out what is longer than it need be, the halves of UTF-16 and
 * what is beyond U+10FFFF. */
static bool is_second(unsigned char first, unsigned char second)
{
        unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

        return second >= low && second <= high;
}

/* C1 controls are C2 80..C2 9F; U+2028..202E are E2 80 A8..AE, U+2066..2069 E2 81 A6..A9. */
bool text_is_hidden_at(const char *text)
{
        const unsigned char *p = (const unsigned char *)text;

        if (is_control(p[0]))
                return p[0] != '\0';
        if (p[0] == 0xc2)
                return p[1] >= 0x80 && p[1] <= 0x9f;
        if (p[0] != 0xe2)
                return false;
        return (p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
               (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

size_t text_shown_size(const char *text)
{
        const unsigned char *p = (const unsigned char *)text;
        size_t size = sequence_size(p[0]);

        if (p[0] == '\0' || size == 0 || text_is_hidden_at(text))
                return 0;
        if (size > 1 && !is_second(p[0], p[1]))
                return 0;
        for (size_t i = 2; i < size; i++)
                if (p[i] < 0x80 || p[i] > 0xbf)
                        return 0;
        return size;
}

/* Every character of also is escaped besides what may not be shown. */
static char *escape(char *ret, size_t size, const char *text, const char *also)
{
        static const char hex[] = "0123456789abcdef";
        size_t n = 0;

        if (size == 0)
                return ret;
        while (text && *text) {
                unsigned char c = (unsigned char)*text;
                size_t shown = strchr(also, c) ? 0 : text_shown_size(text);

                if (size - 1 - n < (shown > 0 ? shown : 4))
                        break;
                if (shown > 0) {
                        memcpy(ret + n, text, shown);
                        n += shown;
                        text += shown;
                        continue;
                }
                ret[n++] = '\\';
                ret[n++] = 'x';
                ret[n++] = hex[c >> 4];
                ret[n++] = hex[c & 15];
                text++;
        }
        ret[n] = '\0';
        return ret;
}

char *text_escape(char *ret, size_t size, const char *text)
{
        return escape(ret, size, text, "\"'\\");
}

char *text_visible(char *ret, size_t size, const char *text)
{
        return escape(ret, size, text, "");
}
