/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Directory trees within bounds: so many entries and so much time in all, on real file systems
 * only, and by descriptors, so that nobody moves us elsewhere. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/base/file.h"
#include "lib/base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

/* A tree that somebody filled takes so much of what is left of the bounds, and no more: the others
 * are looked at all the same. */
#define WALK_SHARE 4u
#define LINKS_MAX  8u

typedef struct Walk {
        Scan *scan;
        uint64_t entries_max, deadline_usec; /* its own */
        bool is_cut;
        void (*see)(Scan *s, const Entry *e, void *userdata);
        void *userdata;
        unsigned depth_max;
        char path[PATH_MAX];
        char real[2 * PATH_MAX]; /* the same, where it really is */
        size_t real_size;        /* of its base */
        size_t base_size;        /* of path's */
} Walk;

/* The one component of path that *at points to, and on to the next one: false behind the last. */
static bool next_component(const char **at, char ret[static NAME_MAX + 1])
{
        size_t size;

        *at += strspn(*at, "/");
        size = strcspn(*at, "/");
        if (size == 0 || size > NAME_MAX)
                return false;
        memcpy(ret, *at, size);
        ret[size] = '\0';
        *at += size;
        return true;
}

/* A link that only root can have put there: /home may be one. */
static bool is_roots_link(int dir_fd, const char *name)
{
        struct stat dir, link;

        return fstat(dir_fd, &dir) == 0 && fstatat(dir_fd, name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISLNK(link.st_mode) && dir.st_uid == owner_trusted() && !(dir.st_mode & 022);
}

static int open_path(const Scan *s, int dir_fd, const char *path, unsigned links);

/* Where a link leads, by the same steps. */
static int open_link(const Scan *s, int dir_fd, const char *name, unsigned links)
{
        char target[PATH_MAX];
        const ssize_t n = readlinkat(dir_fd, name, target, sizeof(target) - 1);
        _cleanup_close_ int root_fd = -EBADF;

        if (n < 0)
                return -errno;
        target[n] = '\0';
        if (target[0] != '/')
                return open_path(s, dir_fd, target, links);
        root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
        return root_fd < 0 ? -errno : open_path(s, root_fd, target, links);
}

/* L4 */
static bool leads_away(const Scan *s, int dir_fd, const char *name)
{
        char path[PATH_MAX + NAME_MAX + 2];
        size_t n;

        if (fd_path(dir_fd, path, PATH_MAX) < 0)
                return true;
        n = strlen(path);
        (void)snprintf(path + n, sizeof(path) - n, "/%s", name);
        return mounts_has_foreign(s, path);
}

static int open_step(const Scan *s, int dir_fd, const char *name, unsigned links)
{
        int fd;

        if (leads_away(s, dir_fd, name))
                return -ENOENT;
        if (links > 0 && is_roots_link(dir_fd, name))
                return open_link(s, dir_fd, name, links - 1);
        fd = openat(dir_fd, name, O_PATH | O_CLOEXEC | O_NOFOLLOW);
        return fd < 0 ? -errno : fd;
}

/* Component by component: openat2(2) is not to be had where RestrictSUIDSGID= is in force. An
 * O_PATH descriptor, which mounts nothing (autofs). links: of root's, so many are followed. */
static int open_path(const Scan *s, int dir_fd, const char *path, unsigned links)
{
        _cleanup_close_ int fd = openat(dir_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        char name[NAME_MAX + 1];

        if (fd < 0)
                return -errno;
        while (next_component(&path, name)) {
                const int next = open_step(s, fd, name, links);

                if (next < 0)
                        return next;
                (void)close(fd);
                fd = next;
        }
        return TAKE_FD(fd);
}

int walk_open(const Scan *s, const char *base, const char *sub)
{
        _cleanup_close_ int base_fd = open_path(s, s->root_fd, base, LINKS_MAX);
        _cleanup_close_ int fd = base_fd < 0 ? base_fd : open_path(s, base_fd, sub, 0);
        int r;

        if (fd < 0)
                return fd;
        r = openat(fd, ".", DIR_FLAGS);
        return r < 0 ? -errno : r;
}

/* A network's file system, or one that shows the kernel, is not looked into. */
static bool is_real_fd(int fd)
{
        static const uint32_t types[] = { EXT4_SUPER_MAGIC,
                                          XFS_SUPER_MAGIC,
                                          BTRFS_SUPER_MAGIC,
                                          TMPFS_MAGIC,
                                          OVERLAYFS_SUPER_MAGIC,
                                          F2FS_SUPER_MAGIC,
                                          0x2fc12fc1 /* zfs */ };
        struct statfs fs;

        if (fd < 0 || fstatfs(fd, &fs) < 0)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if ((uint32_t)fs.f_type == types[i])
                        return true;
        return false;
}

/* O_PATH alone mounts nothing (autofs). */
static bool is_real(int dir_fd, const char *name)
{
        _cleanup_close_ int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

        return is_real_fd(fd);
}

bool walk_is_real(const Scan *s, const char *path)
{
        _cleanup_close_ int fd = open_path(s, s->root_fd, path, LINKS_MAX);

        return is_real_fd(fd);
}

/* The last one may have all that is left. */
static void walk_bound(Walk *w)
{
        const Scan *s = w->scan;
        const uint64_t now_usec = now_monotonic_usec(), share = s->is_last ? 1 : WALK_SHARE;

        w->entries_max = s->n_entries;
        if (s->n_entries < s->entries_max)
                w->entries_max += (s->entries_max - s->n_entries + share - 1) / share;
        w->deadline_usec = now_usec;
        if (now_usec < s->deadline_usec)
                w->deadline_usec += (s->deadline_usec - now_usec) / share;
}

static bool is_spent(Walk *w)
{
        Scan *s = w->scan;

        w->is_cut = w->is_cut || s->n_entries >= w->entries_max ||
                    (s->n_entries % 256 == 0 && now_monotonic_usec() > w->deadline_usec);
        s->is_cut = s->is_cut || w->is_cut;
        s->n_entries += !w->is_cut;
        return w->is_cut;
}

/* Images and layers: nobody reaches what lies there but the containers' daemons. */
static bool is_passed_over(const char *path)
{
        static const char *const paths[] = { "/var/lib/docker/overlay2",
                                             "/var/lib/containers/storage/overlay",
                                             "/var/lib/containerd" };

        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                if (streq(path, paths[i]))
                        return true;
        return false;
}

static void walk_dir(Walk *w, int fd, dev_t dev, size_t used, unsigned depth);

static void walk_below(Walk *w, int dir_fd, const char *name, const struct stat *st, dev_t dev,
                       size_t used, unsigned depth)
{
        int fd;

        if (is_passed_over(w->path) || (w->scan->is_last && scan_has_seen(w->scan, w->path)) ||
            (st->st_dev != dev && !is_real(dir_fd, name)))
                return;
        fd = openat(dir_fd, name, DIR_FLAGS);
        if (fd >= 0)
                walk_dir(w, fd, st->st_dev, used, depth);
        else
                w->scan->n_unseen += errno != ENOENT && errno != ENOTDIR && errno != ELOOP;
}

static void walk_entry(Walk *w, int dir_fd, const char *name, dev_t dev, size_t used,
                       unsigned depth)
{
        const size_t left = sizeof(w->path) - used;
        const int n = snprintf(w->path + used, left, "/%s", name);
        struct stat st;

        if (n < 0 || (size_t)n >= left) { /* nobody's reason to end the scan */
                w->scan->n_unseen++;
                return;
        }
        (void)snprintf(w->real + w->real_size, sizeof(w->real) - w->real_size, "%s",
                       w->path + w->base_size);
        if (mounts_has_foreign(w->scan, w->real) ||
            fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
                return;
        w->see(w->scan,
               &(const Entry){
                       .dir_fd = dir_fd, .name = name, .path = w->path, .st = &st, .depth = depth },
               w->userdata);
        if (S_ISDIR(st.st_mode) && depth < w->depth_max)
                walk_below(w, dir_fd, name, &st, dev, used + (size_t)n, depth + 1);
}

/* Takes fd. */
static void walk_dir(Walk *w, int fd, dev_t dev, size_t used, unsigned depth)
{
        DIR *dir = fdopendir(fd);
        const struct dirent *e;

        if (!dir) {
                w->scan->n_unseen++;
                (void)close(fd);
                return;
        }
        mounts_refresh(w->scan);
        while ((e = readdir(dir)) && !is_spent(w)) {
                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                walk_entry(w, fd, e->d_name, dev, used, depth);
                w->path[used] = '\0';
        }
        (void)closedir(dir);
}

void walk(Scan *s, const char *base, const char *sub, unsigned depth,
          void (*see)(Scan *s, const Entry *e, void *userdata), void *userdata)
{
        Walk w = { .scan = s, .see = see, .userdata = userdata, .depth_max = depth };
        const int n = snprintf(w.path, sizeof(w.path), "%s%s%s", streq(base, "/") ? "" : base,
                               *sub ? "/" : "", sub);
        const int fd = walk_open(s, base, sub);
        struct stat st;

        if (fd < 0) {
                s->n_unseen += fd != -ENOENT && fd != -ENOTDIR && fd != -ELOOP;
                return;
        }
        if (n < 0 || (size_t)n >= sizeof(w.path) || fd_path(fd, w.real, PATH_MAX) < 0 ||
            fstat(fd, &st) < 0) {
                s->n_unseen++;
                (void)close(fd);
                return;
        }
        w.base_size = (size_t)n;
        w.real_size = strlen(w.real);
        walk_bound(&w);
        walk_dir(&w, fd, st.st_dev, (size_t)n, 0);
}
