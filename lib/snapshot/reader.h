/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading the identity snapshot. libc only, no allocation, no constructor, no fd kept. Every offset
 * is checked before it is followed: a damaged file gives SNAPSHOT_E_CORRUPT, a damaged record "not
 * there", never a bad access and never an answer that was not published. */

#include "lib/snapshot/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SNAPSHOT_E_ABSENT  1
#define SNAPSHOT_E_CORRUPT 2 /* or of another major version, or of a wrong owner or mode */

typedef struct Snapshot {
        const uint8_t *map;
        size_t size;
        bool mapped; /* ours to unmap */
} Snapshot;

/* Both clocks, microseconds. */
typedef struct SnapshotNow {
        int64_t real_usec, boot_usec;
} SnapshotNow;

/* Views into the mapping, valid until snapshot_close(). Sizes count the NUL. */
typedef struct SnapshotUserView {
        const char *name, *gecos, *home, *shell;
        size_t name_size, gecos_size, home_size, shell_size;
        uid_t uid;
        gid_t gid;
} SnapshotUserView;

typedef struct SnapshotGroupView {
        const char *name;
        gid_t gid;
        const SnapshotGroup *record;
        size_t n_members; /* walk with snapshot_member() */
} SnapshotGroupView;

typedef struct SnapshotMembershipsView {
        const SnapshotMember *members;
        size_t n; /* walk with snapshot_membership() */
} SnapshotMembershipsView;

/* A search that has begun: its record comes from memory while the caller reads the clocks. Valid as
 * long as the snapshot, and as the name that is searched. */
typedef struct SnapshotSearch {
        const Snapshot *snapshot;
        const char *name; /* NULL: by id */
        uint32_t id, hash;
        const SnapshotSlot *slots;
        uint32_t mask, at, left;
} SnapshotSearch;

/* Open, map read-only, check the header, close the fd. Embedded object. 0; SNAPSHOT_E_*;
 * or a negative errno. */
int snapshot_open(const char *path, uid_t owner, Snapshot *ret);
/* The same over bytes in memory (tests, fuzzing, the builder's own check); close is then a no-op.
 */
int snapshot_over(const uint8_t *data, size_t size, Snapshot *ret);
void snapshot_close(Snapshot *s);

/* True once the agent has published a newer file. */
bool snapshot_is_superseded(const Snapshot *s);
bool snapshot_enumerates(const Snapshot *s);

void snapshot_search_user(const Snapshot *s, const char *name, SnapshotSearch *ret);
void snapshot_search_uid(const Snapshot *s, uid_t uid, SnapshotSearch *ret);
void snapshot_search_memberships(const Snapshot *s, const char *user, SnapshotSearch *ret);
/* Its end, once each: as the functions below that begin and end one. */
bool snapshot_found_user(SnapshotSearch *search, SnapshotNow now, SnapshotUserView *ret);
bool snapshot_found_memberships(SnapshotSearch *search, SnapshotMembershipsView *ret);

/* true and *ret where there is such a record now. */
bool snapshot_user_by_name(const Snapshot *s, const char *name, SnapshotNow now,
                           SnapshotUserView *ret);
bool snapshot_user_by_uid(const Snapshot *s, uid_t uid, SnapshotNow now, SnapshotUserView *ret);
bool snapshot_group_by_name(const Snapshot *s, const char *name, SnapshotNow now,
                            SnapshotGroupView *ret);
bool snapshot_group_by_gid(const Snapshot *s, gid_t gid, SnapshotNow now, SnapshotGroupView *ret);
/* The i-th member of a group if its membership is not over, else NULL. */
const char *snapshot_member(const SnapshotGroupView *g, size_t i, SnapshotNow now);
/* The supplementary groups of a user, whatever their deadlines say; and the gid of the i-th if its
 * membership is not over. */
bool snapshot_memberships_of(const Snapshot *s, const char *user, SnapshotMembershipsView *ret);
bool snapshot_membership(const SnapshotMembershipsView *v, size_t i, SnapshotNow now, gid_t *ret);
/* The supplementary gids of a user, active ones only: the number there are; at most n are stored.
 */
size_t snapshot_groups_of(const Snapshot *s, const char *user, SnapshotNow now, gid_t *ret,
                          size_t n);
/* Enumeration over active records: *cursor starts at 0. Groups of the host's own files are left
 * out. Whether to enumerate at all is the caller's question: snapshot_enumerates(). */
bool snapshot_next_user(const Snapshot *s, size_t *cursor, SnapshotNow now, SnapshotUserView *ret);
bool snapshot_next_group(const Snapshot *s, size_t *cursor, SnapshotNow now,
                         SnapshotGroupView *ret);
