/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a person at a terminal reads before a session ends and when it does. Pure. Each is one whole
 * line that begins a line of its own; nothing in it moves a terminal's cursor. */

#include "lib/base/macro.h"

#define WORDS_SIZE 640 /* with NUL; longer ones are cut, with their end of line */

typedef struct Words {
        const char *jti;
        const char *class; /* of the session: "ssh", "sudo", ... */
        bool elevation;    /* the person's own session goes on */
} Words;

/* It ends in left_usec, at end_sec. */
void words_before(const Words *w, int64_t left_usec, int64_t end_sec, char ret[static WORDS_SIZE]);
/* It ends now. why is a reason's token (core/reason.h), or another code of the registry's: then
 * detail, what whoever ended it says, is the reason. */
void words_over(const Words *w, const char *why, const char *detail, char ret[static WORDS_SIZE]);
