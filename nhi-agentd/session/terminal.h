/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A line of text to the terminals of processes.
 *
 *  T1 Only a character device that is the very terminal of a process and belongs to owner MUST be
 *     written to: never root's, never another's, never what a link leads to.
 *  T2 It MUST NOT wait: what a stopped terminal does not take is lost. */

#include "lib/base/macro.h"

#include <sys/types.h>

/* More than these are not looked at: a session's terminal is that of its first processes. */
#define TERMINAL_PIDS_MAX 64u
#define TERMINALS_MAX     16u

/* Write text once to each terminal that is the controlling one of one of pids and belongs to owner.
 * The number of terminals that took it. text is a whole line with its own line ends; it stands in
 * the middle of whatever is shown, so it begins with one. Terminals with use_pty between (sudo) are
 * the run-as account's and are left alone: sudo itself still bears the person's own. */
size_t terminal_tell(const pid_t *pids, size_t n, uid_t owner, const char *text);
