/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What may stand behind pam_nhi.so in /etc/pam.d. Nothing here can open a gate, by design: no
 * option names a file, a socket or a failure mode. */

#include <stdbool.h>

/* X(member, "word", "help") */
#define OPTIONS(X)                                                                                 \
        X(debug, "debug", "log every outcome, also where the subject is left alone")               \
        X(quiet, "quiet", "never talk to the person; the reason is in the log and in nhictl why")

typedef struct Options {
#define OPTION_MEMBER(member, word, help) bool member;
        OPTIONS(OPTION_MEMBER)
#undef OPTION_MEMBER
        const char *unknown; /* the first word that is none of these, or NULL (P08) */
} Options;

Options options_parse(int argc, const char **argv);
