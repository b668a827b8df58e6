/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The distribution's own tool for /etc/pam.d: nothing else writes there for us. */

#include "nhictl/verb.h"

typedef struct PamTool {
        const char *name;
        const char *program;
        const char *const *folders; /* what it changes and PAM reads: compared, backed up */
        const char *const *scratch; /* what else it writes: copied for a rehearsal; folders are
                                     * among them or below them */
        /* It did nothing: say why, as far as that can be found out, and what to do by hand. */
        void (*explain)(void);
        /* VERB_OK; or what was wrong, said. */
        VerbStatus (*enable)(void);
        VerbStatus (*disable)(void);
} PamTool;

/* The one that is installed here; NULL: none, and what to write by hand was said. */
const PamTool *pam_tool_find(void);

/* Does a tool still mean to have our lines, also where they are gone from /etc/pam.d? Then its next
 * run, such as a package's, writes them back. */
bool pam_tool_keeps_us(void);

/* authselect's profile with our lines for one of its own, and back; NULL where there is none. */
const char *authselect_profile_with(const char *profile);
const char *authselect_profile_without(const char *profile);
