/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Building the bytes of an identity snapshot (the agent, tests). Pure but for malloc. */

#include "lib/snapshot/format.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct SnapshotBuildUser {
        const char *name, *gecos, *home, *shell;
        uid_t uid;
        gid_t gid;
        int64_t real_deadline, boot_deadline; /* both 0: retired */
} SnapshotBuildUser;

typedef struct SnapshotBuildGroup {
        const char *name;
        gid_t gid;
        int64_t real_deadline, boot_deadline; /* both 0: retired. SNAPSHOT_FOREVER: a local group */
        bool local; /* exists in /etc/group too: memberships only, no lookup by name or gid of ours
                       unless it is merged (see nss_nhi): still stored, so that getgrnam merges */
} SnapshotBuildGroup;

typedef struct SnapshotBuildMembership {
        const char *user; /* a local or directory account, or one of ours */
        size_t group;     /* index into groups */
        int64_t real_deadline, boot_deadline;
} SnapshotBuildMembership;

typedef struct SnapshotBuild {
        uint64_t generation;
        bool enumerate;
        const SnapshotBuildUser *users;
        size_t n_users;
        const SnapshotBuildGroup *groups;
        size_t n_groups;
        const SnapshotBuildMembership *memberships;
        size_t n_memberships;
} SnapshotBuild;

/* What may be published: not the ids 0, 65534, 65535 and 2^32-1, not the name root, no insane
 * string.
 */
bool snapshot_user_is_publishable(const SnapshotBuildUser *u);
bool snapshot_group_is_publishable(const SnapshotBuildGroup *g);

/* 0 and a malloc'ed image; -EINVAL for what must not be published and for a group index out of
 * range; -E2BIG; -ENOMEM.
 *
 * Of two active users or groups of one name, or of two of one id (groups of /etc/group may share a
 * gid), the first answers for it. Several memberships of one user in one group become the one that
 * ends last; none outlives its group. */
int snapshot_build(const SnapshotBuild *b, uint8_t **ret, size_t *ret_size);

/* Publish bytes at path, mode 0644: write and reserve a temporary file beside it, set `superseded`
 * in the file that is there now, rename, in this order. Not durable (/run). One publisher at a time
 * (the agent). 0 or a negative errno, with the old file still in place and nothing left behind. */
int snapshot_publish(const char *path, const uint8_t *data, size_t size);
/* The same in two steps: what takes long, which changes nothing for any reader, and what does. */
int snapshot_stage(const char *path, const uint8_t *data, size_t size);
int snapshot_commit(const char *path);
