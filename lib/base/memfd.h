/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bytes that can be handed to another process and can never change again. */

#include <stddef.h>

/* A memfd with this content, CLOEXEC, sealed with F_SEAL_SHRINK|GROW|WRITE|SEAL. name is for
 * /proc/PID/fd only. 0 and an owned *ret_fd, or a negative errno. */
int memfd_sealed(const char *name, const void *data, size_t size, int *ret_fd);
