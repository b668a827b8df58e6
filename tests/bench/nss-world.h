/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A private /etc and /run for bench-nss: this process and its children alone see them. The same
 * accounts are in the snapshot and, for glibc's own `files`, in a passwd and a group file. */

#include <stddef.h>
#include <sys/types.h>

#define WORLD_UID_MIN  70000u
#define WORLD_NAME_MAX 16

/* Enter the namespace; the program runs again with the modules' folder in LD_LIBRARY_PATH, which
 * glibc reads at its start only. Ends the program where that cannot be done. */
void world_enter(char **argv);

/* n accounts, each in one of the shared groups, published as the snapshot. Returns its size. */
size_t world_publish(size_t n);
/* The same accounts in /etc/passwd and /etc/group, behind the ordinary system's; n 0: only those.
 */
void world_files(size_t n);
/* What nsswitch.conf says for passwd, group and initgroups from now on, as on any host: glibc looks
 * whether the file has changed in every call. */
void world_services(const char *services);

/* Ends the program where glibc has not loaded this service's module: it knows nobody then, as the
 * empty one does. */
void world_expect_module(const char *service);

/* The i-th account's name, of random length and letters. */
void world_name(size_t i, char ret[static WORLD_NAME_MAX]);
