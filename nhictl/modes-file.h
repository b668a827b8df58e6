/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* agentd.conf.d/50-modes.conf: which gates observe and which enforce. Written only by nhictl, one
 * gate a line, in libconfig's grammar; the agent parses it as every other file. */

#include "lib/base/path.h"

#include <stdbool.h>
#include <stddef.h>

#define PATH_MODES_FILE PATH_CONF_DIR "/50-modes.conf"
#define MODES_MAX       256u /* GATES_N_MAX */
#define MODES_SIZE_MAX  (64u * 1024)

typedef struct Modes {
        struct ModesEntry {
                char *gate;
                const char *mode; /* "observe" or "enforce" */
        } * entries;
        size_t n;
        bool was_absent; /* there was no file: saving none again removes it */
} Modes;

/* Read what was written before; an absent file is empty. 0, -EBADMSG for lines that are not ours,
 * or another negative errno. */
int modes_load(const char *path, Modes *ret);
int modes_parse(const char *text, Modes *ret);
const char *modes_get(const Modes *m, const char *gate); /* NULL: not named */
/* mode is copied from the table of modes: -EINVAL for another word, -ENOSPC, -ENOMEM. */
int modes_set(Modes *m, const char *gate, const char *mode);
int modes_format(const Modes *m, char **ret);
/* Durable, 0644 root. Empty and was_absent: the file is removed. */
int modes_save(const char *path, const Modes *m);
void modes_done(Modes *m);

/* The file as it stands, byte by byte: NULL where there is none. modes_text_save() puts it back,
 * durable; NULL removes the file. */
int modes_text_load(const char *path, char **ret);
int modes_text_save(const char *path, const char *text);
