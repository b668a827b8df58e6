/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Doing something to this host's files that nobody else sees: a child with mounts of its own, in
 * which folders are copies. */

#include "nhictl/verb.h"

/* Run inside(data) in such a child; these folders (NULL ends them; one that is not there is left
 * out) and all that is in them are copies there. Its result, 0
 * to 255; VERB_FAILED, said, where that cannot be done here. */
int rehearse(const char *const *folders, int (*inside)(void *data), void *data);
