/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The ssh keys of grants in force, as lines of authorized_keys(5). */

#include "nhi-agentd/agent.h"

#define AUTHKEYS_MAX       256u
#define AUTHKEYS_LINE_SIZE 4096u

/* The lines for account (at most n, malloc'ed each), latest end first wins where two grants carry
 * one key. The number stored. */
size_t authkeys_lines(Agent *a, const char *account, char **ret, size_t n);
