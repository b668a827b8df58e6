/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/path.h"
#include "nhictl/init.h"

#include <spawn.h>
#include <sys/wait.h>

#define SYSTEMCTL PATH_ROOT "/usr/bin/systemctl"

/* Run systemctl; what it prints goes to stderr, stdout is for data. */
static int systemctl(const char *const *words)
{
        static char *const environment[] = { (char *)"LANG=C.UTF-8", NULL };
        posix_spawn_file_actions_t actions;
        int status = -1, r;
        pid_t pid;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        r = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
        if (r == 0)
                r = posix_spawn(&pid, SYSTEMCTL, &actions, NULL, (char *const *)words, environment);
        (void)posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                return -r;
        while (waitpid(pid, &status, 0) < 0) {
                if (errno != EINTR)
                        return -errno;
        }
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

bool init_has_systemd(void)
{
        return access(PATH_ROOT "/run/systemd/system", F_OK) == 0;
}

int init_start(bool renew, bool credentials)
{
        static const char *const enable[] = { SYSTEMCTL,
                                              "--quiet",
                                              "enable",
                                              "--now",
                                              "nhi-agentd-pam.socket",
                                              "nhi-agentd-control.socket",
                                              "nhi-agentd-keys.socket",
                                              "nhi-agentd-feed.socket",
                                              "nhi-agentd.service",
                                              "nhi-fetchd.service",
                                              NULL };
        static const char *const enable_timer[] = { SYSTEMCTL, "--quiet",         "enable",
                                                    "--now",   "nhi-renew.timer", NULL };
        static const char *const reread[] = { SYSTEMCTL, "daemon-reload", NULL };
        static const char *const restart[] = { SYSTEMCTL, "restart", "nhi-fetchd.service", NULL };
        static const char *const reload[] = { SYSTEMCTL, "reload", "nhi-agentd.service", NULL };

        if (!init_has_systemd()) {
                say("systemd does not run here: nhi-agentd, nhi-fetchd%s start with: systemctl "
                    "enable --now nhi-agentd nhi-fetchd%s; in a container: nhi-agentd(8), "
                    "CONTAINERS",
                    renew ? " and nhi-renew.timer" : "", renew ? " nhi-renew.timer" : "");
                return VERB_OK;
        }
        if (credentials && systemctl(reread) < 0)
                return fail(VERB_FAILED, "systemd does not read its units anew: systemctl "
                                         "daemon-reload");
        if (systemctl(enable) < 0 || (renew && systemctl(enable_timer) < 0))
                return fail(VERB_FAILED,
                            "the units did not start: systemctl status nhi-agentd (users and "
                            "groups are made by systemd-sysusers)");
        /* It was handed its credentials when it started. */
        if (credentials && systemctl(restart) < 0)
                return fail(VERB_FAILED, "nhi-fetchd did not start: systemctl status nhi-fetchd");
        /* Whoever wrote what stands there: from here on it is what runs. */
        if (systemctl(reload) < 0)
                return fail(VERB_FAILED, "the agent did not reload: nhictl status says why");
        return VERB_OK;
}
