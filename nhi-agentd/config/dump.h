/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "nhi-agentd/config/config.h"

#include <stdio.h>

/* Print agentd.conf: c's values, or the defaults with examples where c is NULL (the shipped file).
 * What is printed can be loaded again. */
void config_dump(const Config *c, FILE *out);
