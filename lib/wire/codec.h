/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages of lib/wire/format.h to and from bytes. Pure: no fd, no allocation. Decoded texts and
 * lists are views into the message and are valid as long as it is. */

#include "lib/base/buf.h"
#include "lib/wire/format.h"

/* A text: size bytes without NUL at data. data is NULL where the field was absent. */
typedef Span WireText;

/* A list as it stands in the message; walk it with wire_list_next(). */
typedef struct WireList {
        Span bytes;
        uint32_t n;
} WireList;

typedef struct WireGids {
        Span bytes; /* u32 little endian each */
        uint32_t n;
} WireGids;

typedef struct WireRequest {
        WireType type;
        uint64_t nonce;
        uint32_t phase, mode, subject_uid, real_uid, egid;
        uint64_t decision;
        WireText service, subject, target, ruser, rhost, tty, auth_info, target_group, command, cwd;
        WireList argv, edit;
        WireGids gids;
} WireRequest;

typedef struct WireReply {
        WireType type;
        uint64_t nonce;
        uint32_t verdict;
        uint64_t decision, until_sec;
        WireText subject, reason, message, jti;
        WireList keys;
} WireReply;

#define WIRE_E_MALFORMED 1 /* the peer broke the protocol */
#define WIRE_E_TOO_LARGE 2 /* what the caller wants to say does not fit: deny */

WireText wire_text(const char *s); /* view of a C string; NULL gives an absent text */
/* Copy a text as a C string into buf; -ENAMETOOLONG where it does not fit. Absent gives "". */
int wire_text_copy(WireText t, char *buf, size_t capacity);
/* Next item: true and *ret, or false at the end. *pos starts at 0. */
bool wire_list_next(const WireList *l, size_t *pos, WireText *ret);
/* Build a list or a gid array into caller's storage, for a request or reply about to be encoded. */
/* 0, or WIRE_E_TOO_LARGE. */
int wire_list_build(const char *const *items, size_t n, void *storage, size_t capacity,
                    WireList *ret);
int wire_gids_build(const uint32_t *gids, size_t n, void *storage, size_t capacity, WireGids *ret);
uint32_t wire_gids_at(const WireGids *g, uint32_t i);

/* Encode into out[capacity]: 0 and *ret_size; WIRE_E_TOO_LARGE; or WIRE_E_MALFORMED for what the
 * decoder would refuse: a required field that is missing, one that the type does not know, an
 * enumeration out of range. Optional fields that are 0, absent or of no items are left out. */
int wire_request_encode(const WireRequest *r, uint8_t *out, size_t capacity, size_t *ret_size);
int wire_reply_encode(const WireReply *r, uint8_t *out, size_t capacity, size_t *ret_size);
/* Decode a whole datagram: 0 and *ret, or WIRE_E_MALFORMED. Fields that the type requires are there
 * (table in schema.c); enumerations are in range. */
int wire_request_decode(const uint8_t *data, size_t size, WireRequest *ret);
int wire_reply_decode(const uint8_t *data, size_t size, WireReply *ret);
