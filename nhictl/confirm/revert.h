/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Undoing an enforcement that nobody confirmed. Its promises:
 *
 *  R1 The modules MUST obey the modes from before at once, whatever became of the agent and the
 * bus. R2 What outlives a restart of agent or host MUST be the modes from before. R3 The record
 * MUST stay until R1 and R2 hold: a revert that was broken off is done again. R4 Accounts that a
 * grant set defined MUST stay enforced. */

#include "nhictl/confirm/pending.h"

/* A VerbStatus; what went wrong, and what to do, is said. */
int pending_revert(const Pending *p);
/* Only what stood in the files: for an enforcement that the agent never saw. A negative errno. */
int pending_revert_files(const Pending *p);
