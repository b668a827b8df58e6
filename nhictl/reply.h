/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading the agent's replies (lib/wire/control.h) and showing what verbs of this host have in
 * common. A member that is missing or of another type reads as nothing. */

#include "nhictl/output.h"
#include "nhictl/when.h"

#include <stdint.h>

const char *member_text(const json_t *object, const char *name); /* NULL where there is none */
int64_t member_number(const json_t *object, const char *name);
/* Seconds since the epoch, or of a time that passes, up to the year 9999; else 0. What is read so
 * can be reckoned with, whoever wrote it. */
int64_t member_sec(const json_t *object, const char *name);
bool member_is_true(const json_t *object, const char *name);

/* Print the reply as --json does, without the protocol's own members, and drop the reference. The
 * status for the verb to return. */
int reply_print(json_t *reply);

/* What an account may do under a grant, in words: "ssh, sudo as postgres, group pay-ops". Cut to
 * fit. Returns ret. */
char *terms_words(const json_t *terms, char *ret, size_t size);
/* True where a grant lets its holder become somebody else. */
bool terms_elevate(const json_t *terms);

/* True where it makes its holder root with no command named: nothing bounds what is planted then.
 */
bool terms_unbounded(const json_t *terms);

/* A table of grants on stdout, and on stderr what such grants cannot prevent. A VerbStatus. */
int grants_print(const Output *o, const json_t *grants, int64_t now_sec);
