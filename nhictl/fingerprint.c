/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/fingerprint.h"

#include "lib/base/macro.h"
#include "nhictl/output.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <strings.h>

#define LINE_WORDS (FINGERPRINT_SIZE / FINGERPRINT_LINES)
#define BETWEEN    " \t:-"

static void bytes_of(const Jwk *key, uint8_t ret[static FINGERPRINT_SIZE])
{
        size_t size = 0;

        memset(ret, 0, FINGERPRINT_SIZE);
        (void)base64url_decode_public(key->kid, strlen(key->kid), ret, FINGERPRINT_SIZE, &size);
}

char *fingerprint_hex(const Jwk *key, char ret[static FINGERPRINT_HEX_SIZE])
{
        uint8_t bytes[FINGERPRINT_SIZE];
        char *at = ret, group[5];

        bytes_of(key, bytes);
        for (size_t i = 0; i < sizeof(bytes); i += 2) {
                sodium_bin2hex(group, sizeof(group), &bytes[i], 2);
                at = stpcpy(stpcpy(at, i > 0 ? " " : ""), group);
        }
        return ret;
}

char *fingerprint_line(const Jwk *key, size_t i, char ret[static FINGERPRINT_LINE_MAX])
{
        const size_t first = i * LINE_WORDS;
        uint8_t bytes[FINGERPRINT_SIZE];
        char *at = ret;

        bytes_of(key, bytes);
        for (size_t k = first; k < first + LINE_WORDS; k++)
                at = stpcpy(stpcpy(at, k > first ? " " : ""), fingerprint_list[k % 2][bytes[k]]);
        return ret;
}

char *fingerprint_words(const Jwk *key, char ret[static FINGERPRINT_TEXT_SIZE])
{
        char line[FINGERPRINT_LINE_MAX], *at = ret;

        for (size_t i = 0; i < FINGERPRINT_LINES; i++)
                at = stpcpy(stpcpy(at, i > 0 ? " " : ""), fingerprint_line(key, i, line));
        return ret;
}

void fingerprint_say(const Jwk *key)
{
        char hex[FINGERPRINT_HEX_SIZE], line[FINGERPRINT_LINE_MAX];

        say("thumbprint %s", fingerprint_hex(key, hex));
        for (size_t i = 0; i < FINGERPRINT_LINES; i++)
                say("%-10s %s", i == 0 ? "in words" : "", fingerprint_line(key, i, line));
}

static int parse_hex(const char *text, uint8_t ret[static FINGERPRINT_SIZE])
{
        const char *end = NULL;
        size_t size = 0;

        if (sodium_hex2bin(ret, FINGERPRINT_SIZE, text, strlen(text), BETWEEN, &size, &end) != 0 ||
            *end != '\0' || size != FINGERPRINT_SIZE)
                return -EINVAL;
        return 0;
}

static int parse_word(const char *word, size_t size, size_t parity)
{
        for (int i = 0; i < 256; i++) {
                const char *known = fingerprint_list[parity][i];

                if (strlen(known) == size && strncasecmp(known, word, size) == 0)
                        return i;
        }
        return -EINVAL;
}

static int parse_words(const char *text, uint8_t ret[static FINGERPRINT_SIZE])
{
        size_t n = 0;

        for (text += strspn(text, BETWEEN); *text; text += strspn(text, BETWEEN)) {
                const size_t size = strcspn(text, BETWEEN);
                const int byte = n < FINGERPRINT_SIZE ? parse_word(text, size, n % 2) : -EINVAL;

                if (byte < 0)
                        return byte;
                ret[n++] = (uint8_t)byte;
                text += size;
        }
        return n == FINGERPRINT_SIZE ? 0 : -EINVAL;
}

int fingerprint_parse(const char *text, uint8_t ret[static FINGERPRINT_SIZE])
{
        uint8_t bytes[FINGERPRINT_SIZE];
        size_t size = 0;
        int r;

        r = parse_hex(text, bytes);
        if (r < 0)
                r = parse_words(text, bytes);
        if (r < 0 && strlen(text) == JWK_KID_SIZE)
                r = base64url_decode_public(text, JWK_KID_SIZE, bytes, sizeof(bytes), &size);
        if (r < 0)
                return -EINVAL;
        memcpy(ret, bytes, sizeof(bytes));
        return 0;
}

bool fingerprint_is(const Jwk *key, const uint8_t bytes[static FINGERPRINT_SIZE])
{
        uint8_t own[FINGERPRINT_SIZE];

        bytes_of(key, own);
        return sodium_memcmp(own, bytes, sizeof(own)) == 0;
}
