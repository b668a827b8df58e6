/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A key as people compare it: all 32 bytes of its RFC 7638 thumbprint, in hexadecimal and in words.
 *
 * The words are those of the PGP word list (Juola and Zimmermann, 1995), made to be told apart over
 * a bad line: two syllables at even bytes and three at odd ones, so that a word left out, said
 * twice or swapped with its neighbour is heard. Nothing is cut off: who can try many keys must not
 * find one that begins and ends alike. */

#include "lib/jose/jose.h"

#define FINGERPRINT_SIZE      32u
#define FINGERPRINT_HEX_SIZE  80u  /* "3f9c 12ab ...": 16 groups of 4 */
#define FINGERPRINT_LINE_MAX  128u /* one line of words */
#define FINGERPRINT_LINES     4u   /* of 8 words */
#define FINGERPRINT_TEXT_SIZE (FINGERPRINT_LINES * FINGERPRINT_LINE_MAX)

/* Return ret. */
char *fingerprint_hex(const Jwk *key, char ret[static FINGERPRINT_HEX_SIZE]);
/* Line i of the words. */
char *fingerprint_line(const Jwk *key, size_t i, char ret[static FINGERPRINT_LINE_MAX]);
/* All words in one line. */
char *fingerprint_words(const Jwk *key, char ret[static FINGERPRINT_TEXT_SIZE]);
/* Say both, to whoever compares them. */
void fingerprint_say(const Jwk *key);

/* What somebody typed or was told: hexadecimal, words, or the thumbprint as a JWK's kid has it.
 * Case, and blanks, colons and hyphens between, do not matter. 0, or -EINVAL: it is none of them,
 * or not all of it. */
int fingerprint_parse(const char *text, uint8_t ret[static FINGERPRINT_SIZE]);
bool fingerprint_is(const Jwk *key, const uint8_t bytes[static FINGERPRINT_SIZE]);

/* The lists: [0] for even bytes, [1] for odd ones. */
extern const char *const fingerprint_list[2][256];
