/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The world around the PAM module in fuzz-pam.c: a libc and a libpam without a kernel behind them,
 * that do what the input says. Files are what they are for as long as the world lasts; what the
 * agent does is read from the input as it happens. Only poll(2) takes time. */

#include "lib/base/macro.h"
#include "lib/base/name.h"
#include "lib/wire/codec.h"
#include "tests/fuzz/fuzz.h"

#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <sys/types.h>

/* ---- files ---- */

typedef enum FileKind {
        FILE_ABSENT,
        FILE_LAWFUL,
        FILE_RAW, /* what the input says */
        FILE_OTHERS,
        FILE_WRITABLE,
        FILE_DIRECTORY,
        FILE_SYMLINK,
        FILE_REFUSED,
        FILE_NO_FD,
        FILE_BROKEN, /* read(2) fails */
        FILE_KIND_N,
} FileKind;

typedef enum FileName {
        FILE_GATES_RUN,
        FILE_GATES_STATE,
        FILE_EXEMPT,
        FILE_EXEMPT_CONF, /* in exempt.d */
        FILE_EXEMPT_DIR,
        FILE_MEMBERS, /* takes nothing from the input: as good or bad as FILE_EXEMPT */
        FILE_N,
} FileName;

typedef struct WorldFile {
        FileKind kind;
        char *text;
        size_t size;
} WorldFile;

/* ---- people ---- */

typedef struct Person {
        const char *asked, *name; /* what passwd calls whom it was asked for */
        uid_t uid;
        int error; /* of getpwnam_r(3) */
        bool in_ops, has_many_groups;
} Person;

#define PEOPLE_N 10
extern const Person people[PEOPLE_N];

/* By name, or by uid where name is NULL; NULL where passwd knows nobody. */
const Person *person_find(const char *name, uid_t uid);

/* ---- the world ---- */

#define WORLD_DATA_MAX 4

typedef struct World {
        Input in; /* what has not happened yet */
        WorldFile files[FILE_N];

        uid_t uid, euid;
        const char *service, *user; /* items */
        char *label;                /* RUSER, RHOST, TTY and SSH_AUTH_INFO_0 */
        void *data;                 /* of pam_set_data */
        void (*data_done)(pam_handle_t *pamh, void *data, int status);
        bool data_fails;

        uint64_t clock_usec;
        unsigned n_open, n_polls, n_waits, n_prompts, n_connects;

        /* The exchange that is going on, and what came of those before, since the call began. */
        WireRequest request;
        uint8_t message[WIRE_MSG_MAX];
        bool asked;
        char allowed[2][LABEL_SIZE_MAX + 1];
        unsigned n_allowed, n_asked;
} World;

extern World world;

/* Read the files from the input. */
void world_init(const uint8_t *data, size_t size);
void world_done(void);
bool world_allowed(const char *name);
