/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How checks read the host: files and folders below its root. */

#include "lib/base/io.h"
#include "lib/base/sort.h"
#include "nhictl/doctor/doctor.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

static bool path_below(const DoctorHost *h, const char *path, char ret[static PATH_MAX])
{
        int n = snprintf(ret, PATH_MAX, "%s%s", h->root, path);

        return n > 0 && n < PATH_MAX;
}

/* What is behind a path is seen before it is opened: to open a device may act (a watchdog is armed,
 * a tape rewound), and a link to one is an account's to make in its own home. */
static int regular_open(const char *full, int *ret_fd)
{
        _cleanup_close_ int seen_fd = open(full, O_PATH | O_CLOEXEC);
        char again[32];
        struct stat st;

        if (seen_fd < 0 || fstat(seen_fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        (void)snprintf(again, sizeof(again), "/proc/self/fd/%d", seen_fd);
        *ret_fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        return *ret_fd < 0 ? -errno : 0;
}

int doctor_read(const DoctorHost *h, const char *path, size_t size_max, char **ret)
{
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *text = NULL;
        char full[PATH_MAX];
        size_t size = 0;
        int r;

        if (!path_below(h, path, full))
                return -ENAMETOOLONG;
        r = regular_open(full, &fd);
        if (r < 0)
                return r;
        text = malloc(size_max + 1);
        if (!text)
                return -ENOMEM;
        r = fd_read_all(fd, text, size_max, &size);
        if (r < 0)
                return r;
        text[size] = '\0';
        if (strlen(text) != size)
                return -EBADMSG;
        *ret = TAKE_PTR(text);
        return 0;
}

bool doctor_exists(const DoctorHost *h, const char *path)
{
        char full[PATH_MAX];

        return path_below(h, path, full) && access(full, F_OK) == 0;
}

char **doctor_names_free(char **names)
{
        for (char **name = names; name && *name; name++)
                free(*name);
        free(names);
        return NULL;
}

static int name_compare(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_read(DIR *dir, char **names, size_t *n)
{
        const struct dirent *entry;

        for (;;) {
                errno = 0;
                entry = readdir(dir);
                if (!entry)
                        return -errno;
                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                if (*n == DOCTOR_NAMES_MAX)
                        return -E2BIG;
                names[*n] = strdup(entry->d_name);
                if (!names[*n])
                        return -ENOMEM;
                (*n)++;
        }
}

int doctor_names(const DoctorHost *h, const char *path, char ***ret)
{
        _cleanup_(doctor_names_freep) char **names = NULL;
        char full[PATH_MAX];
        size_t n = 0;
        DIR *dir;
        int r;

        if (!path_below(h, path, full))
                return -ENAMETOOLONG;
        names = calloc(DOCTOR_NAMES_MAX + 1, sizeof(*names));
        if (!names)
                return -ENOMEM;
        dir = opendir(full);
        if (!dir)
                return -errno;
        r = names_read(dir, names, &n);
        (void)closedir(dir);
        if (r < 0)
                return r;
        sort_items(names, n, name_compare);
        *ret = TAKE_PTR(names);
        return 0;
}
