/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What tells this boot from every other (random(4), /proc/sys/kernel/random/boot_id). */

#include "lib/base/macro.h"

#define BOOT_ID_SIZE 37u /* a UUID and its '\0' */

/* 0 or a negative errno; -EIO for what is no UUID. */
int kernel_boot_id_read(char ret[static BOOT_ID_SIZE]);
