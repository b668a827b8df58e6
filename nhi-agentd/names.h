/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A list of names that owns them: locked accounts and grants, grants that were given back. */

#include "nhi-agentd/core/grant.h"

/* Bound of each such list: beyond it the change is refused, never an older entry dropped. */
#define NAMES_MAX 65536u

bool names_has(const StrList *l, const char *name);
/* 0 and *ret_changed (false: it was there already); -ENOSPC at NAMES_MAX; -ENOMEM. */
int names_add(StrList *l, const char *name, bool *ret_changed);
/* True where it was there. */
bool names_remove(StrList *l, const char *name);
void names_done(StrList *l);
