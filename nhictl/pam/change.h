/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the pam verbs share: who may run them, one at a time, and the state before. */

#include "nhictl/pam/tool.h"
#include "nhictl/pam/tree.h"

#define PAM_BACKUP_DIR PATH_STATE_DIR "/pam-backup"

/* Root's only. Said where it is not root. */
VerbStatus pam_check_root(const char *verb);

/* pam_check_root() and the tool that does it; what is wrong is said. */
VerbStatus pam_begin(const char *verb, const PamTool **ret);

/* No two changes at a time: VERB_FAILED, said, where another one was at it for all of 5 s. Else
 * *ret is a descriptor to keep open, or the negative errno for which there is no lock. */
VerbStatus pam_lock(int *ret);

/* tree_load() of what the tool changes, errors said. */
VerbStatus pam_tree(const PamTool *tool, Tree *ret);
/* Is it one of the tool's notes in /var? */
bool pam_is_note(const TreeFile *f);
/* Do PAM's own files differ? Notes don't count. */
bool pam_trees_differ(const Tree *before, const Tree *after);

/* Copies of the tool's folders in PAM_BACKUP_DIR, below their whole paths, in place of those of the
 * last time; said where that fails. */
VerbStatus pam_backup(const PamTool *tool);
void pam_backup_drop(void);
