/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The payload of a grant set, read twice: first its outline, which says for whom and when it is and
 * how much there is of it; then each list, one entry at a time. No tree of the whole is ever built.
 * What is no JSON, wherever it stands, refuses the set: DECODE_E_PROBLEM. */

#include "nhi-agentd/set/members.h"
#include "nhi-agentd/set/payload.h"

#define ENVELOPE_VALUE_MAX (64u * 1024)        /* of one member but the lists, as it stands */
#define ENTRY_SIZE_MAX     (16u * 1024 * 1024) /* of one account or grant, as it stands */

/* A list of entries in the payload. */
typedef struct Span {
        size_t offset; /* of its '[' */
        size_t n;
} Span;

typedef struct Outline {
        json_t *members; /* each list as an empty array, a member nobody knows as null */
        Span accounts, grants;
} Outline;

int document_outline(Decode *d, Payload *p, Outline *ret);
void outline_done(Outline *o);

/* One entry. Most grants of a set repeat the terms of others: these are cut out and not even parsed
 * where they are known, while the member holds 0. Borrowed for the call. */
typedef struct Entry {
        const Payload *payload;
        size_t i;
        const json_t *value;
        const char *cut; /* NULL: nothing was */
        size_t cut_size;
        size_t cut_offset; /* in the payload */
} Entry;
typedef int (*EntryReader)(Decode *d, const Entry *e, void *userdata);
int document_read_list(Decode *d, Payload *p, const Span *list, const char *cut, EntryReader read,
                       void *userdata);
/* Parse what was cut out; json_decref() it. */
int document_load_cut(Decode *d, const Entry *e, json_t **ret);
