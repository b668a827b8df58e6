/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/http/base64.h"

#include "lib/base/macro.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t size)
{
        const uint8_t *in = data;
        char *text = malloc(size / 3 * 4 + 5), *out = text;

        if (!text)
                return NULL;
        for (; size > 0; in += 3, size -= size < 3 ? size : 3) {
                const uint32_t group = (uint32_t)in[0] << 16 | (size > 1 ? in[1] << 8 : 0) |
                                       (size > 2 ? in[2] : 0);

                *out++ = digits[group >> 18];
                *out++ = digits[group >> 12 & 63];
                *out++ = size > 1 ? digits[group >> 6 & 63] : '=';
                *out++ = size > 2 ? digits[group & 63] : '=';
        }
        *out = '\0';
        return text;
}

static int digit_value(char c)
{
        if (c >= 'A' && c <= 'Z')
                return c - 'A';
        if (c >= 'a' && c <= 'z')
                return c - 'a' + 26;
        if (c >= '0' && c <= '9')
                return c - '0' + 52;
        return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits, of which the last n_padding are '='; 3 - n_padding bytes. Bits that no byte takes
 * must be zero. */
static bool group_decode(const char *text, size_t n_padding, uint8_t ret[static 3])
{
        uint32_t group = 0;

        for (size_t i = 0; i < 4; i++) {
                const int value = i < 4 - n_padding ? digit_value(text[i]) : 0;

                if (value < 0)
                        return false;
                group = group << 6 | (uint32_t)value;
        }
        ret[0] = (uint8_t)(group >> 16);
        ret[1] = (uint8_t)(group >> 8);
        ret[2] = (uint8_t)group;
        return (n_padding < 1 || ret[2] == 0) && (n_padding < 2 || ret[1] == 0);
}

int base64_decode(const char *text, size_t size, uint8_t **ret, size_t *ret_size)
{
        _cleanup_free_ uint8_t *bytes = malloc(size / 4 * 3 + 1);
        size_t n = 0;

        if (!bytes)
                return -ENOMEM;
        if (size % 4 != 0)
                return -EBADMSG;
        for (size_t i = 0; i < size; i += 4) {
                const bool is_last = i + 4 == size;
                size_t n_padding = 0;

                if (is_last && text[i + 3] == '=')
                        n_padding = text[i + 2] == '=' ? 2 : 1;
                if (!group_decode(text + i, n_padding, bytes + n))
                        return -EBADMSG;
                n += 3 - n_padding;
        }
        *ret = TAKE_PTR(bytes);
        *ret_size = n;
        return 0;
}
