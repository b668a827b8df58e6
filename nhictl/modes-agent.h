/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The agent's modes of gates: its status says which are in force. */

#include <jansson.h>
#include <stdbool.h>

/* The gate of this name in a status' "gates"; NULL where there is none. */
const json_t *gate_find(const json_t *gates, const char *name);
/* True where this gate is there and in this mode. */
bool gate_has_mode(const json_t *gates, const char *name, const char *mode);

/* Are the gates as they shall be? */
typedef bool (*ModesTest)(const json_t *gates, const void *userdata);

/* Have the agent read its configuration and wait until the gates pass the test. A VerbStatus; what
 * went wrong is said. */
int modes_put_in_force(ModesTest test, const void *userdata);
