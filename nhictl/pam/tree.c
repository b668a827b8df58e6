/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/pam/tree.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/sort.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

static void file_done(TreeFile *f)
{
        free(f->path);
        free(f->text);
}

void tree_done(Tree *t)
{
        for (size_t i = 0; i < t->n; i++)
                file_done(&t->files[i]);
        free(t->files);
        *t = (Tree){ .files = NULL };
}

/* ---- load ---- */

static int text_of_file(TreeFile *f)
{
        _cleanup_close_ int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

        if (fd < 0)
                return -errno;
        f->text = calloc(1, TREE_FILE_SIZE_MAX + 1);
        if (!f->text)
                return -ENOMEM;
        return fd_read_all(fd, f->text, TREE_FILE_SIZE_MAX, &f->size);
}

static int text_of_link(TreeFile *f)
{
        char target[4096];
        ssize_t n = readlink(f->path, target, sizeof(target) - 1);

        if (n < 0)
                return -errno;
        f->size = (size_t)n;
        f->text = strndup(target, f->size);
        return f->text ? 0 : -ENOMEM;
}

static int text_load(TreeFile *f)
{
        char *fitting;
        int r;

        if (S_ISDIR(f->st.st_mode))
                return (f->text = strdup("")) ? 0 : -ENOMEM;
        if (S_ISLNK(f->st.st_mode))
                return text_of_link(f);
        if (!S_ISREG(f->st.st_mode))
                return -ENOTSUP;
        r = text_of_file(f);
        if (r == 0 && (fitting = realloc(f->text, f->size + 1)))
                f->text = fitting;
        return r;
}

/* Takes over path. */
static int tree_add(Tree *t, char *path, const struct stat *st)
{
        TreeFile *grown, f = { .path = path, .st = *st };
        int r = t->n < TREE_FILES_MAX ? text_load(&f) : -E2BIG;

        grown = r == 0 ? reallocarray(t->files, t->n + 1, sizeof(*grown)) : NULL;
        if (!grown) {
                file_done(&f);
                return r < 0 ? r : -ENOMEM;
        }
        t->files = grown;
        t->files[t->n++] = f;
        return 0;
}

static void path_tell(char *ret, size_t size, const char *path)
{
        (void)snprintf(ret, size, "%s", path);
}

/* A folder's own entries, then theirs: t grows behind i while it is walked. */
static int folder_load(Tree *t, const char *folder, char *ret_path, size_t path_size)
{
        DIR *dir = opendir(folder);
        struct dirent *e;
        int r = 0;

        if (!dir)
                r = errno == ENOENT ? 0 : -errno;
        while (dir && r == 0 && (e = readdir(dir))) {
                char *path = NULL;
                struct stat st;

                if (streq(e->d_name, ".") || streq(e->d_name, ".."))
                        continue;
                if (asprintf(&path, "%s/%s", folder, e->d_name) < 0) {
                        r = -ENOMEM;
                        break;
                }
                path_tell(ret_path, path_size, path);
                if (lstat(path, &st) < 0) {
                        /* Gone since readdir: somebody's temporary file. */
                        r = errno == ENOENT ? 0 : -errno;
                        free(path);
                        continue;
                }
                r = tree_add(t, path, &st);
        }
        if (dir)
                (void)closedir(dir);
        else
                path_tell(ret_path, path_size, folder);
        return r;
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const TreeFile *)a)->path, ((const TreeFile *)b)->path);
}

int tree_load(const char *const *folders, Tree *ret, char *ret_path, size_t path_size)
{
        _cleanup_(tree_done) Tree t = { .files = NULL };
        size_t walked = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && folders[i]; i++)
                r = folder_load(&t, folders[i], ret_path, path_size);
        for (; r == 0 && walked < t.n; walked++)
                if (S_ISDIR(t.files[walked].st.st_mode))
                        r = folder_load(&t, t.files[walked].path, ret_path, path_size);
        if (r < 0)
                return r;
        sort_items(t.files, t.n, by_path);
        *ret = t;
        t = (Tree){ .files = NULL };
        return 0;
}

/* ---- compare ---- */

const TreeFile *tree_find(const Tree *t, const char *path)
{
        TreeFile key = { .path = (char *)path };

        return find_item(&key, t->files, t->n, by_path);
}

bool tree_file_equal(const TreeFile *a, const TreeFile *b)
{
        return a->st.st_mode == b->st.st_mode && a->st.st_uid == b->st.st_uid &&
               a->st.st_gid == b->st.st_gid && a->size == b->size &&
               memcmp(a->text, b->text, a->size) == 0;
}

bool tree_equal(const Tree *a, const Tree *b)
{
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!streq(a->files[i].path, b->files[i].path) ||
                    !tree_file_equal(&a->files[i], &b->files[i]))
                        return false;
        return true;
}

/* ---- restore ---- */

static int link_restore(const TreeFile *f)
{
        _cleanup_free_ char *temporary = NULL;

        if (asprintf(&temporary, "%s.nhi-new", f->path) < 0)
                return -ENOMEM;
        (void)unlink(temporary);
        if (symlink(f->text, temporary) < 0 || lchown(temporary, f->st.st_uid, f->st.st_gid) < 0 ||
            rename(temporary, f->path) < 0)
                return -errno;
        return 0;
}

static int folder_restore(const TreeFile *f)
{
        if (mkdir(f->path, 0700) < 0 && errno != EEXIST)
                return -errno;
        if (chown(f->path, f->st.st_uid, f->st.st_gid) < 0 ||
            chmod(f->path, f->st.st_mode & 07777) < 0)
                return -errno;
        return 0;
}

static int file_restore(const TreeFile *f)
{
        if (S_ISDIR(f->st.st_mode))
                return folder_restore(f);
        if (S_ISLNK(f->st.st_mode))
                return link_restore(f);
        return file_replace(f->path, f->text, f->size, f->st.st_mode & 07777, f->st.st_uid,
                            f->st.st_gid, true);
}

static int file_remove(const TreeFile *f)
{
        int r = S_ISDIR(f->st.st_mode) ? rmdir(f->path) : unlink(f->path);

        return r < 0 && errno != ENOENT ? -errno : 0;
}

int tree_restore(const Tree *t, const char *const *folders, char *ret_path, size_t path_size)
{
        _cleanup_(tree_done) Tree now = { .files = NULL };
        int first = tree_load(folders, &now, ret_path, path_size);

        /* From the end, so that a folder is empty when its turn comes. */
        for (size_t i = now.n; i-- > 0;) {
                const TreeFile *was = tree_find(t, now.files[i].path);
                int r;

                if (was && S_ISDIR(was->st.st_mode) == S_ISDIR(now.files[i].st.st_mode))
                        continue;
                r = file_remove(&now.files[i]);
                if (r < 0 && first == 0) {
                        first = r;
                        path_tell(ret_path, path_size, now.files[i].path);
                }
        }
        for (size_t i = 0; i < t->n; i++) {
                const TreeFile *is = tree_find(&now, t->files[i].path);
                int r = is && tree_file_equal(is, &t->files[i]) ? 0 : file_restore(&t->files[i]);

                if (r < 0 && first == 0) {
                        first = r;
                        path_tell(ret_path, path_size, t->files[i].path);
                }
        }
        return first;
}
