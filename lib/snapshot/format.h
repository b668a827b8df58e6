/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The identity snapshot, /run/nhi/identities: an immutable file that nss_nhi maps. This header is
 * its specification. Integers are little endian in uint8_t arrays; there is no padding to speak of;
 * offsets count from the start of the file, those of texts from the start of their record.
 *
 *   header | passwd table by name | passwd table by uid | group table by name | group table by gid
 *          | membership table by user name | records
 *
 * Tables are open-addressing hash tables of SnapshotSlot, a power of two of slots and at least two,
 * at most three quarters full, linear probing, hash FNV-1a 32 of the name's bytes or of the id's
 * four bytes. A slot's low 25 bits are a record's offset divided by 8 (0: empty), its high 7 bits
 * the hash's: a search follows hardly an offset but the one it is after, and the tables stay in the
 * processor's cache.
 *
 * - Readers accept any minor version and no other major. What stands before generation never moves:
 *   a publisher of any version marks a file of any other.
 * - A file's size, every table's and every record's offset and size are multiples of 8, filled up
 *   with zeros.
 * - Each process that maps the file pays for what it verifies, so the file has no checksum of the
 *   whole: the header has one (verified on opening), each record has one (verified whenever it is
 *   read), and a slot is proven by the record it leads to. Damage hides a record and changes none.
 *   Checksums are FNV-1a 64, fed with 64-bit words instead of bytes: over the header with the
 *   checksum and superseded fields as zero; over a record without its checksum field.
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
 * - A record's texts lie in it, behind its members. None is longer than SNAPSHOT_TEXT_MAX bytes
 *   without its NUL.
 * - uid 0, gid 0 and the name "root" are never answered, whatever the file says; nor are the ids
 *   65534, 65535 and 2^32-1. */

#include <stdint.h>

#define SNAPSHOT_MAGIC    "NHIIDENT"
#define SNAPSHOT_MAJOR    2u
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

typedef struct SnapshotSlot {
        uint8_t tag_and_offset_le[4];
} SnapshotSlot;

#define SNAPSHOT_SLOT_OFFSET_BITS 25 /* SNAPSHOT_SIZE_MAX / 8 is two to this power */

/* How every record begins. */
typedef struct SnapshotRecord {
        uint8_t checksum_le[8]; /* over what follows, size - 8 bytes */
        uint8_t size_le[4];     /* of the whole record, members and texts too */
} SnapshotRecord;

typedef struct SnapshotPasswd {
        SnapshotRecord record;
        uint8_t uid_le[4];
        uint8_t gid_le[4];
        uint8_t reserved[4];
        uint8_t real_deadline_le[8];
        uint8_t boot_deadline_le[8];
        uint8_t name_le[2], gecos_le[2], home_le[2], shell_le[2]; /* NUL-ended texts */
} SnapshotPasswd;

/* Followed by n_members SnapshotMember: the group's members by name. */
typedef struct SnapshotGroup {
        SnapshotRecord record;
        uint8_t gid_le[4];
        uint8_t real_deadline_le[8];
        uint8_t boot_deadline_le[8];
        uint8_t name_le[4];
        uint8_t n_members_le[4];
        uint8_t flags_le[4]; /* SNAPSHOT_GROUP_* */
        uint8_t reserved[4];
} SnapshotGroup;

typedef struct SnapshotMember {
        uint8_t real_deadline_le[8];
        uint8_t boot_deadline_le[8];
        uint8_t name_le[4]; /* in a group: the user's name; in a user record: 0 */
        uint8_t gid_le[4];  /* in a user record: the group's gid; in a group: 0 */
} SnapshotMember;

/* The memberships of one user, followed by n_groups SnapshotMember. */
typedef struct SnapshotUser {
        SnapshotRecord record;
        uint8_t name_le[4];
        uint8_t n_groups_le[4];
        uint8_t reserved[4];
} SnapshotUser;
