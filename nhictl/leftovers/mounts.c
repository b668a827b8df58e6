/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is mounted where, as the kernel has it, so that no file system is touched whose server may
 * never answer: one of the network, of a program (FUSE), or one that is mounted by touching it. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/sort.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>

typedef struct Mount {
        char *path;
        size_t at; /* of several on one path the last one is on top */
        bool is_foreign;
} Mount;

struct Mounts {
        Mount *items;
        size_t n;
};

/* What the kernel keeps without a device, and answers for by itself. */
static bool is_of_kernel(const char *type)
{
        static const char *const types[] = { "btrfs", "devtmpfs", "mqueue", "overlay",
                                             "ramfs", "tmpfs",    "zfs" };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(types[i], type))
                        return true;
        return false;
}

static bool is_foreign_type(unsigned major, const char *type)
{
        if (strncmp(type, "fuse", strlen("fuse")) == 0)
                return true;
        return major == 0 && !is_of_kernel(type);
}

static bool is_octal(const char *p)
{
        for (size_t i = 0; i < 3; i++)
                if (p[i] < '0' || p[i] > '7')
                        return false;
        return true;
}

/* "\040" and the like, in place. */
static void path_unescape(char *path)
{
        char *to = path;

        while (*path) {
                if (*path == '\\' && is_octal(path + 1)) {
                        *to++ = (char)((path[1] - '0') * 64 + (path[2] - '0') * 8 + path[3] - '0');
                        path += 4;
                } else {
                        *to++ = *path++;
                }
        }
        *to = '\0';
}

/* A line of proc_pid_mountinfo(5), cut at its blanks: false for one that is none. */
static bool line_parse(char *line, Mount *ret)
{
        char *type = strstr(line, " - "), *save = NULL, *fields[5] = {};
        unsigned major = 0;

        if (!type)
                return false;
        *type = '\0';
        type += strlen(" - ");
        type[strcspn(type, " ")] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                fields[i] = strtok_r(i == 0 ? line : NULL, " ", &save);
                if (!fields[i])
                        return false;
        }
        if (sscanf(fields[2], "%u:", &major) != 1)
                return false;
        path_unescape(fields[4]);
        *ret = (Mount){ .path = fields[4], .is_foreign = is_foreign_type(major, type) };
        return true;
}

static int compare(const void *a, const void *b)
{
        const Mount *x = a, *y = b;
        const int order = strcmp(x->path, y->path);

        if (order != 0)
                return order;
        return x->at < y->at ? -1 : x->at > y->at;
}

static bool mount_add(Mounts *m, const Mount *mount)
{
        Mount *items = reallocarray(m->items, m->n + 1, sizeof(*items));

        if (items)
                m->items = items;
        if (!items || !(items[m->n].path = strdup(mount->path)))
                return false;
        items[m->n].is_foreign = mount->is_foreign;
        items[m->n].at = m->n;
        m->n++;
        return true;
}

static void mounts_free(Mounts *m)
{
        for (size_t i = 0; m && i < m->n; i++)
                free(m->items[i].path);
        if (m)
                free(m->items);
        free(m);
}

static Mounts *mounts_read(int fd)
{
        Mounts *m = calloc(1, sizeof(*m));
        const int own = m ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
        FILE *f = own >= 0 ? fdopen(own, "re") : NULL;
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        bool ok = f != NULL;

        if (f)
                rewind(f);
        else if (own >= 0)
                (void)close(own);
        while (ok && getline(&line, &size, f) > 0) {
                Mount mount;

                line[strcspn(line, "\n")] = '\0';
                ok = !line_parse(line, &mount) || mount_add(m, &mount);
        }
        ok = ok && !ferror(f);
        if (f)
                (void)fclose(f);
        if (!ok) {
                mounts_free(m);
                return NULL;
        }
        sort_items(m->items, m->n, compare);
        return m;
}

void mounts_open(Scan *s)
{
        s->mounts_fd = openat(s->root_fd, "proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
        if (s->mounts_fd < 0) /* nothing can be known, as in a root without /proc */
                return;
        s->mounts = mounts_read(s->mounts_fd);
        s->is_failed |= !s->mounts;
}

void mounts_close(Scan *s)
{
        mounts_free(s->mounts);
        s->mounts = NULL;
        closep(&s->mounts_fd);
}

void mounts_refresh(Scan *s)
{
        struct pollfd p = { .fd = s->mounts_fd, .events = POLLPRI };
        Mounts *m;

        if (!s->mounts || poll(&p, 1, 0) <= 0)
                return;
        m = mounts_read(s->mounts_fd);
        if (!m)
                return; /* what was there is known still */
        mounts_free(s->mounts);
        s->mounts = m;
}

bool mounts_has_foreign(const Scan *s, const char *path)
{
        const Mount wanted = { .path = (char *)path, .at = SIZE_MAX };
        size_t low = 0, high = s->mounts ? s->mounts->n : 0;

        while (low < high) { /* behind the last one of path */
                const size_t middle = low + (high - low) / 2;

                if (compare(&s->mounts->items[middle], &wanted) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low > 0 && streq(s->mounts->items[low - 1].path, path) &&
               s->mounts->items[low - 1].is_foreign;
}

int fd_path(int fd, char *ret, size_t size)
{
        char link[32];
        ssize_t n;

        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, ret, size);
        if (n < 0)
                return -errno;
        if ((size_t)n >= size)
                return -ENAMETOOLONG;
        ret[n == 1 ? 0 : n] = '\0'; /* "/" */
        return 0;
}
