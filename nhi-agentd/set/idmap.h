/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names and ids ever seen on this host: /var/lib/nhi/uids. A uid or gid, once seen with a name, is
 * never given to another; the first issuer that defined a name or id owns it. Text, one record a
 * line: `user NAME UID GID ISSUER` or `group NAME GID`, sorted, ended by `end N`. In memory here;
 * the agent saves it. */

#include "nhi-agentd/set/set.h"

int idmap_new(IdMap **ret);
int idmap_parse(const char *text, size_t size, IdMap **ret); /* -EBADMSG */
IdMap *idmap_free(IdMap *m);
int idmap_format(const IdMap *m, char **ret, size_t *ret_size);
int idmap_copy(const IdMap *m, IdMap **ret);

typedef struct IdMapUser {
        const char *name, *issuer;
        uint32_t uid, gid;
} IdMapUser;
size_t idmap_n_users(const IdMap *m);
IdMapUser idmap_user_at(const IdMap *m, size_t i);
bool idmap_user_by_name(const IdMap *m, const char *name, IdMapUser *ret);
bool idmap_user_by_uid(const IdMap *m, uint32_t uid, IdMapUser *ret);
size_t idmap_n_groups(const IdMap *m);
void idmap_group_at(const IdMap *m, size_t i, const char **ret_name, uint32_t *ret_gid);
bool idmap_group_by_name(const IdMap *m, const char *name, uint32_t *ret_gid);
/* Whose gid this is or was: an account's private group or a group; NULL where nobody's. */
const char *idmap_gid_owner(const IdMap *m, uint32_t gid);

/* Take in what an accepted set defines: its accounts, and a gid for every granted group that is
 * neither local nor known, allocated from ID_MAX downwards, clear of every id ever seen, local or
 * subordinate. *ret_changed: must be saved before the set is put in force. */
int idmap_learn(IdMap *m, const GrantSet *set, const LocalDb *local, bool *ret_changed);

/* Within the room: records as they stand, looked up after the next idmap_sort(). 0 or -ENOMEM. */
int idmap_add_user(IdMap *m, const IdMapUser *u);
int idmap_add_group(IdMap *m, const char *name, uint32_t gid);
void idmap_sort(IdMap *m);
