/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the core asks of this host: the gates as the modules read them, and names. Answers are kept:
 * the files are read once for each account and class. */

#include "nhictl/prove/prove.h"

typedef struct HostMemory HostMemory;

/* 0 or -ENOMEM; host_memory_free(). */
int host_memory_new(HostMemory **ret);
HostMemory *host_memory_free(HostMemory *m);
ProveHost host_memory_host(HostMemory *m);
