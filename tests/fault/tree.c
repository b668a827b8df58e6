/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The files of a scenario: in memory of their own, and the same before each run. */

#include "tests/fault/fault.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "tests/root.h"

#include <err.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#define FILES_MAX 256

typedef struct SavedFile {
        char *path, *data;
        size_t size;
        mode_t mode;
} SavedFile;

static SavedFile saved[FILES_MAX];
static size_t n_saved;

void tree_mount(const char *size)
{
        static const char *const more[] = { PATH_EXEMPT_DIR, PATH_ROOT "/pam.d" };
        char options[64];

        (void)snprintf(options, sizeof(options), "size=%s,mode=0755", size);
        if ((mkdir(PATH_ROOT, 0755) < 0 && errno != EEXIST) || unshare(CLONE_NEWNS) < 0 ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", PATH_ROOT, "tmpfs", 0, options) < 0 || root_make_dirs() < 0)
                err(2, "%s: cannot mount a private tmpfs", PATH_ROOT);
        for (size_t i = 0; i < ELEMENTSOF(more); i++)
                if (mkdir(more[i], 0755) < 0)
                        err(2, "%s", more[i]);
}

static int save_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
        SavedFile *f = &saved[n_saved];
        _cleanup_close_ int fd = -EBADF;

        if (type != FTW_F || !S_ISREG(st->st_mode))
                return 0;
        if (n_saved == FILES_MAX)
                errx(2, "more than %d files", FILES_MAX);
        *f = (SavedFile){ .path = strdup(path),
                          .data = malloc((size_t)st->st_size + 1),
                          .mode = st->st_mode & 07777 };
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (!f->path || !f->data || fd < 0 ||
            fd_read_all(fd, f->data, (size_t)st->st_size, &f->size) < 0)
                err(2, "%s", path);
        n_saved++;
        return 0;
}

void tree_save(void)
{
        while (n_saved > 0) {
                n_saved--;
                free(saved[n_saved].path);
                free(saved[n_saved].data);
        }
        if (nftw(PATH_ROOT, save_one, 16, FTW_PHYS) != 0)
                err(2, "%s", PATH_ROOT);
}

void tree_restore(void)
{
        if (root_remove(PATH_ROOT, true) < 0)
                err(2, "%s", PATH_ROOT);
        for (size_t i = 0; i < n_saved; i++) {
                const SavedFile *f = &saved[i];
                _cleanup_close_ int fd =
                        open(f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

                if (fd < 0 || fd_write_all(fd, f->data, f->size) < 0 || fchmod(fd, f->mode) < 0)
                        err(2, "%s", f->path);
        }
}
