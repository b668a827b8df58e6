/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/pam/rehearse.h"

#include "lib/base/io.h"
#include "nhictl/command.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define COPY_USEC  (60 * USEC_PER_SEC)
#define COPY_MOUNT "mode=0755,size=512m"

/* The folder stays reachable by its descriptor, below the mount that hides it. */
static int folder_cover(const char *folder)
{
        /* Not O_CLOEXEC: cp reads through it. */
        int fd = open(folder, O_PATH | O_DIRECTORY), r;
        char from[64], output[COMMAND_OUTPUT_SIZE];
        const char *const words[] = { "/bin/cp", "-ax", from, folder, NULL };

        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        (void)snprintf(from, sizeof(from), "/proc/self/fd/%d/.", fd);
        r = mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, COPY_MOUNT) < 0 ? -errno : 0;
        if (r == 0)
                r = command_run_whole(words, NULL, COPY_USEC, output, sizeof(output));
        (void)close(fd);
        return r > 0 ? -EIO : r;
}

static VerbStatus cover(const char *const *folders)
{
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return fail(VERB_FAILED,
                            "the change cannot be rehearsed here: no mounts of one's own (%s)",
                            strerror(errno));
        for (size_t i = 0; folders[i]; i++) {
                int r = folder_cover(folders[i]);

                if (r < 0)
                        return fail(VERB_FAILED,
                                    "the change cannot be rehearsed here: no copy of %s (%s)",
                                    folders[i], strerror(-r));
        }
        return VERB_OK;
}

int rehearse(const char *const *folders, int (*inside)(void *data), void *data)
{
        int status = 0, s;
        pid_t pid;

        (void)fflush(stdout);
        pid = fork();
        if (pid < 0)
                return fail(VERB_FAILED, "%s", strerror(errno));
        if (pid == 0) {
                s = (int)cover(folders);
                if (s == VERB_OK)
                        s = inside(data);
                if (fflush(stdout) == EOF)
                        s = VERB_FAILED;
                _exit(s);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return fail(VERB_FAILED, "%s", strerror(errno));
        if (!WIFEXITED(status))
                return fail(VERB_FAILED, "the rehearsal was ended by signal %d", WTERMSIG(status));
        return WEXITSTATUS(status);
}
