/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Base64 with padding (RFC 4648 section 4), as etcd's gateway has keys and values. */

#include <stddef.h>
#include <stdint.h>

/* A malloc'ed text; NULL: out of memory. */
char *base64_encode(const void *data, size_t size);
/* The canonical spelling only. 0 and a malloc'ed *ret; -EBADMSG; -ENOMEM. */
int base64_decode(const char *text, size_t size, uint8_t **ret, size_t *ret_size);
