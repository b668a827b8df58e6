/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The local files: /etc/passwd, /etc/group, /etc/subuid, /etc/subgid, read by ourselves: the agent
 * makes no NSS call while serving (no recursion, no boot deadlock). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct LocalDb LocalDb;

/* dir is "/etc" but in tests. A missing subuid or subgid is empty; a missing passwd or group is an
 * error. */
int localdb_load(const char *dir, LocalDb **ret);
/* Nothing local at all: for who judges a set on behalf of another host. */
int localdb_empty(LocalDb **ret);
LocalDb *localdb_free(LocalDb *db);

bool localdb_user(const LocalDb *db, const char *name, uint32_t *ret_uid, uint32_t *ret_gid);
const char *localdb_user_name(const LocalDb *db, uint32_t uid); /* NULL where none */
bool localdb_group(const LocalDb *db, const char *name, uint32_t *ret_gid);
const char *localdb_group_name(const LocalDb *db, uint32_t gid);
/* True where user is a local member of the group (listed, or its primary group). */
bool localdb_is_member(const LocalDb *db, const char *user, const char *group);
/* True where /etc/subuid or /etc/subgid hands the id out. */
bool localdb_id_is_subordinate(const LocalDb *db, uint32_t id);
