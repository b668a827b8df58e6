/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fuzz/pam-world-internal.h"

#include "lib/base/path.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static int file_open(FileName name)
{
        switch (world.files[name].kind) {
        case FILE_ABSENT:
                return fail(ENOENT);
        case FILE_SYMLINK:
                return fail(ELOOP);
        case FILE_REFUSED:
                return fail(EACCES);
        case FILE_NO_FD:
                return fail(EMFILE);
        default:
                world.n_open++;
                return FD_FILE + (int)name;
        }
}

static size_t positions[FILE_N];

WRAP(int, openat, int dir_fd, const char *path, int flags, ...)
{
        static const char *const paths[] = {
                [FILE_GATES_RUN] = PATH_GATES_RUN, [FILE_GATES_STATE] = PATH_GATES_STATE,
                [FILE_EXEMPT] = PATH_EXEMPT_FILE,  [FILE_EXEMPT_CONF] = "people.conf",
                [FILE_MEMBERS] = PATH_MEMBERS_RUN,
        };

        FUZZ_HOLDS((flags & (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) ==
                           (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK),
                   "a file is opened with care");
        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                if (paths[i] && streq(paths[i], path)) {
                        FUZZ_HOLDS(dir_fd == (i == FILE_EXEMPT_CONF ? FD_FILE + FILE_EXEMPT_DIR
                                                                    : AT_FDCWD),
                                   "in its place");
                        positions[i] = 0;
                        return file_open((FileName)i);
                }
        FUZZ_HOLDS(false, "no file is opened but those that are specified");
        return -1;
}

WRAP(int, open, const char *path, int flags, ...)
{
        FUZZ_HOLDS(streq(path, PATH_EXEMPT_DIR) && flags & O_CLOEXEC && flags & O_DIRECTORY,
                   "the directory is opened as one");
        return file_open(FILE_EXEMPT_DIR);
}

WRAP(int, fstat, int fd, struct stat *ret)
{
        const WorldFile *f = &world.files[(fd - FD_FILE) % FILE_N];
        bool is_dir = fd == FD_FILE + FILE_EXEMPT_DIR || f->kind == FILE_DIRECTORY;

        FUZZ_HOLDS(fd >= FD_FILE && fd < FD_FILE + FILE_N, "an open file");
        *ret = (struct stat){ .st_mode = is_dir ? S_IFDIR | 0755 : S_IFREG | 0644,
                              .st_uid = f->kind == FILE_OTHERS ? OWNER_OTHER : world.euid,
                              .st_size = (off_t)f->size };
        if (f->kind == FILE_WRITABLE)
                ret->st_mode |= 020;
        return 0;
}

WRAP(ssize_t, read, int fd, void *ret, size_t n)
{
        size_t *position = &positions[(fd - FD_FILE) % FILE_N];
        const WorldFile *f = &world.files[(fd - FD_FILE) % FILE_N];

        if (f->kind == FILE_BROKEN)
                return fail(EIO);
        if (n > f->size - *position)
                n = f->size - *position;
        memcpy(ret, f->text + *position, n);
        *position += n;
        return (ssize_t)n;
}

WRAP(off_t, lseek, int fd, off_t offset, int whence)
{
        FUZZ_HOLDS(offset == 0 && whence == SEEK_SET, "a file is read from its begin");
        positions[(fd - FD_FILE) % FILE_N] = 0;
        return 0;
}

WRAP(int, close, int fd)
{
        (void)fd;
        FUZZ_HOLDS(world.n_open > 0, "what is closed was open");
        world.n_open--;
        return 0;
}

static struct dirent entries[] = { { .d_name = "." },
                                   { .d_name = ".hidden.conf" },
                                   { .d_name = "people" },
                                   { .d_name = "people.conf" } };
static size_t next_entry;

WRAP(DIR *, fdopendir, int fd)
{
        (void)fd;
        next_entry = 0;
        return (DIR *)(void *)entries;
}

WRAP(struct dirent *, readdir, DIR *dir)
{
        (void)dir;
        return next_entry < ELEMENTSOF(entries) ? &entries[next_entry++] : NULL;
}

WRAP(int, dirfd, DIR *dir)
{
        (void)dir;
        return FD_FILE + FILE_EXEMPT_DIR;
}

WRAP(int, closedir, DIR *dir)
{
        (void)dir;
        return __wrap_close(FD_FILE + FILE_EXEMPT_DIR);
}
