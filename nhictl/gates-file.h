/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The gates as the modules read them (lib/gate/format.h), for when no agent answers. */

#include <jansson.h>

/* [{name, mode, services, accounts}] as in the agent's status; NULL where no usable file is there.
 */
json_t *gates_published(void);
/* The names of the accounts that a grant set has ever defined here: gated and enforced, whatever
 * the gates say. NULL as above. */
json_t *accounts_published(void);
