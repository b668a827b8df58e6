/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sessions under grants, as the agent's verb "sessions" lists them. */

#include "nhictl/output.h"

#include <stdint.h>

/* A table of sessions on stdout, each with the time that is left. A VerbStatus. */
int sessions_print(const Output *o, const json_t *sessions, int64_t now_sec);
