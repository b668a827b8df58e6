/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The payload of a verified JWS, decoded piece by piece as it is read: at no time is more of it in
 * memory than a block, or one value where that is larger. */

#include <stdbool.h>
#include <stddef.h>

typedef struct Payload {
        const char *text; /* base64url, borrowed */
        size_t size;
        size_t next;  /* of text: not decoded yet, a multiple of 4 */
        char *buffer; /* decoded: start..end is not read yet */
        size_t capacity, start, end;
        size_t offset;      /* of start, in the decoded payload */
        const char *detail; /* of the last PAYLOAD_E_* */
} Payload;

#define PAYLOAD_E_BASE64 1
#define PAYLOAD_E_JSON   2
#define PAYLOAD_E_SIZE   3 /* a value is larger than the caller takes */

void payload_init(Payload *p, const char *text, size_t size);
void payload_done(Payload *p);

/* Read on from an offset that was p->offset before. 0, PAYLOAD_E_BASE64 or -ENOMEM. */
int payload_seek(Payload *p, size_t offset);

#define PAYLOAD_END (-1)
/* The next character that is no white space, PAYLOAD_END where there is none. 0, PAYLOAD_E_BASE64
 * or -ENOMEM. */
int payload_peek(Payload *p, int *ret);
/* Read the next character over, which payload_peek() has shown. */
void payload_skip(Payload *p);

/* Read one JSON value, at most max bytes of it; not checked beyond its ends. *ret is borrowed until
 * p is used again. */
int payload_value(Payload *p, size_t max, const char **ret, size_t *ret_size);
/* The same for a value of any size that nobody wants to see. */
int payload_skip_value(Payload *p);

/* The line of an offset, from 1. */
int payload_line(const Payload *p, size_t offset);
