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

size_t base64url_size(size_t n)
{
        return n / 3 * 4 + (n % 3 == 0 ? 0 : n % 3 + 1);
}

void base64url_encode(const uint8_t *data, size_t n, char *ret)
{
        sodium_bin2base64(ret, base64url_size(n) + 1, data, n,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}
