/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The identity snapshot, /run/nhi/identities: an immutable file that nss_nhi maps. This header is
 * its specification. Integers are little endian in uint8_t arrays; there is no padding to speak of;
 * offsets count from the start of the file.
 *
 *   header | passwd table by name | passwd table by uid | group table by name | group table by gid
 *          | membership table by user name | records | strings
 *
 * Tables are open-addressing hash tables of u32 record offsets (0: empty), a power of two of slots,
 * at most half full, linear probing, hash FNV-1a 32 of the name's bytes or of the id's four bytes.
 *
 * - Readers accept any minor version and no other major.
 * - A file's size is a multiple of 8, filled up with zeros. checksum is FNV-1a 64, fed with 64-bit
 *   words instead of bytes (each process that maps the file pays for it), over the whole file with
 *   the checksum and superseded fields as zero.
 * - superseded is 0 when published. The agent sets it to 1 in the old file, through a shared
 *   mapping, before it renames the new one into place; a reader that sees it opens the path anew.
 *   Only its first byte is ever written or read, so that no torn value exists.
 * - Every record carries two deadlines, microseconds of CLOCK_REALTIME and of CLOCK_BOOTTIME; it is
 *   over when either clock has reached its deadline. The reader obeys by itself.
 * - A passwd record that is over (or was published with both deadlines 0: retired) answers by uid
 *   only, with shell SNAPSHOT_NOLOGIN, never by name. A group record likewise answers by gid only,
 *   with no members. A membership that is over is left out everywhere.
 * - A group record with SNAPSHOT_GROUP_LOCAL stands for a group that the host's own files define
 *   too: its members are merged by nsswitch ("group: files [SUCCESS=merge] nhi"); enumeration
 *   leaves it out, since the files list it already.
 * - No string is longer than SNAPSHOT_TEXT_MAX bytes without its NUL.
 * - uid 0, gid 0 and the name "root" are never answered, whatever the file says; nor are the ids
 *   65534, 65535 and 2^32-1. */

#include <stdint.h>

#define SNAPSHOT_MAGIC    "NHIIDENT"
#define SNAPSHOT_MAJOR    1u
#define SNAPSHOT_MINOR    0u
#define SNAPSHOT_SIZE_MAX (256u * 1024 * 1024)
#define SNAPSHOT_NOLOGIN  "/usr/sbin/nologin"
#define SNAPSHOT_FOREVER  INT64_MAX /* a deadline that never comes */
#define SNAPSHOT_TEXT_MAX 4095u

#define SNAPSHOT_GROUP_LOCAL 1u

typedef struct SnapshotTable {
        uint8_t offset_le[4];
        uint8_t n_slots_le[4];
} SnapshotTable;

typedef struct SnapshotHeader {
        uint8_t magic[8];
        uint8_t major_le[2];
        uint8_t minor_le[2];
        uint8_t superseded_le[4];
        uint8_t generation_le[8];
        uint8_t size_le[8];
        uint8_t checksum_le[8];
        uint8_t enumerate; /* 1: getpwent and getgrent list the active records */
        uint8_t reserved[7];
        SnapshotTable passwd_by_name, passwd_by_uid, group_by_name, group_by_gid, member_by_user;
} SnapshotHeader;

typedef struct SnapshotPasswd {
        uint8_t real_deadline_le[8];
        uint8_t boot_deadline_le[8];
        uint8_t uid_le[4];
        uint8_t gid_le[4];
        uint8_t name_le[4], gecos_le[4], home_le[4], shell_le[4]; /* offsets of NUL-ended strings */
} SnapshotPasswd;

/* Followed by n_members SnapshotMember: the group's members by name. */
typedef struct SnapshotGroup {
        uint8_t real_deadline_le[8];
        uint8_t boot_deadline_le[8];
        uint8_t gid_le[4];
        uint8_t name_le[4];
        uint8_t n_members_le[4];
        uint8_t flags_le[4]; /* SNAPSHOT_GROUP_* */
} SnapshotGroup;

typedef struct SnapshotMember {
        uint8_t real_deadline_le[8];
        uint8_t boot_deadline_le[8];
        uint8_t name_le[4]; /* in a group: the user's name; in a user record: 0 */
        uint8_t gid_le[4];  /* in a user record: the group's gid; in a group: 0 */
} SnapshotMember;

/* The memberships of one user, followed by n_groups SnapshotMember. */
typedef struct SnapshotUser {
        uint8_t name_le[4];
        uint8_t n_groups_le[4];
} SnapshotUser;
