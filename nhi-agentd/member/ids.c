/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/member/ids.h"

#include "nhi-agentd/process.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define STATUS_SIZE_MIN 16384u
#define STATUS_SIZE_MAX (1024u * 1024)

void process_text_done(ProcessText *t)
{
        free(t->text);
        *t = (ProcessText){};
}

int process_ids_parse(const char *text, ProcessIds *ret)
{
        static const char name[] = "\nGroups:\t";
        const char *groups = strstr(text, name);
        ProcessIds ids = {};

        if (!process_status_ids(text, "\nUid:\t", ids.uid) ||
            !process_status_ids(text, "\nGid:\t", ids.gid) || !groups)
                return -EBADMSG;
        ids.groups = groups + sizeof(name) - 1;
        /* A line that is cut may hide any group. */
        if (!strchr(ids.groups, '\n'))
                return -EBADMSG;
        *ret = ids;
        return 0;
}

static int text_grow(ProcessText *t)
{
        const size_t capacity = t->capacity ? 2 * t->capacity : STATUS_SIZE_MIN;
        char *grown;

        if (capacity > STATUS_SIZE_MAX)
                return -E2BIG;
        grown = realloc(t->text, capacity);
        if (!grown)
                return -ENOMEM;
        t->text = grown;
        t->capacity = capacity;
        return 0;
}

static int text_read(int fd, ProcessText *t)
{
        for (t->size = 0;;) {
                ssize_t n;
                int r;

                if (t->size + 1 >= t->capacity) {
                        r = text_grow(t);
                        if (r < 0)
                                return r;
                }
                n = read(fd, t->text + t->size, t->capacity - t->size - 1);
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                t->size += (size_t)n;
        }
        t->text[t->size] = '\0';
        return 0;
}

int process_ids_read(pid_t pid, ProcessText *t, ProcessIds *ret)
{
        _cleanup_close_ int fd = -EBADF;
        char path[64];
        int r;

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        r = text_read(fd, t);
        return r < 0 ? r : process_ids_parse(t->text, ret);
}

static bool is_listed(const char *groups, gid_t gid)
{
        while (*groups && *groups != '\n') {
                char *end;
                const unsigned long v = strtoul(groups, &end, 10);

                if (end == groups)
                        return false;
                if (v == gid)
                        return true;
                groups = end + strspn(end, " ");
        }
        return false;
}

Carries process_carries(const ProcessIds *ids, gid_t gid)
{
        if (ids->gid[0] == gid || is_listed(ids->groups, gid))
                return CARRIES;
        for (size_t i = 1; i < ELEMENTSOF(ids->gid); i++)
                if (ids->gid[i] == gid)
                        return CARRIES_BY_PROGRAM;
        return CARRIES_NOT;
}

bool process_has_uid(const ProcessIds *ids, uid_t uid)
{
        for (size_t i = 0; i < ELEMENTSOF(ids->uid); i++)
                if (ids->uid[i] == uid)
                        return true;
        return false;
}

bool process_shares_namespace(pid_t pid, const char *name)
{
        char path[64], theirs[64], ours[64];
        ssize_t n, k;

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
        n = readlink(path, theirs, sizeof(theirs));
        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
        k = readlink(path, ours, sizeof(ours));
        return n > 0 && n == k && memcmp(ours, theirs, (size_t)n) == 0;
}

/* What stat(2) says of /proc/PID, and of no other file there, is not bent by what may be dumped. */
int process_effective_uid(pid_t pid, uid_t *ret)
{
        char path[64];
        struct stat st;

        (void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
        if (stat(path, &st) < 0)
                return -ESRCH;
        *ret = st.st_uid;
        return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int process_namespace_owners(pid_t pid, uid_t ret[static NAMESPACE_OWNERS_MAX])
{
        _cleanup_close_ int fd = -EBADF;
        struct stat ours, theirs;
        char path[64];
        int n = 0;

        (void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || stat("/proc/self/ns/user", &ours) < 0)
                return -errno;
        for (;;) {
                int around;

                if (fstat(fd, &theirs) < 0)
                        return -errno;
                if (is_same(&ours, &theirs) || n == NAMESPACE_OWNERS_MAX)
                        return n;
                if (ioctl(fd, NS_GET_OWNER_UID, &ret[n]) < 0)
                        return -errno;
                n++;
                around = ioctl(fd, NS_GET_PARENT);
                if (around < 0)
                        return errno == EPERM ? n : -errno; /* beside ours, or around it */
                (void)close(fd);
                fd = around;
        }
}

bool process_is_in_namespace_of(pid_t pid, uid_t uid)
{
        uid_t owners[NAMESPACE_OWNERS_MAX];
        const int n = process_namespace_owners(pid, owners);

        for (int i = 0; i < n; i++)
                if (owners[i] == uid)
                        return true;
        return false;
}
