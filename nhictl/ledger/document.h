/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One JSON document of the ledger: 2 spaces, sorted names, so that git shows what changed. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCUMENT_SIZE_MAX  (1024u * 1024)
#define DOCUMENT_ERROR_MAX 256

/* Read a regular file (no symlink, not writable by everybody) below dir_fd: a malloc'ed text,
 * NUL-terminated behind *ret_size. -ENOENT, -EPERM, -EFBIG, another negative errno. */
int document_read(int dir_fd, const char *path, size_t size_max, char **ret, size_t *ret_size);

/* A JSON object without duplicate names and trailing bytes: 0 and an owned *ret, or -EBADMSG and
 * "LINE: what is wrong". */
int document_parse(const char *text, size_t size, json_t **ret,
                   char ret_error[static DOCUMENT_ERROR_MAX]);
/* The file's text, malloc'ed, with a last line feed; NULL: memory. */
char *document_format(const json_t *doc);

/* The payload of a compact JWS, or of its first line, whoever signed it, of that typ unless that is
 * NULL; owned, or NULL. */
json_t *document_unverified(const char *jws, size_t size, const char *typ);

/* A member that is a string; "" where it is absent or something else. */
const char *document_text(const json_t *doc, const char *member);
/* A member that is an RFC 3339 time: 0, -ENOENT where absent, -EBADMSG. */
int document_time(const json_t *doc, const char *member, int64_t *ret_sec);
/* A new JSON string: the time in RFC 3339. */
json_t *document_time_new(int64_t sec);
/* A new JSON string of whatever bytes: what is no UTF-8 as U+FFFD, cut where its encoding would be
 * longer than max, DOCUMENT_TEXT_MAX at most. */
#define DOCUMENT_TEXT_MAX 8192u
json_t *document_text_new(const char *text, size_t max);
/* True where an array of strings holds text. */
bool document_list_has(const json_t *list, const char *text);
