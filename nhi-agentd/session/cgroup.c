/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/session/cgroup.h"

#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhi-agentd/caller.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#define CGROUP_ROOT      PATH_ROOT "/sys/fs/cgroup"
#define CGROUP_DEPTH_MAX 16

/* One name in a directory; never a symbolic link. (openat2(2) would say all of it at once, but a
 * unit with RestrictSUIDSGID= gets ENOSYS from it.) */
static int open_in(int dir_fd, const char *name, int flags)
{
        int fd;

        if (*name == '\0' || streq(name, "..") || strchr(name, '/'))
                return -EINVAL;
        fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

/* "/" is the root itself. */
static int open_group(const char *path, int *ret)
{
        _cleanup_close_ int dir = -EBADF;
        char copy[CGROUP_PATH_MAX], *name, *rest = copy;

        if (path[0] != '/' || strlen(path) >= sizeof(copy))
                return -EINVAL;
        memcpy(copy, path + 1, strlen(path));
        dir = open(CGROUP_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return -errno;
        while (*copy && (name = strsep(&rest, "/"))) {
                int below = open_in(dir, name, O_RDONLY | O_DIRECTORY);

                if (below < 0)
                        return below;
                (void)close(dir);
                dir = below;
        }
        *ret = TAKE_FD(dir);
        return 0;
}

int cgroup_open(const char *path, Cgroup *ret)
{
        _cleanup_close_ int dir = -EBADF, events = -EBADF;
        struct stat st;
        int r;

        if (streq(path, "/"))
                return -EINVAL; /* nobody's */
        r = open_group(path, &dir);
        if (r < 0)
                return r;
        events = open_in(dir, "cgroup.events", O_RDONLY);
        if (events < 0)
                return events;
        if (fstat(dir, &st) < 0)
                return -errno;
        *ret = (Cgroup){ .id = st.st_ino, .dir_fd = TAKE_FD(dir), .events_fd = TAKE_FD(events) };
        return 0;
}

void cgroup_close(Cgroup *c)
{
        closep(&c->dir_fd);
        closep(&c->events_fd);
        *c = CGROUP_NONE;
}

bool cgroup_is_populated(const Cgroup *c)
{
        char text[256];
        ssize_t n;

        n = pread(c->events_fd, text, sizeof(text) - 1, 0);
        if (n < 0)
                return errno != ENODEV; /* removed: only an empty one can be */
        text[n] = '\0';
        return strstr(text, "populated 0") == NULL;
}

int cgroup_kill(const Cgroup *c, const char *path)
{
        _cleanup_close_ int fd = -EBADF;
        const char *scope;
        size_t n = 0;

        scope = cgroup_scope(path, &n);
        if (!cgroup_own(path) && (!scope || scope[n] != '\0'))
                return -EPERM;
        fd = open_in(c->dir_fd, "cgroup.kill", O_WRONLY);
        if (fd < 0)
                return fd;
        return fd_write_all(fd, "1", 1);
}

int cgroup_watch(const Cgroup *c, sd_event *event, sd_event_io_handler_t on_change, void *userdata,
                 sd_event_source **ret)
{
        _cleanup_(sd_event_source_disable_unrefp) sd_event_source *source = NULL;
        int r;

        r = sd_event_add_io(event, &source, c->events_fd, EPOLLPRI, on_change, userdata);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(source, "cgroup-events");
        *ret = TAKE_PTR(source);
        return 0;
}

static size_t pids_here(int dir_fd, pid_t *ret, size_t n, size_t found)
{
        FILE *f;
        int fd, pid;

        fd = open_in(dir_fd, "cgroup.procs", O_RDONLY);
        if (fd < 0)
                return found;
        f = fdopen(fd, "re");
        if (!f) {
                (void)close(fd);
                return found;
        }
        for (; fscanf(f, "%d", &pid) == 1; found++)
                if (found < n)
                        ret[found] = pid;
        (void)fclose(f);
        return found;
}

static size_t pids_below(int dir_fd, unsigned depth, pid_t *ret, size_t n, size_t found)
{
        DIR *dir;
        int fd;

        found = pids_here(dir_fd, ret, n, found);
        if (depth == CGROUP_DEPTH_MAX)
                return found;
        fd = open_in(dir_fd, ".", O_RDONLY | O_DIRECTORY);
        if (fd < 0)
                return found;
        dir = fdopendir(fd);
        if (!dir) {
                (void)close(fd);
                return found;
        }
        for (struct dirent *e; (e = readdir(dir));) {
                _cleanup_close_ int below = -EBADF;

                if (e->d_type != DT_DIR || e->d_name[0] == '.')
                        continue;
                below = open_in(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY);
                if (below >= 0)
                        found = pids_below(below, depth + 1, ret, n, found);
        }
        (void)closedir(dir);
        return found;
}

size_t cgroup_pids(const Cgroup *c, pid_t *ret, size_t n)
{
        return c->dir_fd < 0 ? 0 : pids_below(c->dir_fd, 0, ret, n, 0);
}

/* ---- groups of our own ---- */

/* The group above, held open, and the last name: 0 or a negative errno. */
static int open_above(const char *path, int *ret, const char **ret_name)
{
        const char *name = strrchr(path, '/');
        char above[CGROUP_PATH_MAX];

        if (path[0] != '/' || (size_t)(name - path) >= sizeof(above))
                return -EINVAL;
        memcpy(above, path, (size_t)(name - path));
        above[name - path] = '\0';
        *ret_name = name + 1;
        return open_group(*above ? above : "/", ret);
}

int cgroup_make(const char *path)
{
        _cleanup_close_ int above = -EBADF;
        const char *name;
        int r;

        r = open_above(path, &above, &name);
        if (r < 0)
                return r;
        return mkdirat(above, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

int cgroup_remove(const char *path)
{
        _cleanup_close_ int above = -EBADF;
        const char *name;
        int r;

        r = open_above(path, &above, &name);
        if (r < 0)
                return r;
        return unlinkat(above, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int cgroup_enter(const char *path, pid_t pid)
{
        _cleanup_close_ int dir = -EBADF, fd = -EBADF;
        char text[16];
        int r;

        r = open_group(path, &dir);
        if (r < 0)
                return r;
        fd = open_in(dir, "cgroup.procs", O_WRONLY);
        if (fd < 0)
                return fd;
        return fd_write_all(fd, text, (size_t)snprintf(text, sizeof(text), "%d", (int)pid));
}

int cgroup_try(const Cgroup *c)
{
        _cleanup_close_ int kill_fd = open_in(c->dir_fd, "cgroup.kill", O_WRONLY);
        _cleanup_close_ int procs_fd = open_in(c->dir_fd, "cgroup.procs", O_RDWR);

        return kill_fd < 0 ? kill_fd : procs_fd < 0 ? procs_fd : 0;
}

/* s1, s1/s2 ... */
static bool names_are_own(const char *name)
{
        while (*name == 's') {
                const size_t n = strspn(name + 1, "0123456789");

                if (n == 0)
                        return false;
                name += 1 + n;
                if (*name == '\0')
                        return true;
                if (*name++ != '/')
                        return false;
        }
        return false;
}

/* Others may have called theirs nhi, too: a container's. */
const char *cgroup_own(const char *path)
{
        static const char own[] = "/nhi/";

        for (const char *at = path; (at = strstr(at, own)); at++)
                if (names_are_own(at + sizeof(own) - 1))
                        return at;
        return NULL;
}

bool cgroup_is_within(const char *path, const char *prefix)
{
        size_t n = strlen(prefix);

        return n > 1 && strncmp(path, prefix, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool component_is_slice(const char *name, size_t n)
{
        return n > 6 && memcmp(name + n - 6, ".slice", 6) == 0;
}

const char *cgroup_of_unit(const char *path, const char *unit, size_t *ret_len)
{
        size_t unit_size = strlen(unit);

        for (const char *name = path; *name == '/' && name[1] != '\0';) {
                size_t n = strcspn(++name, "/");

                if (n == unit_size && memcmp(name, unit, n) == 0) {
                        *ret_len = (size_t)(name + n - path);
                        return path;
                }
                if (!component_is_slice(name, n))
                        return NULL;
                name += n;
        }
        return NULL;
}
