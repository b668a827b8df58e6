/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The bytes that a compressed segment (RFC 8878) was, one piece after the other. Between the files
 * of the streams. */

#include "nhictl/log/source.h"

/* At *offset of fd, which moves on: 0 and *ret_size, 0 of them at the end; a negative errno. */
int read_at(int fd, uint64_t *offset, void *ret, size_t capacity, size_t *ret_size);

typedef struct Unpacker Unpacker;

int unpacker_new(Unpacker **ret);
Unpacker *unpacker_free(Unpacker *u);
DEFINE_CLEANUP(Unpacker *, unpacker_free);

/* As much as fits or as there is; *ret_size 0: the end, and it is a frame's. -EBADMSG: damaged or
 * cut off; -EFBIG: more than LOG_STREAM_SIZE_MAX in all. */
int unpacker_read(Unpacker *u, int fd, uint64_t *offset, char *ret, size_t capacity,
                  size_t *ret_size);
