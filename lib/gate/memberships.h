/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file of memberships that grants gave: format.h specifies it. */

#include "lib/gate/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MEMBERS_KID_SIZE 44 /* with NUL */

/* One membership as one grant gave it. Texts are borrowed. */
typedef struct Membership {
        const char *name, *group, *jti, *issuer;
        uid_t uid;
        gid_t gid;
        int64_t since_usec;             /* CLOCK_BOOTTIME: first given */
        int64_t end_sec, boot_end_usec; /* of the grant, on both clocks */
        int64_t nbf_sec;                /* of the grant; 0: not known */
        char kid[MEMBERS_KID_SIZE];     /* of the newest set that had the grant; "": not known */
} Membership;

/* Called for each line; a negative errno ends the reading and is its result. The texts live for the
 * call. */
typedef int (*MembershipsTake)(void *userdata, const Membership *m);

/* The text of a file of size bytes, with a NUL behind, which is written into: 0; -EBADMSG where it
 * is damaged, lines before the damage have been handed out by then; or what take() said. boot,
 * where not NULL, receives the boot id. */
#define MEMBERS_BOOT_SIZE 40 /* with NUL */
int memberships_parse(char *text, size_t size, char boot[static MEMBERS_BOOT_SIZE],
                      MembershipsTake take, void *userdata);
/* The same from a file of owner's that nobody else can write: also -ENOENT, or what
 * file_read_trusted() says. */
int memberships_read(const char *path, uid_t owner, char boot[static MEMBERS_BOOT_SIZE],
                     MembershipsTake take, void *userdata);

/* The text of a file; items[i] is lines[i]. 0 and an owned *ret; -EINVAL for what cannot stand in
 * one; -E2BIG for more than MEMBERS_LINES_MAX; -ENOMEM. */
int memberships_format(const Membership *const *lines, size_t n, const char *boot, char **ret,
                       size_t *ret_size);

/* The groups that the file says name is in at now_sec, each with its latest end: so many, at most
 * n, are stored, sorted by nothing. 0 where the file is not there or not to be believed. */
typedef struct MemberShown {
        char group[64];
        int64_t end_sec;
} MemberShown;
size_t memberships_shown(const char *path, uid_t owner, const char *name, int64_t now_sec,
                         MemberShown *ret, size_t n);
