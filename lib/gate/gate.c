/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The question that comes before every other. Its promises:
 *
 *  G1 Whatever cannot be read or understood MUST be GATE_ENFORCE.
 *  G2 Exemptions MUST hold whatever became of the gates files and of the agent.
 *  G3 Only files of the trusted owner, which nobody else can write, MUST be believed. */

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/gate/gates.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

const GatePaths gate_paths = {
        .run = PATH_GATES_RUN,
        .state = PATH_GATES_STATE,
        .exempt_file = PATH_EXEMPT_FILE,
        .exempt_dir = PATH_EXEMPT_DIR,
        .owner = 0,
};

DEFINE_CLEANUP(Gates *, gates_free)
DEFINE_CLEANUP(DIR *, closedir)

static bool exempt_file_matches(int dir_fd, const char *path, uid_t owner, const char *name,
                                const char *class)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;

        if (file_read_trusted_at(dir_fd, path, owner, EXEMPT_SIZE_MAX, &text, &size) < 0)
                return false;
        if (memchr(text, 0, size))
                return false;
        return exempt_match(text, name, class, NULL);
}

static DIR *dir_open_trusted(const char *path, uid_t owner)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        DIR *dir;

        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != owner || (st.st_mode & 022) != 0)
                return NULL;
        dir = fdopendir(fd);
        if (dir)
                (void)TAKE_FD(fd);
        return dir;
}

static bool is_conf_name(const char *name)
{
        size_t size = strlen(name);

        return name[0] != '.' && size > strlen(".conf") &&
               streq(name + size - strlen(".conf"), ".conf");
}

static bool exempt_dir_matches(const GatePaths *paths, const char *name, const char *class)
{
        _cleanup_(closedirp) DIR *dir = dir_open_trusted(paths->exempt_dir, paths->owner);
        const struct dirent *entry;
        unsigned n = 0;

        while (dir && (entry = readdir(dir))) {
                if (!is_conf_name(entry->d_name))
                        continue;
                if (n++ == EXEMPT_DIR_FILE_MAX)
                        return false;
                if (exempt_file_matches(dirfd(dir), entry->d_name, paths->owner, name, class))
                        return true;
        }
        return false;
}

static bool is_exempt(const GatePaths *paths, const char *name, const char *class)
{
        if (!name || !class)
                return false;
        return exempt_file_matches(AT_FDCWD, paths->exempt_file, paths->owner, name, class) ||
               exempt_dir_matches(paths, name, class);
}

/* 0 and an owned *ret, -ENOENT where there is no file, or another negative errno: unusable. */
static int gates_load(const char *path, uid_t owner, Gates **ret)
{
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner, GATES_SIZE_MAX, &text, &size);
        if (r < 0)
                return r;
        return gates_parse(text, size, ret);
}

static GateMode mode_from_files(const GatePaths *paths, const GateSubject *subject,
                                const char *class, char *ret_gate, size_t ret_gate_size)
{
        _cleanup_(gates_freep) Gates *g = NULL;
        int run, state;

        run = gates_load(paths->run, paths->owner, &g);
        if (run == 0)
                return gates_match(g, subject, class, ret_gate, ret_gate_size);
        state = gates_load(paths->state, paths->owner, &g);
        if (state == 0)
                return gates_match(g, subject, class, ret_gate, ret_gate_size);
        return run == -ENOENT && state == -ENOENT ? GATE_UNGATED : GATE_ENFORCE;
}

GateMode gate_mode(const GatePaths *paths, const GateSubject *subject, const char *class,
                   char *ret_gate, size_t ret_gate_size)
{
        int saved = errno;
        GateMode mode;

        if (ret_gate && ret_gate_size > 0)
                ret_gate[0] = '\0';
        if (is_exempt(paths, subject->name, class))
                mode = GATE_EXEMPT;
        else
                mode = mode_from_files(paths, subject, class, ret_gate, ret_gate_size);
        errno = saved;
        return mode;
}
