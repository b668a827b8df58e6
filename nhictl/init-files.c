/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What nhictl init writes: all of it beside what stands there, so that a full disk is met before
 * anything is changed, and then all of it in its place. */

#include "nhictl/init.h"

#include "lib/base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#define TEXT_MAX (256u * 1024)
#define BESIDE   ".new" /* read by nobody: agentd.conf.d and drop-ins are *.conf */

/* ---- begun and not finished ---- */

int init_begin(void)
{
        _cleanup_close_ int fd =
                open(INIT_UNFINISHED, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

        return fd < 0 ? fail(VERB_FAILED, "%s: %s", INIT_UNFINISHED, strerror(errno)) : VERB_OK;
}

bool init_is_unfinished(void)
{
        return access(INIT_UNFINISHED, F_OK) == 0;
}

int init_finish(void)
{
        if (init_is_unfinished() && unlink(INIT_UNFINISHED) < 0)
                return fail(VERB_FAILED, "%s: %s", INIT_UNFINISHED, strerror(errno));
        return VERB_OK;
}

/* ---- files ---- */

static int add(InitFiles *f, const char *path, InitFile **ret)
{
        InitFile *file = &f->files[f->n];

        if (f->n == ELEMENTSOF(f->files))
                return fail(VERB_FAILED, "more than %zu files", ELEMENTSOF(f->files));
        *file = (InitFile){ .path = strdup(path) };
        if (!file->path || asprintf(&file->beside, "%s" BESIDE, path) < 0) {
                free(file->path);
                return fail(VERB_FAILED, "out of memory");
        }
        f->n++;
        *ret = file;
        return VERB_OK;
}

int init_files_add(InitFiles *f, const char *path, const char *text, mode_t mode)
{
        _cleanup_free_ char *old = NULL;
        InitFile *file = NULL;
        size_t size = 0;
        int r;

        if (document_read(AT_FDCWD, path, TEXT_MAX, &old, &size) == 0 && streq(old, text))
                return VERB_OK;
        r = add(f, path, &file);
        if (r != VERB_OK)
                return r;
        r = file_replace(file->beside, text, strlen(text), mode, geteuid(), getegid(), true);
        return r < 0 ? fail(VERB_FAILED, "%s: %s. Nothing was changed", path, strerror(-r))
                     : VERB_OK;
}

int init_files_keep(InitFiles *f, const char *path, const char *as)
{
        InitFile *file = NULL;
        int r = access(path, F_OK) == 0 ? add(f, as, &file) : VERB_OK;

        if (!file)
                return r;
        file->of = strdup(path);
        if (!file->of)
                return fail(VERB_FAILED, "out of memory");
        (void)unlink(file->beside);
        if (link(path, file->beside) < 0)
                return fail(VERB_FAILED, "%s: %s. Nothing was changed", as, strerror(errno));
        return VERB_OK;
}

static int sync_directory_of(const char *path)
{
        _cleanup_free_ char *directory = strndup(path, (size_t)(strrchr(path, '/') - path));
        _cleanup_close_ int fd =
                directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int put(const InitFile *file)
{
        if (rename(file->beside, file->path) < 0 || sync_directory_of(file->path) < 0)
                return fail(VERB_FAILED, "%s: %s", file->path, strerror(errno));
        if (file->of)
                say("%s is now %s", file->of, file->path);
        return VERB_OK;
}

/* Ctrl-C waits: a key without its configuration is no setup. */
int init_files_put(const InitFiles *f, bool *changed)
{
        sigset_t all, before;
        int r = f->n > 0 ? init_begin() : VERB_OK;

        (void)sigfillset(&all);
        (void)sigprocmask(SIG_BLOCK, &all, &before);
        for (size_t i = 0; r == VERB_OK && i < f->n; i++) {
                r = put(&f->files[i]);
                *changed |= r == VERB_OK;
        }
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

void init_files_done(InitFiles *f)
{
        for (size_t i = 0; i < f->n; i++) {
                (void)unlink(f->files[i].beside);
                free(f->files[i].beside);
                free(f->files[i].path);
                free(f->files[i].of);
        }
        f->n = 0;
}
