/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Grammars of names. All pure; NULL is never valid. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_MAX_SIZE    32  /* bytes of a strict name, without NUL (useradd(8)) */
#define LABEL_SIZE_MAX   256 /* bytes of any name that a PAM caller may hand us, without NUL */
#define SERVICE_SIZE_MAX 64  /* bytes of a service token, without NUL */

/* The strict grammar for names that come in grant sets: ^[a-z_][a-z0-9_-]{0,31}$ (O22). */
bool name_is_strict(const char *name);

/* Text that may stand where a name is expected: not empty, at most LABEL_SIZE_MAX bytes, no control
 * character. */
bool label_is_sane(const char *label);

/* A name that a PAM caller handed us: a sane label with no '/' and no ':'. Names of ungated people
 * (john.doe, CORP\x, a@b) pass. */
bool name_is_sane(const char *name);

/* Identifier of a grant (jti): ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ */
bool jti_is_valid(const char *jti);

/* A uid or gid that a set may define: 65536..99999, which Debian and Fedora leave free. Below are
 * systemd's dynamic users, above are subordinate ids; 0, 65534, 65535 and 2^32-1 are outside by
 * construction. */
#define ID_MIN 65536u
#define ID_MAX 99999u
bool id_is_assignable(uint64_t id);

/* Shell glob on a whole string: '*', '?', '[...]' as in fnmatch(3) without flags. */
bool glob_match(const char *pattern, const char *text);

/* What a terminal or a reader would act upon instead of showing it stands at text: a control
 * character (C0, DEL, C1), or one that turns or breaks lines (U+2028..202E, U+2066..2069). */
bool text_is_hidden_at(const char *text);

/* So many bytes at text are one character that may be shown as it is, 1 to 4; 0 at its end, and
 * where the first byte MUST NOT be: something hidden, or no UTF-8 (a lone 0x9b is a C1 control to
 * some terminals). */
size_t text_shown_size(const char *text);

/* Copy text for a log line: what may not be shown, quotes and backslashes become \xNN, the result
 * is cut at size-1 bytes, never within a character, and always terminated (O13). Returns ret. */
char *text_escape(char *ret, size_t size, const char *text);
/* The same for a terminal, where quotes and backslashes are harmless and stay readable. */
char *text_visible(char *ret, size_t size, const char *text);
