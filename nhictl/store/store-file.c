/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A directory of HOST.jws. P1 is a lock that is held from the first look to the last write. */

#include "lib/base/file.h"
#include "nhictl/store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define READER_GROUP   "nhi-fetch"
#define PUBLISHED_MODE 0640
#define SUFFIX         ".jws"

typedef struct FileStore {
        Store s;
        const char *dir;
        StoreNames names;
        gid_t gid;
        int dir_fd, lock_fd;
} FileStore;

/* Who reads there: the fetcher, unless the administrator chose a group for what is put into the
 * directory, such as a web server's. */
static gid_t readers_of(const struct stat *st)
{
        const struct group *group = st->st_mode & S_ISGID ? NULL : getgrnam(READER_GROUP);

        return group ? group->gr_gid : st->st_gid;
}

static int lock(FileStore *f)
{
        struct stat st;

        f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (f->dir_fd < 0 || fstat(f->dir_fd, &st) < 0)
                return -errno;
        if (f->s.o.size_max > 0)
                return 0;
        if (st.st_mode & S_IWOTH)
                return -EPERM;
        f->gid = readers_of(&st);
        f->lock_fd = openat(f->dir_fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (f->lock_fd < 0)
                return -errno;
        while (flock(f->lock_fd, LOCK_EX) < 0) {
                if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

static void file_free(Store *s)
{
        FileStore *f = (FileStore *)s;

        closep(&f->lock_fd);
        closep(&f->dir_fd);
        store_names_done(&f->names);
        free(f);
}

static int file_open(const StoreOptions *o, Store **ret, char *error)
{
        FileStore *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->s = (Store){ .type = &store_file, .o = *o };
        f->dir = store_directory(o->url);
        f->dir_fd = f->lock_fd = -EBADF;
        r = store_names_split("", 0, SUFFIX, &f->names);
        if (r == 0)
                r = lock(f);
        if (r < 0) {
                (void)snprintf(error, LEDGER_ERROR_MAX,
                               r == -EPERM   ? "%s is writable by everybody: chmod o-w it"
                               : r == -EROFS ? "%s: %s: a service may write there where a drop-in "
                                               "has ReadWritePaths= for it"
                                             : "%s: %s",
                               f->dir, strerror(-r));
                file_free(&f->s);
                return r;
        }
        *ret = &f->s;
        return 0;
}

static int load_one(FileStore *f, const char *file, const char *name, const StoreSink *sink)
{
        _cleanup_free_ char *jws = NULL;
        Published p;
        size_t size = 0;
        const size_t size_max = f->s.o.size_max ? f->s.o.size_max : SET_SIZE_MAX;
        int r = document_read(f->dir_fd, file, size_max, &jws, &size);

        if (r == -ENOMEM)
                return r;
        return r < 0 ? sink->failed(sink->userdata, name, false, r, NULL)
                     : sink->set(sink->userdata, name, jws, size, false, &p);
}

static int file_load(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        FileStore *f = (FileStore *)s;
        char name[STORE_NAME_MAX + 1];
        const struct dirent *entry;
        DIR *dir = opendir(f->dir);
        int r = 0;

        if (!dir)
                return store_failed(s, -errno, "%s: %s", f->dir, strerror(errno));
        while (r == 0 && (entry = readdir(dir)))
                if (store_name_parse(&f->names, entry->d_name, strlen(entry->d_name), name))
                        r = load_one(f, entry->d_name, name, sink);
        (void)closedir(dir);
        return r;
}

static int file_begin(Store *s, const char *revision, const char *const *names, size_t n)
{
        return 0;
}

static int file_put(Store *s, StoreSet *sets, size_t n)
{
        const FileStore *f = (const FileStore *)s;

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s/%s" SUFFIX, f->dir, sets[i].name) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                sets[i].error = file_replace(path, sets[i].jws, strlen(sets[i].jws), PUBLISHED_MODE,
                                             geteuid(), f->gid, true);
        }
        return 0;
}

static int file_finish(Store *s)
{
        return 0;
}

static int file_read_named(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        FileStore *f = (FileStore *)s;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                _cleanup_free_ char *file = store_name_of(&f->names, names[i]);

                if (!file)
                        return -ENOMEM;
                if (faccessat(f->dir_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                        r = load_one(f, file, names[i], sink);
        }
        return r;
}

const StoreType store_file = {
        .open = file_open,
        .load = file_load,
        .begin = file_begin,
        .put = file_put,
        .finish = file_finish,
        .read = file_read_named,
        .free = file_free,
};
