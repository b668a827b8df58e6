/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "lib/jose/jose.h"

#include <errno.h>
#include <sodium.h>

/* The decoder of libsodium 1.0.18 reads every byte from 0x80 to 0xff as '_', so that one message
 * would have many spellings: the alphabet is checked here. */
static bool is_base64url(const char *text, size_t size)
{
        for (size_t i = 0; i < size; i++) {
                char c = text[i];

                if (!(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
                    c != '-' && c != '_')
                        return false;
        }
        return true;
}

int base64url_decode(const char *text, size_t size, uint8_t *ret, size_t capacity, size_t *ret_size)
{
        size_t decoded = 0;

        /* 4 characters are 3 bytes, 2 are 1, 3 are 2; a single one left over is nothing. */
        if (size % 4 == 1 || !is_base64url(text, size))
                return -EBADMSG;
        if (capacity < size / 4 * 3 + size % 4 * 3 / 4)
                return -ENOBUFS;
        if (size > 0 && sodium_base642bin(ret, capacity, text, size, NULL, &decoded, NULL,
                                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) < 0)
                return -EBADMSG;
        *ret_size = decoded;
        return 0;
}

#define NO_DIGIT 0x80

/* By character; NO_DIGIT where it is none. */
static const uint8_t digits[256] = { [0 ... '-' - 1] = NO_DIGIT,
                                     ['-' + 1 ... '0' - 1] = NO_DIGIT,
                                     ['9' + 1 ... 'A' - 1] = NO_DIGIT,
                                     ['Z' + 1 ... '_' - 1] = NO_DIGIT,
                                     ['_' + 1 ... 'a' - 1] = NO_DIGIT,
                                     ['z' + 1 ... 255] = NO_DIGIT,
                                     ['A'] = 0,
                                     ['B'] = 1,
                                     ['C'] = 2,
                                     ['D'] = 3,
                                     ['E'] = 4,
                                     ['F'] = 5,
                                     ['G'] = 6,
                                     ['H'] = 7,
                                     ['I'] = 8,
                                     ['J'] = 9,
                                     ['K'] = 10,
                                     ['L'] = 11,
                                     ['M'] = 12,
                                     ['N'] = 13,
                                     ['O'] = 14,
                                     ['P'] = 15,
                                     ['Q'] = 16,
                                     ['R'] = 17,
                                     ['S'] = 18,
                                     ['T'] = 19,
                                     ['U'] = 20,
                                     ['V'] = 21,
                                     ['W'] = 22,
                                     ['X'] = 23,
                                     ['Y'] = 24,
                                     ['Z'] = 25,
                                     ['a'] = 26,
                                     ['b'] = 27,
                                     ['c'] = 28,
                                     ['d'] = 29,
                                     ['e'] = 30,
                                     ['f'] = 31,
                                     ['g'] = 32,
                                     ['h'] = 33,
                                     ['i'] = 34,
                                     ['j'] = 35,
                                     ['k'] = 36,
                                     ['l'] = 37,
                                     ['m'] = 38,
                                     ['n'] = 39,
                                     ['o'] = 40,
                                     ['p'] = 41,
                                     ['q'] = 42,
                                     ['r'] = 43,
                                     ['s'] = 44,
                                     ['t'] = 45,
                                     ['u'] = 46,
                                     ['v'] = 47,
                                     ['w'] = 48,
                                     ['x'] = 49,
                                     ['y'] = 50,
                                     ['z'] = 51,
                                     ['0'] = 52,
                                     ['1'] = 53,
                                     ['2'] = 54,
                                     ['3'] = 55,
                                     ['4'] = 56,
                                     ['5'] = 57,
                                     ['6'] = 58,
                                     ['7'] = 59,
                                     ['8'] = 60,
                                     ['9'] = 61,
                                     ['-'] = 62,
                                     ['_'] = 63 };

/* The last 2 or 3 characters, whose unused bits are 0 in the canonical spelling. */
static bool decode_rest(const unsigned char *text, size_t size, uint8_t *ret)
{
        const uint8_t a = digits[text[0]], b = digits[text[1]], c = size == 3 ? digits[text[2]] : 0;

        if (((a | b | c) & NO_DIGIT) || (size == 2 ? b & 0x0f : c & 0x03))
                return false;
        ret[0] = (uint8_t)(a << 2 | b >> 4);
        if (size == 3)
                ret[1] = (uint8_t)(b << 4 | c >> 2);
        return true;
}

int base64url_decode_public(const char *text, size_t size, uint8_t *ret, size_t capacity,
                            size_t *ret_size)
{
        const unsigned char *p = (const unsigned char *)text;
        const size_t decoded = size / 4 * 3 + size % 4 * 3 / 4;
        uint8_t seen = 0;

        if (size % 4 == 1)
                return -EBADMSG;
        if (capacity < decoded)
                return -ENOBUFS;
        for (; size >= 4; size -= 4, p += 4, ret += 3) {
                const uint8_t a = digits[p[0]], b = digits[p[1]], c = digits[p[2]],
                              d = digits[p[3]];

                seen |= a | b | c | d;
                ret[0] = (uint8_t)(a << 2 | b >> 4);
                ret[1] = (uint8_t)(b << 4 | c >> 2);
                ret[2] = (uint8_t)(c << 6 | d);
        }
        if ((seen & NO_DIGIT) || (size > 0 && !decode_rest(p, size, ret)))
                return -EBADMSG;
        *ret_size = decoded;
        return 0;
}

size_t base64url_size(size_t n)
{
        return n / 3 * 4 + (n % 3 == 0 ? 0 : n % 3 + 1);
}

void base64url_encode(const uint8_t *data, size_t n, char *ret)
{
        sodium_bin2base64(ret, base64url_size(n) + 1, data, n,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
