/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What glibc calls: "Adding another Service to NSS" in the GNU C Library manual. Every entry point
 * answers from the snapshot alone. Common to all:
 *
 *  N1 errno (and *errnop) MUST be what it was on SUCCESS and NOTFOUND.
 *  N2 A buffer that is too small MUST give TRYAGAIN with ERANGE and change nothing else.
 *  N3 uid 0, gid 0 and root MUST never be answered.
 *  N4 No call MUST ever wait: not for a lock, not for a socket.
 *  N5 No call MUST leave a descriptor behind.
 *
 * A snapshot that is missing, damaged, of another major version or not root's own: UNAVAIL with
 * ENOENT, so that tools say "no such user". */

#include <errno.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>

#define NSS_EXPORT __attribute__((visibility("default"))) enum nss_status

NSS_EXPORT _nss_nhi_getpwnam_r(const char *name, struct passwd *result, char *buffer, size_t size,
                               int *errnop);
NSS_EXPORT _nss_nhi_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t size,
                               int *errnop);
NSS_EXPORT _nss_nhi_setpwent(int stay_open);
NSS_EXPORT _nss_nhi_getpwent_r(struct passwd *result, char *buffer, size_t size, int *errnop);
NSS_EXPORT _nss_nhi_endpwent(void);

NSS_EXPORT _nss_nhi_getgrnam_r(const char *name, struct group *result, char *buffer, size_t size,
                               int *errnop);
NSS_EXPORT _nss_nhi_getgrgid_r(gid_t gid, struct group *result, char *buffer, size_t size,
                               int *errnop);
NSS_EXPORT _nss_nhi_setgrent(int stay_open);
NSS_EXPORT _nss_nhi_getgrent_r(struct group *result, char *buffer, size_t size, int *errnop);
NSS_EXPORT _nss_nhi_endgrent(void);
/* limit: at most so many groups in all, 0 or less: no limit. What does not fit is left out. */
NSS_EXPORT _nss_nhi_initgroups_dyn(const char *user, gid_t skip, long *start, long *size,
                                   gid_t **groups, long limit, int *errnop);
