/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/pam/change.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhictl/command.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>

#define LOCK_FILE       PATH_STATE_DIR "/pam.lock"
#define BACKUP_NEW      PAM_BACKUP_DIR ".new"
#define LOCK_TRIES      600u
#define LOCK_SAY_AT     20u /* a second: whoever waits is told for what */
#define LOCK_PAUSE_NSEC (50 * 1000 * 1000)
#define BACKUP_USEC     (60 * USEC_PER_SEC)

VerbStatus pam_check_root(const char *verb)
{
        return geteuid() == owner_trusted()
                       ? VERB_OK
                       : fail(VERB_FAILED, "%s is root's: sudo nhictl %s", verb, verb);
}

VerbStatus pam_begin(const char *verb, const PamTool **ret)
{
        VerbStatus s = pam_check_root(verb);

        if (s != VERB_OK)
                return s;
        *ret = pam_tool_find();
        return *ret ? VERB_OK : VERB_FAILED;
}

/* Not O_CLOEXEC: where nhictl is killed, the tool that it started works on, and holds the lock
 * until it is done. */
static int lock_take(void)
{
        const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NSEC };
        int fd;

        (void)mkdir(PATH_STATE_DIR, 0755);
        fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        for (unsigned i = 0; i < LOCK_TRIES; i++) {
                if (flock(fd, LOCK_EX | LOCK_NB) == 0)
                        return fd;
                if (i == LOCK_SAY_AT)
                        say("another nhictl pam is at work: waiting for it");
                (void)nanosleep(&pause, NULL);
        }
        (void)close(fd);
        return -EAGAIN;
}

VerbStatus pam_lock(int *ret)
{
        const int fd = lock_take();

        if (fd == -EAGAIN)
                return fail(VERB_FAILED,
                            "another nhictl pam is at work: try again when it is done");
        *ret = fd;
        return VERB_OK;
}

VerbStatus pam_tree(const PamTool *tool, Tree *ret)
{
        char path[4096] = "";
        int r = tree_load(tool->folders, ret, path, sizeof(path));

        return r == 0 ? VERB_OK : fail(VERB_FAILED, "%s: %s", path, strerror(-r));
}

bool pam_is_note(const TreeFile *f)
{
        return strncmp(f->path, PATH_ROOT "/var/", strlen(PATH_ROOT "/var/")) == 0;
}

static bool has_all(const Tree *a, const Tree *b)
{
        for (size_t i = 0; i < a->n; i++) {
                const TreeFile *other = tree_find(b, a->files[i].path);

                if (!pam_is_note(&a->files[i]) && !(other && tree_file_equal(&a->files[i], other)))
                        return false;
        }
        return true;
}

bool pam_trees_differ(const Tree *before, const Tree *after)
{
        return !has_all(before, after) || !has_all(after, before);
}

/* ---- the backup ---- */

static int run_quietly(const char *const *words)
{
        char output[COMMAND_OUTPUT_SIZE];
        int r = command_run_whole(words, NULL, BACKUP_USEC, output, sizeof(output));

        return r > 0 ? -EIO : r;
}

static int folder_remove(const char *path)
{
        const char *const words[] = { "/bin/rm", "-rf", "--one-file-system", "--", path, NULL };

        return run_quietly(words);
}

static int folders_copy(const char *const *folders)
{
        int r = 0;

        /* coreutils 9.1 looks for the parents of an absolute path below its own directory. */
        if (chdir("/") < 0)
                return -errno;
        for (size_t i = 0; r == 0 && folders[i]; i++) {
                const char *const words[] = { "/bin/cp",  "-a",       "--parents", "--",
                                              folders[i], BACKUP_NEW, NULL };

                if (access(folders[i], F_OK) == 0)
                        r = run_quietly(words);
        }
        return r;
}

static int state_sync(void)
{
        _cleanup_close_ int fd = open(PATH_STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || syncfs(fd) < 0 ? -errno : 0;
}

VerbStatus pam_backup(const PamTool *tool)
{
        int r = folder_remove(BACKUP_NEW);

        if (r == 0)
                r = mkdir(BACKUP_NEW, 0700) < 0 ? -errno : folders_copy(tool->folders);
        if (r == 0)
                r = folder_remove(PAM_BACKUP_DIR);
        if (r == 0)
                r = rename(BACKUP_NEW, PAM_BACKUP_DIR) < 0 ? -errno : state_sync();
        return r == 0 ? VERB_OK
                      : fail(VERB_FAILED, PAM_BACKUP_DIR ": no backup could be made (%s)",
                             strerror(-r));
}

void pam_backup_drop(void)
{
        (void)folder_remove(PAM_BACKUP_DIR);
}
