/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The gates as the modules read them (lib/gate/format.h), for when no agent answers. */

#include <jansson.h>

/* [{name, mode, services, accounts}] as in the agent's status; NULL where no usable file is there.
 */
json_t *gates_published(void);
