/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The exempt files as they lie on the host: only those of the trusted owner, in a directory that
 * nobody else can write, MUST be believed. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/gate/gates.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

DEFINE_CLEANUP(DIR *, closedir)

/* One file: its text, or NULL where it is there and not to be believed. True ends the visit. */
typedef bool (*Visit)(void *userdata, const char *path, const char *text);

static bool file_visit(int dir_fd, const char *name, const char *path, uid_t owner, Visit visit,
                       void *userdata)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted_at(dir_fd, name, owner, EXEMPT_SIZE_MAX, &text, &size);
        if (r == -ENOENT)
                return false;
        return visit(userdata, path, r == 0 && !memchr(text, 0, size) ? text : NULL);
}

/* 0 and an owned *ret; -ENOENT; or another negative errno: not to be believed. */
static int dir_open_trusted(const char *path, uid_t owner, DIR **ret)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        DIR *dir;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != owner || (st.st_mode & 022) != 0)
                return -EPERM;
        dir = fdopendir(fd);
        if (!dir)
                return -errno;
        (void)TAKE_FD(fd);
        *ret = dir;
        return 0;
}

static bool is_conf_name(const char *name)
{
        size_t size = strlen(name);

        return name[0] != '.' && size > strlen(".conf") &&
               streq(name + size - strlen(".conf"), ".conf");
}

static bool entry_visit(const GatePaths *paths, int dir_fd, const char *name, Visit visit,
                        void *userdata)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/%s", paths->exempt_dir, name);
        return file_visit(dir_fd, name, path, paths->owner, visit, userdata);
}

static bool dir_visit(const GatePaths *paths, Visit visit, void *userdata)
{
        _cleanup_(closedirp) DIR *dir = NULL;
        const struct dirent *entry;
        unsigned n = 0;
        int r;

        r = dir_open_trusted(paths->exempt_dir, paths->owner, &dir);
        if (r < 0)
                return r != -ENOENT && visit(userdata, paths->exempt_dir, NULL);
        while ((entry = readdir(dir))) {
                if (!is_conf_name(entry->d_name))
                        continue;
                if (n++ == EXEMPT_DIR_FILE_MAX)
                        return visit(userdata, paths->exempt_dir, NULL);
                if (entry_visit(paths, dirfd(dir), entry->d_name, visit, userdata))
                        return true;
        }
        return false;
}

static bool files_visit(const GatePaths *paths, Visit visit, void *userdata)
{
        return file_visit(AT_FDCWD, paths->exempt_file, paths->exempt_file, paths->owner, visit,
                          userdata) ||
               dir_visit(paths, visit, userdata);
}

typedef struct Who {
        const char *name, *class;
} Who;

static bool visit_match(void *userdata, const char *path, const char *text)
{
        const Who *who = userdata;

        (void)path;
        return text && exempt_match(text, who->name, who->class, NULL);
}

bool exempt_files_match(const GatePaths *paths, const char *name, const char *class)
{
        Who who = { .name = name, .class = class };

        return name && class && files_visit(paths, visit_match, &who);
}

static bool visit_name(void *userdata, const char *path, const char *text)
{
        (void)path;
        return text && exempt_names(text, userdata);
}

bool exempt_files_name(const GatePaths *paths, const char *name)
{
        return files_visit(paths, visit_name, (void *)(uintptr_t)name);
}

typedef struct Problem {
        char *path;
        size_t path_size;
        unsigned line;
} Problem;

static bool visit_problem(void *userdata, const char *path, const char *text)
{
        Problem *p = userdata;

        if (text)
                (void)exempt_match(text, "", "", &p->line);
        if (text && p->line == 0)
                return false;
        (void)snprintf(p->path, p->path_size, "%s", path);
        return true;
}

bool exempt_problem(const GatePaths *paths, char *ret_path, size_t ret_path_size,
                    unsigned *ret_line)
{
        Problem p = { .path = ret_path, .path_size = ret_path_size };

        if (!files_visit(paths, visit_problem, &p))
                return false;
        *ret_line = p.line;
        return true;
}
