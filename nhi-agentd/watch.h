/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Local files that matter to what may be granted: passwd, group, subuid, subgid (read anew, and the
 * sets in force are verified against them again) and sudo.conf (is sudo_nhi configured?). */

#include "nhi-agentd/agent.h"

#include "lib/base/path.h"

#define WATCH_ETC_DIR PATH_ROOT "/etc"

int watch_new(Agent *a, Watch **ret);
Watch *watch_free(Watch *w);
/* True where the text of a sudo.conf has sudo_nhi's plugin line. */
bool sudo_conf_has_plugin(const char *text);
/* Read /etc/sudo.conf into a->sudo_plugin; what is absent or not trusted has no plugin. */
void watch_read_sudo_conf(Agent *a);
