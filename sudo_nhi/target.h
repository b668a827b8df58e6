/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names for the ids with which a command will run. */

#include "lib/base/name.h"

#include <sys/types.h>

#define TARGET_NAME_SIZE (LABEL_SIZE_MAX + 1)

/* claimed where it is a name of that uid, else the uid's own name, else "#UID". ret_gid is the
 * account's primary group, (gid_t)-1 where there is no account. */
void target_user_name(const char *claimed, uid_t uid, char ret[static TARGET_NAME_SIZE],
                      gid_t *ret_gid);
/* Likewise for a group. */
void target_group_name(const char *claimed, gid_t gid, char ret[static TARGET_NAME_SIZE]);
