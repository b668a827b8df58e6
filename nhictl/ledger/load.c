/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opening a ledger: lock, settings, then every document that can be understood. */

#include "lib/base/name.h"
#include "nhictl/ledger/kind.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define REVISIONS_SIZE_MAX (256u * 1024 * 1024)

static int problem(Ledger *l, const char *file, const char *what)
{
        json_t *text = json_sprintf("%s/%s: %s", l->path, file, what);

        return json_array_append_new(l->problems, text) < 0 ? -ENOMEM : 0;
}

/* Why a file is not read, and what helps. */
static const char *why_not(const Ledger *l, const char *file, int r)
{
        struct stat st;

        if (r == -EACCES)
                return "it is not yours to read: use sudo, or have its owner chmod g+rw it";
        if (r == -ELOOP)
                return "it is a symbolic link";
        if (r != -EPERM || fstatat(l->dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return strerror(-r);
        return S_ISREG(st.st_mode) ? "it is writable by everybody: chmod o-w it first"
                                   : "it is no regular file";
}

static int file_error(const Ledger *l, const char *file, int r, char *error)
{
        (void)snprintf(error, LEDGER_ERROR_MAX, "%s/%s: %s", l->path, file, why_not(l, file, r));
        return r;
}

/* What keeps a document out, or NULL. */
static const char *document_judge(DocKind kind, const char *name, const json_t *doc)
{
        if (!streq(document_text(doc, ledger_kinds[kind].key), name))
                return "the name inside is not the file's name";
        return NULL;
}

/* A file that is no document of its folder by its name alone, which may be any bytes. */
static int refuse_name(Ledger *l, DocKind kind, const char *name)
{
        char shown[LEDGER_FILE_MAX], file[2 * LEDGER_FILE_MAX];

        (void)text_escape(shown, sizeof(shown), name);
        (void)snprintf(file, sizeof(file), "%s/%s.json", ledger_kinds[kind].folder, shown);
        return problem(l, file, "the file's name is no valid name for its folder");
}

static int load_document(Ledger *l, DocKind kind, const char *file, const char *name)
{
        _cleanup_free_ char *text = NULL;
        char error[DOCUMENT_ERROR_MAX];
        const char *why;
        json_t *doc = NULL;
        size_t size;
        int r;

        if (!ledger_name_is_valid(kind, name))
                return refuse_name(l, kind, name);
        r = document_read(l->dir_fd, file, DOCUMENT_SIZE_MAX, &text, &size);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                (void)ledger_hash_set(l, file, "", 0);
                return problem(l, file, why_not(l, file, r));
        }
        r = ledger_hash_set(l, file, text, size);
        if (r < 0)
                return r;
        if (document_parse(text, size, &doc, error) < 0)
                return problem(l, file, error);
        why = document_judge(kind, name, doc);
        if (why) {
                json_decref(doc);
                return problem(l, file, why);
        }
        return json_object_set_new(l->docs[kind], name, doc) < 0 ? -ENOMEM : 0;
}

/* "NAME.json" without its suffix, into ret; false for every other file. */
static bool document_stem(const char *file, char ret[static NAME_MAX + 1])
{
        size_t size = strlen(file);

        if (file[0] == '.' || size <= 5 || size > NAME_MAX || !streq(file + size - 5, ".json"))
                return false;
        memcpy(ret, file, size - 5);
        ret[size - 5] = '\0';
        return true;
}

static int load_folder(Ledger *l, DocKind kind)
{
        char file[LEDGER_FILE_MAX], stem[NAME_MAX + 1];
        const struct dirent *entry;
        int fd, r = 0;
        DIR *dir;

        fd = openat(l->dir_fd, ledger_kinds[kind].folder,
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) /* git keeps no empty folders */
                return errno == ENOENT ? 0 : -errno;
        dir = fdopendir(fd);
        if (!dir) {
                (void)close(fd);
                return -ENOMEM;
        }
        while (r == 0 && (entry = readdir(dir))) {
                if (!document_stem(entry->d_name, stem))
                        continue;
                (void)snprintf(file, sizeof(file), "%s/%s", ledger_kinds[kind].folder,
                               entry->d_name);
                r = load_document(l, kind, file, stem);
        }
        (void)closedir(dir);
        return r;
}

static int load_settings(Ledger *l, char *error)
{
        _cleanup_free_ char *text = NULL;
        char why[DOCUMENT_ERROR_MAX] = "";
        size_t size = 0;
        int r;

        r = document_read(l->dir_fd, "ledger.json", DOCUMENT_SIZE_MAX, &text, &size);
        if (r == -ENOENT) {
                (void)snprintf(error, LEDGER_ERROR_MAX,
                               "%s is no ledger (it has no ledger.json): nhictl init --local "
                               "makes one",
                               l->path);
                return r;
        }
        if (r == 0)
                r = ledger_hash_set(l, "ledger.json", text, size);
        if (r == 0)
                r = document_parse(text, size, &l->settings_doc, why);
        if (r == 0)
                r = ledger_settings_read(l->settings_doc, &l->settings, why);
        if (r < 0 && *why)
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s/ledger.json: %s", l->path, why);
        else if (r < 0)
                (void)file_error(l, "ledger.json", r, error);
        return r;
}

int ledger_file_open(const Ledger *l, const char *file, int flags, mode_t bits, int *ret_fd)
{
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        flags |= O_CLOEXEC | O_NOFOLLOW;
        fd = openat(l->dir_fd, file, flags);
        if (fd < 0 && errno == ENOENT) {
                fd = openat(l->dir_fd, file, flags | O_CREAT | O_EXCL, 0600);
                if (fd >= 0 && (fstat(l->dir_fd, &st) < 0 || fchmod(fd, st.st_mode & bits) < 0))
                        return -errno;
                if (fd < 0 && errno == EEXIST) /* another was first */
                        fd = openat(l->dir_fd, file, flags);
        }
        if (fd < 0)
                return -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* Who may only read the ledger must not hold up who changes it: theirs it is who may write. */
static mode_t lock_bits(const Ledger *l)
{
        struct stat st;

        return fstat(l->dir_fd, &st) == 0 && st.st_mode & S_IWGRP ? 0660 : 0600;
}

/* A checkout that is only read may have no lock file, and no place to put one. */
static int take_lock(Ledger *l, bool writing, char *error)
{
        int r;

        if (writing) {
                r = ledger_file_open(l, ".lock", O_RDWR, lock_bits(l), &l->lock_fd);
                if (r < 0)
                        return file_error(l, ".lock", r, error);
        } else {
                l->lock_fd = openat(l->dir_fd, ".lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
                if (l->lock_fd < 0)
                        return 0;
        }
        while (flock(l->lock_fd, writing ? LOCK_EX : LOCK_SH) < 0) {
                if (errno != EINTR)
                        return file_error(l, ".lock", -errno, error);
        }
        return 0;
}

static int open_directory(Ledger *l)
{
        struct stat st;

        l->dir_fd = open(l->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (l->dir_fd < 0 || fstat(l->dir_fd, &st) < 0)
                return -errno;
        /* Who may write here may grant anything. */
        return st.st_mode & S_IWOTH ? -EPERM : 0;
}

static int open_error(const Ledger *l, int r, char *error)
{
        if (r == -ENOENT)
                (void)snprintf(error, LEDGER_ERROR_MAX,
                               "there is no ledger at %s: nhictl init --local makes one, --ledger "
                               "names another",
                               l->path);
        else if (r == -EPERM)
                (void)snprintf(error, LEDGER_ERROR_MAX,
                               "%s is writable by everybody: chmod o-w it first", l->path);
        else if (r == -EACCES)
                (void)snprintf(error, LEDGER_ERROR_MAX,
                               "%s is not yours to read: use sudo, or --ledger names another",
                               l->path);
        else
                (void)snprintf(error, LEDGER_ERROR_MAX, "%s: %s", l->path, strerror(-r));
        return r;
}

static int ledger_new(const char *path, Ledger **ret)
{
        _cleanup_(ledger_freep) Ledger *l = calloc(1, sizeof(*l));
        bool complete;

        if (!l)
                return -ENOMEM;
        l->dir_fd = l->lock_fd = -EBADF;
        l->path = strdup(path);
        l->hashes = json_object();
        l->problems = json_array();
        l->notes = json_array();
        complete = l->path && l->hashes && l->problems && l->notes;
        for (size_t kind = 0; kind < DOC_N; kind++) {
                l->docs[kind] = json_object();
                complete = complete && l->docs[kind];
        }
        if (!complete)
                return -ENOMEM;
        *ret = TAKE_PTR(l);
        return 0;
}

static int load_all(Ledger *l, char *error)
{
        size_t size;
        int r;

        for (int kind = 0; kind < DOC_N; kind++) {
                r = load_folder(l, (DocKind)kind);
                if (r < 0)
                        return open_error(l, r, error);
        }
        r = document_read(l->dir_fd, "revisions", REVISIONS_SIZE_MAX, &l->revisions, &size);
        if (r < 0 && r != -ENOENT)
                return file_error(l, "revisions", r, error);
        if (l->writable) /* L4: what cannot be read is the first change's trouble */
                l->history_error = history_load(l->dir_fd, &l->history);
        return l->history_error == -ENOMEM ? open_error(l, -ENOMEM, error) : 0;
}

int ledger_open(const char *path, bool writing, Ledger **ret,
                char ret_error[static LEDGER_ERROR_MAX])
{
        _cleanup_(ledger_freep) Ledger *l = NULL;
        int r;

        ret_error[0] = '\0';
        r = ledger_new(path, &l);
        if (r < 0) {
                (void)snprintf(ret_error, LEDGER_ERROR_MAX, "out of memory");
                return r;
        }
        l->writable = writing;
        r = open_directory(l);
        if (r < 0)
                return open_error(l, r, ret_error);
        r = take_lock(l, writing, ret_error);
        if (r == 0)
                r = load_settings(l, ret_error);
        if (r == 0)
                r = load_all(l, ret_error);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}
