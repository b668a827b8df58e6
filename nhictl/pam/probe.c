/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/pam/probe.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <fcntl.h>
#include <poll.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int no_conversation(int n, const struct pam_message **messages,
                           struct pam_response **responses, void *data)
{
        return PAM_CONV_ERR;
}

static int ask(const char *service, const char *user, uid_t real_uid)
{
        const struct pam_conv conversation = { no_conversation, NULL };
        pam_handle_t *handle = NULL;
        int code;

        if (setresuid(real_uid, geteuid(), geteuid()) < 0)
                return PAM_SYSTEM_ERR;
        code = pam_start(service, user, &conversation, &handle);
        if (code != PAM_SUCCESS)
                return code;
        code = pam_acct_mgmt(handle, PAM_SILENT);
        (void)pam_end(handle, code);
        return code;
}

/* What modules print is nobody's; SIGALRM is what ends the child where there are no pidfds. */
static void child_settle(void)
{
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        sigset_t none;

        if (fd >= 0) {
                (void)dup2(fd, STDIN_FILENO);
                (void)dup2(fd, STDOUT_FILENO);
                (void)dup2(fd, STDERR_FILENO);
        }
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        (void)signal(SIGALRM, SIG_DFL);
        (void)alarm(PAM_PROBE_SEC + 2);
}

/* 0, or -ETIMEDOUT after it was killed. */
static int child_wait(pid_t pid)
{
        _cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        int r = fd < 0 ? 0
                       : fd_wait(fd, POLLIN, now_monotonic_usec() + PAM_PROBE_SEC * USEC_PER_SEC);

        if (r < 0)
                (void)kill(pid, SIGKILL);
        return r;
}

int pam_probe(const char *service, const char *user, uid_t real_uid)
{
        int status = 0, r;
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0) {
                child_settle();
                _exit(ask(service, user, real_uid));
        }
        r = child_wait(pid);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (r < 0)
                return r;
        if (WIFSIGNALED(status))
                return WTERMSIG(status) == SIGALRM ? -ETIMEDOUT : -EPIPE;
        return WEXITSTATUS(status);
}
