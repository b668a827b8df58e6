/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Texts of agentd.conf in which "{host}" stands for this host's name. */

#include <stdbool.h>

/* in_url: what the name holds beside letters, digits and "-._~" is percent-encoded (RFC 3986
 * section 2.3). 0 and a malloc'ed *ret, or -ENOMEM. */
int template_expand(const char *text, const char *host, bool in_url, char **ret);
