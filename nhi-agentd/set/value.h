/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Grammars of single values in grant sets. Pure. Used by the decoder, by nhictl before it writes a
 * grant, and by the agent for what a caller hands it. */

#include "nhi-agentd/core/grant.h"

/* UTF-8 text for people: no control character (C0, DEL, C1), no line or paragraph separator, no
 * bidirectional override, so that what a record shows is what it holds (O13). May be empty. */
bool text_is_clean(const char *text);

/* Absolute, at most PATH_MAX - 1 bytes, clean, no ':' and no empty, "." or ".." component; not "/".
 */
bool path_is_plain(const char *path);
/* passwd(5)'s comment field: clean and without ':'. */
bool gecos_is_valid(const char *text);
/* NAME.service of systemd.unit(5), at most 255 bytes. */
bool unit_is_valid(const char *name);
/* A strict name or "*". */
bool target_is_valid(const char *name);
/* What an nhi_login or nhi_elevate term may name; elevation classes only in the latter. */
bool login_class_is_valid(const char *word);
bool elevation_class_is_valid(const char *word);

/* An address, IPv4 as ::ffff:a.b.c.d. No scope, no name. */
bool address_parse(const char *text, uint8_t ret[static 16]);
/* ADDRESS/PREFIX with no bit set behind the prefix; an address alone is that host. */
bool cidr_parse(const char *text, Cidr *ret);

#define SSH_KEY_SIZE_MAX 8192u /* of a line */
/* A key line "ALGORITHM BLOB [COMMENT]" without options: the algorithm is one of ours, the blob is
 * canonical base64 that begins with the algorithm's name (RFC 4253 section 6.6). Views into line.
 */
typedef struct SshKeyView {
        const char *algorithm, *blob;
        size_t algorithm_size, blob_size;
} SshKeyView;
bool ssh_key_parse(const char *line, SshKeyView *ret);

/* A group that is as good as root, by name (O21). */
bool group_is_root_equivalent(const char *name);
