/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/log/text.h"

#include <stdint.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static bool is_tail(uint8_t byte)
{
        return (byte & 0xc0) == 0x80;
}

/* One character of UTF-8 (RFC 3629: no surrogate, no overlong form, nothing above U+10FFFF): its
 * size, or 0. text is NUL-terminated, which no tail byte is. */
static size_t utf8_read(const uint8_t *p, uint32_t *ret)
{
        if (p[0] < 0x80) {
                *ret = p[0];
                return 1;
        }
        if (p[0] >= 0xc2 && p[0] <= 0xdf && is_tail(p[1])) {
                *ret = (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
                return 2;
        }
        if ((p[0] & 0xf0) == 0xe0 && is_tail(p[1]) && is_tail(p[2])) {
                *ret = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
                return *ret >= 0x800 && (*ret < 0xd800 || *ret > 0xdfff) ? 3 : 0;
        }
        if ((p[0] & 0xf8) == 0xf0 && is_tail(p[1]) && is_tail(p[2]) && is_tail(p[3])) {
                *ret = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 |
                       (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
                return *ret >= 0x10000 && *ret <= 0x10ffff ? 4 : 0;
        }
        return 0;
}

/* What would move a terminal's cursor, end a line or turn a text round where it is shown. */
static bool is_unsafe(uint32_t c)
{
        return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x061c || c == 0x200e || c == 0x200f ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static bool is_plain(uint8_t byte)
{
        return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static size_t escape(uint32_t c, char ret[static 6])
{
        static const char digits[] = "0123456789abcdef";

        memcpy(ret, "\\u", 2);
        for (unsigned i = 0; i < 4; i++)
                ret[2 + i] = digits[c >> (12 - 4 * i) & 0xf];
        return 6;
}

/* The next character of text, encoded: its size there, *ret_size bytes of ret. */
static size_t encode_one(const uint8_t *p, char ret[static 6], size_t *ret_size)
{
        uint32_t c = 0;
        size_t n = utf8_read(p, &c);

        if (n == 0) {
                memcpy(ret, REPLACEMENT, 3);
                *ret_size = 3;
                return 1;
        }
        if (is_unsafe(c)) {
                *ret_size = escape(c, ret);
        } else if (c == '"' || c == '\\') {
                ret[0] = '\\';
                ret[1] = (char)c;
                *ret_size = 2;
        } else {
                memcpy(ret, p, n);
                *ret_size = n;
        }
        return n;
}

bool log_text_encode(const char *text, char *ret, size_t max, size_t *ret_size)
{
        const uint8_t *p = (const uint8_t *)text;
        size_t size = 0;

        while (*p) {
                char one[6];
                size_t n, taken;

                if (is_plain(*p) && size < max) {
                        ret[size++] = (char)*p++;
                        continue;
                }
                taken = encode_one(p, one, &n);
                if (n > max - size)
                        break;
                memcpy(ret + size, one, n);
                size += n;
                p += taken;
        }
        *ret_size = size;
        return *p == '\0';
}
