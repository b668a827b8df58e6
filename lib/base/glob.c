/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A matcher of our own and not fnmatch(3), because a gate that does not match lets people in:
 * fnmatch() may allocate and fail, reads bytes by the locale of whoever loaded us, and can take
 * exponential time. This one works on bytes, allocates nothing and takes at most
 * strlen(pattern) * strlen(text) steps. */

#include "lib/base/name.h"

/* The first ']' that ends the set whose inside starts at p, or NULL: then '[' is an ordinary
 * character. A ']' that stands first belongs to the set. */
static const char *set_end(const char *p)
{
        if (*p == '!' || *p == '^')
                p++;
        if (*p == ']')
                p++;
        while (*p && *p != ']')
                p++;
        return *p ? p : NULL;
}

/* Is c in the set between p and end? */
static bool set_contains(const char *p, const char *end, unsigned char c)
{
        bool negated = *p == '!' || *p == '^', found = false;

        if (negated)
                p++;
        while (p < end) {
                unsigned char from = (unsigned char)*p++, to = from;

                if (end - p >= 2 && *p == '-') {
                        to = (unsigned char)p[1];
                        p += 2;
                }
                if (c >= from && c <= to)
                        found = true;
        }
        return found != negated;
}

/* Match one character that is not '*'; where it matches, move *pattern behind what matched. */
static bool match_one(const char **pattern, unsigned char c)
{
        const char *p = *pattern, *end;

        if (*p == '\0')
                return false;
        if (*p == '?') {
                *pattern = p + 1;
                return true;
        }
        if (*p == '[' && (end = set_end(p + 1))) {
                if (!set_contains(p + 1, end, c))
                        return false;
                *pattern = end + 1;
                return true;
        }
        if (*p == '\\' && p[1])
                p++;
        if ((unsigned char)*p != c)
                return false;
        *pattern = p + 1;
        return true;
}

bool glob_match(const char *pattern, const char *text)
{
        const char *star = NULL, *resume = NULL;

        if (!pattern || !text)
                return false;
        while (*text) {
                if (*pattern == '*') {
                        star = ++pattern;
                        resume = text;
                } else if (match_one(&pattern, (unsigned char)*text)) {
                        text++;
                } else if (star) {
                        pattern = star;
                        text = ++resume;
                } else {
                        return false;
                }
        }
        while (*pattern == '*')
                pattern++;
        return *pattern == '\0';
}
