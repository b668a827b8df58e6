/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/grant.h"

#include <sodium.h>

void grant_id_new(int64_t now_usec, char ret[static GRANT_ID_SIZE])
{
        static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        uint64_t ms = (uint64_t)(now_usec / 1000);
        uint8_t noise[16];
        char *c = ret;

        randombytes_buf(noise, sizeof(noise));
        *c++ = 'g';
        *c++ = '-';
        for (int shift = 45; shift >= 0; shift -= 5)
                *c++ = digits[(ms >> shift) & 31];
        for (size_t i = 0; i < sizeof(noise); i++)
                *c++ = digits[noise[i] & 31];
        *c = '\0';
}
