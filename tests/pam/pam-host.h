/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A small host for tests of pam_nhi: stacks in a private directory (pam_start_confdir(3)), gates
 * and exemptions below the test root, the module built for tests, and an agent that answers by
 * script.
 *
 * Each stack ends in pam_debug, which answers IGNORED: so that what the module returns can be told
 * apart, IGNORE included (libpam makes a lone IGNORE a denial). */

#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "tests/scripted-agent.h"

#include <fcntl.h>
#include <security/pam_appl.h>
#include <sys/stat.h>

#define IGNORED     PAM_CRED_UNAVAIL
#define PATH_STACKS PATH_ROOT "/pam.d"
#define PATH_MODULE PATH_ROOT "/../tmod/pam_nhi.so"

/* Accounts that every Debian and Fedora has. */
#define GATED    "games"
#define UNGATED  "nobody"
#define OBSERVED "mail"
#define EXEMPTED "bin"

#define HOST_GATES                                                                                 \
        "nhi-gates 1\n"                                                                            \
        "gate held enforce * " GATED ",ghost*\n"                                                   \
        "gate seen observe * " OBSERVED "\n"                                                       \
        "gate both enforce * " EXEMPTED "\n"                                                       \
        "end 3\n"
#define HOST_EXEMPT EXEMPTED " *\n"

static ScriptedAgent agent;

/* What the person was told. */
typedef struct Talk {
        unsigned n_lines;
        char last[1200];
        int result; /* what the conversation returns */
} Talk;

static inline int talk(int n, const struct pam_message **messages, struct pam_response **ret,
                       void *userdata)
{
        Talk *t = userdata;

        if (t->result != PAM_SUCCESS)
                return t->result;
        for (int i = 0; i < n; i++) {
                /* pam_debug talks too. */
                if (strncmp(messages[i]->msg, "nhi: ", 5) != 0)
                        continue;
                t->n_lines++;
                snprintf(t->last, sizeof(t->last), "%s", messages[i]->msg);
        }
        *ret = calloc((size_t)n, sizeof(**ret));
        return *ret ? PAM_SUCCESS : PAM_BUF_ERR;
}

static inline void spit(const char *path, const char *text)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
                abort();
        close(fd);
}

static inline void make_folders(const char *path)
{
        char part[512];

        for (size_t i = 1; path[i - 1]; i++)
                if (path[i] == '/' || path[i] == '\0') {
                        snprintf(part, sizeof(part), "%.*s", (int)i, path);
                        (void)mkdir(part, 0755);
                }
}

/* options: what stands behind pam_nhi.so. */
static inline void stack_write(const char *service, const char *options)
{
        static const char *const lines[][2] = { { "auth", "auth=cred_unavail cred=cred_unavail" },
                                                { "account", "acct=cred_unavail" },
                                                { "session", "open_session=cred_unavail "
                                                             "close_session=cred_unavail" },
                                                { "password", "prechauthtok=cred_unavail "
                                                              "chauthtok=cred_unavail" } };
        char path[512], text[4096];
        size_t size = 0;

        for (size_t i = 0; i < ELEMENTSOF(lines); i++)
                size += (size_t)snprintf(text + size, sizeof(text) - size,
                                         "%s [success=done ignore=ignore default=die] %s %s\n"
                                         "%s required pam_debug.so %s\n",
                                         lines[i][0], PATH_MODULE, options, lines[i][0],
                                         lines[i][1]);
        snprintf(path, sizeof(path), "%s/%s", PATH_STACKS, service);
        spit(path, text);
}

static const char *const host_services[] = { "sshd", "sudo", "su", "systemd-user", "atd", "odd" };

static inline int host_setup(void **state)
{
        umask(022);
        make_folders(PATH_RUN_DIR);
        make_folders(PATH_STATE_DIR);
        make_folders(PATH_EXEMPT_DIR);
        make_folders(PATH_STACKS);
        for (size_t i = 0; i < ELEMENTSOF(host_services); i++)
                stack_write(host_services[i], "");
        return agent_start(&agent, PATH_PAM_SOCK);
}

static inline int host_teardown(void **state)
{
        char path[512];

        agent_stop(&agent);
        for (size_t i = 0; i < ELEMENTSOF(host_services); i++) {
                snprintf(path, sizeof(path), "%s/%s", PATH_STACKS, host_services[i]);
                (void)unlink(path);
        }
        (void)unlink(PATH_GATES_RUN);
        (void)unlink(PATH_EXEMPT_FILE);
        (void)rmdir(PATH_EXEMPT_DIR);
        return rmdir(PATH_STACKS);
}

/* Before each test: gates as above and an agent that allows. */
static inline int host_reset(void **state)
{
        spit(PATH_GATES_RUN, HOST_GATES);
        spit(PATH_EXEMPT_FILE, HOST_EXEMPT);
        agent_script(&agent, SCRIPT_ALLOW);
        return 0;
}

/* One PAM transaction. */
typedef struct Login {
        pam_handle_t *pamh;
        Talk talk;
        struct pam_conv conv;
} Login;

static inline void login_begin(Login *l, const char *service, const char *user)
{
        *l = (Login){ .conv = { .conv = talk, .appdata_ptr = &l->talk } };
        if (pam_start_confdir(service, user, &l->conv, PATH_STACKS, &l->pamh) != PAM_SUCCESS)
                abort();
}

static inline void login_end(Login *l)
{
        pam_end(l->pamh, PAM_SUCCESS);
}

typedef int (*Entry)(pam_handle_t *, int);

/* One phase in a transaction of its own. */
static inline int phase_alone(const char *service, const char *user, Entry phase)
{
        Login l;
        int r;

        login_begin(&l, service, user);
        r = phase(l.pamh, 0);
        login_end(&l);
        return r;
}
