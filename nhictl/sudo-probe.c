/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/sudo-probe.h"

#include "lib/base/file.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "nhictl/command.h"

#include <fcntl.h>
#include <stdio.h>

#define SUDO_FILE   PATH_ROOT "/usr/bin/sudo"
#define VISUDO_FILE PATH_ROOT "/usr/sbin/visudo"

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
        char output[COMMAND_OUTPUT_SIZE];
        int r = command_run(words, output, sizeof(output));

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
        char output[COMMAND_OUTPUT_SIZE];
        SudoHealth h = { .runs = false };

        h.runs = command_run(command, output, sizeof(output)) == 0;
        h.visudo = command_run(visudo, output, sizeof(output)) == 0;
        h.loads = command_run(version, output, sizeof(output)) == 0 &&
                  strstr(output, "nhi approval plugin version") != NULL;
        return h;
}
