/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An NSS service as directories have them: large, and in need of descriptors while it answers, so
 * that there are limits which su(1) can live with and this cannot. It knows
 *
 *   latecomers  a group of its own, whose member is gary
 *   mixed       a group of files(5), of which hank is a member here only */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT     __attribute__((visibility("default")))
#define LATECOMERS 7070
#define MIXED      7071
#define N_FDS      4

EXPORT enum nss_status _nss_late_getgrnam_r(const char *name, struct group *ret, char *buffer,
                                            size_t size, int *ret_errno);
EXPORT enum nss_status _nss_late_initgroups_dyn(const char *user, gid_t primary, long *start,
                                                long *size, gid_t **groups, long limit,
                                                int *ret_errno);

/* No file is larger for it, the address space is. */
EXPORT char _nss_late_room[48 << 20];

static int has_descriptors(void)
{
        int fds[N_FDS], n = 0;

        while (n < N_FDS && (fds[n] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
                n++;
        for (int i = 0; i < n; i++)
                (void)close(fds[i]);
        return n == N_FDS;
}

enum nss_status _nss_late_getgrnam_r(const char *name, struct group *ret, char *buffer, size_t size,
                                     int *ret_errno)
{
        static char text[] = "latecomers", password[] = "x", member[] = "gary";
        static char *members[] = { member, NULL };

        *ret_errno = ENOENT;
        if (!has_descriptors())
                return NSS_STATUS_UNAVAIL;
        if (strcmp(name, text) != 0)
                return NSS_STATUS_NOTFOUND;
        *ret = (struct group){
                .gr_name = text, .gr_passwd = password, .gr_gid = LATECOMERS, .gr_mem = members
        };
        return NSS_STATUS_SUCCESS;
}

enum nss_status _nss_late_initgroups_dyn(const char *user, gid_t primary, long *start, long *size,
                                         gid_t **groups, long limit, int *ret_errno)
{
        gid_t gid = strcmp(user, "gary") == 0 ? LATECOMERS : strcmp(user, "hank") == 0 ? MIXED : 0;

        *ret_errno = ENOENT;
        if (!has_descriptors())
                return NSS_STATUS_UNAVAIL;
        if (gid == 0)
                return NSS_STATUS_NOTFOUND;
        if (*start == *size) {
                gid_t *grown = realloc(*groups, 2 * (size_t)*size * sizeof(gid_t));

                if (!grown)
                        return NSS_STATUS_TRYAGAIN;
                *groups = grown;
                *size *= 2;
        }
        (*groups)[(*start)++] = gid;
        return NSS_STATUS_SUCCESS;
}
