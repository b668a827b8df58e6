/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/sudo-probe.h"

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#define SUDO_FILE       PATH_ROOT "/usr/bin/sudo"
#define VISUDO_FILE     PATH_ROOT "/usr/sbin/visudo"
#define RUN_USEC        (10 * USEC_PER_SEC)
#define RUN_OUTPUT_SIZE 65536u

static const char *const plugin_dirs[] = { PATH_ROOT "/usr/libexec/sudo", PATH_ROOT "/usr/lib/sudo",
                                           PATH_ROOT "/usr/lib64/sudo",
                                           PATH_ROOT "/usr/local/libexec/sudo" };

static const char *const refusals[] = {
#define SUDO_REFUSAL_SENTENCE(name, sentence) sentence,
        SUDO_REFUSALS(SUDO_REFUSAL_SENTENCE)
#undef SUDO_REFUSAL_SENTENCE
};

const char *sudo_refusal_sentence(SudoRefusal r)
{
        return refusals[r];
}

/* ---- running it ---- */

static int spawn_piped(const char *const *words, int out_fd, pid_t *ret)
{
        static const char *const environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C",
                                                   NULL };
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none;
        int r;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                (void)posix_spawn_file_actions_destroy(&actions);
                return -ENOMEM;
        }
        (void)sigemptyset(&none);
        r = posix_spawnattr_setsigmask(&attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
                                                     0);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn(ret, words[0], &actions, &attributes, (char *const *)words,
                                (char *const *)environment);
        (void)posix_spawnattr_destroy(&attributes);
        (void)posix_spawn_file_actions_destroy(&actions);
        return -r;
}

/* What it prints, until it closes its output or the deadline: what does not fit is read and
 * dropped. */
static int read_output(int fd, char *output, size_t size)
{
        uint64_t deadline = now_monotonic_usec() + RUN_USEC;
        char spill[4096] = "";
        size_t used = 0;

        for (;;) {
                bool fits = used + 1 < size;
                int r = fd_wait(fd, POLLIN, deadline);
                ssize_t n;

                if (r < 0)
                        return r;
                n = read(fd, fits ? output + used : spill, fits ? size - 1 - used : sizeof(spill));
                if (n < 0)
                        return -errno;
                if (fits) {
                        used += (size_t)n;
                        output[used] = '\0';
                }
                if (n == 0)
                        return 0;
        }
}

/* Its exit status, or a negative errno. What it says on stderr is seen. */
static int run(const char *const *words, char *output, size_t size)
{
        _cleanup_close_ int read_fd = -EBADF;
        int fds[2], status = -1, r;
        pid_t pid = -1;

        output[0] = '\0';
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        read_fd = fds[0];
        r = spawn_piped(words, fds[1], &pid);
        (void)close(fds[1]);
        if (r < 0)
                return r;
        r = read_output(read_fd, output, size);
        if (r < 0)
                (void)kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (r < 0)
                return r;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -EPIPE;
}

/* ---- questions ---- */

SudoRefusal sudo_version_parse(const char *output, SudoVersion *ret)
{
        SudoVersion v = { .major = 0 };
        char text[64] = "";

        if (strncmp(output, "sudo-rs", strlen("sudo-rs")) == 0)
                return SUDO_REFUSAL_RS;
        if (sscanf(output, "Sudo version %63s", text) != 1 ||
            sscanf(text, "%u.%u.%u", &v.major, &v.minor, &v.patch) < 2)
                return SUDO_REFUSAL_UNKNOWN;
        (void)snprintf(v.text, sizeof(v.text), "%s", text);
        *ret = v;
        return v.major > 1 || (v.major == 1 && v.minor >= 9) ? SUDO_REFUSAL_NONE : SUDO_REFUSAL_OLD;
}

SudoRefusal sudo_version_probe(SudoVersion *ret)
{
        static const char *const words[] = { SUDO_FILE, "--version", NULL };
        char output[RUN_OUTPUT_SIZE];
        int r = run(words, output, sizeof(output));

        if (r == -ENOENT)
                return SUDO_REFUSAL_ABSENT;
        return sudo_version_parse(output, ret);
}

static bool is_trusted(const char *path)
{
        _cleanup_close_ int fd = -EBADF;
        size_t size;

        return file_open_trusted(AT_FDCWD, path, owner_trusted(), &fd, &size) == 0;
}

/* The folder that sudo.conf names, else the one in which sudo's own policy plugin lies. */
static bool plugin_dir_find(const SudoConf *c, char ret[static SUDO_CONF_PATH_MAX])
{
        char own[SUDO_CONF_PATH_MAX];

        if (c->plugin_dir[0]) {
                (void)snprintf(ret, SUDO_CONF_PATH_MAX, "%s", c->plugin_dir);
                return true;
        }
        for (size_t i = 0; i < ELEMENTSOF(plugin_dirs); i++) {
                (void)snprintf(own, sizeof(own), "%s/sudoers.so", plugin_dirs[i]);
                if (access(own, F_OK) == 0) {
                        (void)snprintf(ret, SUDO_CONF_PATH_MAX, "%s", plugin_dirs[i]);
                        return true;
                }
        }
        return false;
}

bool sudo_plugin_probe(const SudoConf *c, char ret[static SUDO_CONF_PATH_MAX])
{
        const char *file = c->has_plugin ? c->plugin : SUDO_PLUGIN_FILE;
        char dir[SUDO_CONF_PATH_MAX] = "";
        int n;

        ret[0] = '\0';
        if (file[0] != '/' && !plugin_dir_find(c, dir))
                return false;
        n = snprintf(ret, SUDO_CONF_PATH_MAX, "%s%s%s", dir, file[0] == '/' ? "" : "/", file);
        return n > 0 && n < SUDO_CONF_PATH_MAX && is_trusted(ret);
}

SudoHealth sudo_health_probe(void)
{
        static const char *const command[] = { SUDO_FILE, "-n", "--", "true", NULL };
        static const char *const visudo[] = { VISUDO_FILE, "-c", "-q", NULL };
        static const char *const version[] = { SUDO_FILE, "-V", NULL };
        char output[RUN_OUTPUT_SIZE];
        SudoHealth h = { .runs = false };

        h.runs = run(command, output, sizeof(output)) == 0;
        h.visudo = run(visudo, output, sizeof(output)) == 0;
        h.loads = run(version, output, sizeof(output)) == 0 &&
                  strstr(output, "nhi approval plugin version") != NULL;
        return h;
}
