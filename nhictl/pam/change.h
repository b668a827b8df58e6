/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the pam verbs share: who may run them, one at a time, and the state before. */

#include "nhictl/pam/tool.h"
#include "nhictl/pam/tree.h"

#define PAM_BACKUP_DIR PATH_STATE_DIR "/pam-backup"

/* Root's only. Said where it is not root. */
VerbStatus pam_check_root(const char *verb);

/* No two changes at a time: a descriptor to keep open, or a negative errno (-EAGAIN: another one
 * was at it for all of 5 s). */
int pam_lock(void);

/* tree_load() of what the tool changes, errors said. */
VerbStatus pam_tree(const PamTool *tool, Tree *ret);
/* Do PAM's own files differ? The tool's notes in /var don't count. */
bool pam_trees_differ(const Tree *before, const Tree *after);

/* Copies of the tool's folders in PAM_BACKUP_DIR, below their whole paths, in place of those of the
 * last time; said where that fails. */
VerbStatus pam_backup(const PamTool *tool);
void pam_backup_drop(void);
