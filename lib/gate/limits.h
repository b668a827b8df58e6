/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* May an answer of NSS be missing something because of limits that a local user chose? */

#include <stdbool.h>

/* True where whoever started this process had fewer rights than it has, and its limits are so tight
 * that a service of nsswitch.conf(5) may have failed to load, or to answer, and may have been
 * passed over: then what was not found may be there. libc remembers a failed load for the life of
 * the process, so asking again, or lifting the limits first, heals nothing. */
bool limits_may_hide_names(void);
