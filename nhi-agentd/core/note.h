/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A bounded sentence for an administrator, built without libc's formatting: the core stays pure.
 * What does not fit ends in "...". A note that is not wanted costs nothing. */

#include "nhi-agentd/core/grant.h"

#define NOTE_SIZE_MAX 384

typedef struct Note {
        bool wanted;
        size_t size;
        char text[NOTE_SIZE_MAX];
} Note;

void note_clear(Note *n);
void note_text(Note *n, const char *text); /* NULL adds nothing */
void note_number(Note *n, uint64_t value);
void note_time(Note *n, int64_t sec);         /* RFC 3339, UTC */
void note_list(Note *n, const StrList *list); /* "a, b, c"; "nothing" where empty */
/* IPv4 in dotted form, IPv6 as eight groups. */
void note_address(Note *n, const uint8_t addr[static 16]);
void note_cidr(Note *n, const Cidr *c);
