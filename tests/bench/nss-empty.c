/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The least an NSS module can do: it knows nobody. */

#include <grp.h>
#include <nss.h>
#include <pwd.h>

#define NSS_EXPORT __attribute__((visibility("default"))) enum nss_status

NSS_EXPORT _nss_nhiempty_getpwnam_r(const char *name, struct passwd *result, char *buffer,
                                    size_t size, int *errnop);
NSS_EXPORT _nss_nhiempty_getpwuid_r(uid_t uid, struct passwd *result, char *buffer, size_t size,
                                    int *errnop);
NSS_EXPORT _nss_nhiempty_initgroups_dyn(const char *user, gid_t skip, long *start, long *size,
                                        gid_t **groups, long limit, int *errnop);

enum nss_status _nss_nhiempty_getpwnam_r(const char *name, struct passwd *result, char *buffer,
                                         size_t size, int *errnop)
{
        return NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_nhiempty_getpwuid_r(uid_t uid, struct passwd *result, char *buffer,
                                         size_t size, int *errnop)
{
        return NSS_STATUS_NOTFOUND;
}

enum nss_status _nss_nhiempty_initgroups_dyn(const char *user, gid_t skip, long *start, long *size,
                                             gid_t **groups, long limit, int *errnop)
{
        return NSS_STATUS_NOTFOUND;
}
