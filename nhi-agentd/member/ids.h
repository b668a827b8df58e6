/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What /proc says of the groups that a process carries; about a number, as process.h has it. */

#include "lib/base/macro.h"

#include <sys/types.h>

typedef struct ProcessIds {
        uid_t uid[4]; /* real, effective, saved, of the filesystem */
        gid_t gid[4];
        const char *groups; /* the supplementary ones, as text */
} ProcessIds;

/* Room for the text of /proc/PID/status; grows to what a process with 65536 groups needs. */
typedef struct ProcessText {
        char *text;
        size_t size, capacity;
} ProcessText;
void process_text_done(ProcessText *t);

/* From the text of a status file, which ret points into: 0 or -EBADMSG. */
int process_ids_parse(const char *text, ProcessIds *ret);
/* The same of a process: 0; -ESRCH where it is gone; or a negative errno. */
int process_ids_read(pid_t pid, ProcessText *t, ProcessIds *ret);

typedef enum Carries {
        CARRIES_NOT = 0,
        /* Only as effective, saved or filesystem gid: who gives up the supplementary ones needs a
         * privilege, so that it comes from a program with the setgid bit; but see
         * process_shares_namespace(): in a user namespace of one's own one has that privilege. */
        CARRIES_BY_PROGRAM,
        CARRIES,
} Carries;
Carries process_carries(const ProcessIds *ids, gid_t gid);

/* The effective one, which costs nothing: its status takes milliseconds where it is in 65536
 * groups. 0 or -ESRCH. */
int process_effective_uid(pid_t pid, uid_t *ret);

bool process_has_uid(const ProcessIds *ids, uid_t uid); /* any of the four */

/* name is that of a file in /proc/PID/ns. False also where that cannot be read. */
bool process_shares_namespace(pid_t pid, const char *name);

/* Who made its user namespace, and those around that up to ours: n of them, none where it is in
 * ours. A negative errno where that cannot be read. */
#define NAMESPACE_OWNERS_MAX 33 /* as deep as the kernel nests them */
int process_namespace_owners(pid_t pid, uid_t ret[static NAMESPACE_OWNERS_MAX]);
/* Is uid one of them? */
bool process_is_in_namespace_of(pid_t pid, uid_t uid);
