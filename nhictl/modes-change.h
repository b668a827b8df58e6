/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One change of modes: planned from what the agent says, written to 50-modes.conf, put in force and
 * seen to be; or as it was before. */

#include "nhictl/modes-file.h"
#include "nhictl/verb.h"

#include <jansson.h>

typedef struct ModesChange {
        const Call *call;
        const char *mode;    /* "observe" or "enforce" */
        const json_t *gates; /* borrowed: the status' */
        char *before;        /* the file's text; NULL: there was none */
        Modes after;
} ModesChange;

/* Is this gate one of those that the command line names (none: all of them)? */
bool modes_is_asked(const Call *call, const char *name);
/* True where every gate that was asked for is in this mode. */
bool modes_hold(const Call *call, const json_t *gates, const char *mode);

/* A VerbStatus: what the file says now, and what it shall say. ret is done by modes_change_done().
 */
int modes_change_plan(const Call *call, const json_t *gates, const char *mode, ModesChange *ret);
void modes_change_done(ModesChange *c);

/* The same change to another text of the file (NULL: none): malloc'ed, or NULL and -EBADMSG,
 * -ENOMEM. For what shall be put back later. */
int modes_change_text(const ModesChange *c, const char *text, char **ret);

/* The two halves: VerbStatus, said. */
int modes_change_write(const ModesChange *c);
int modes_change_force(const ModesChange *c);
/* Both; or the file as it was before, and the agent told so. */
int modes_change_run(const ModesChange *c);
