/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sudo_nhi/command.h"

#include "lib/base/macro.h"
#include "sudo_nhi/target.h"
#include "sudo_nhi/vector.h"

#include <stdio.h>

static const struct {
        const char *token, *sentence;
} faults[] = {
#define COMMAND_FAULT_ROW(name, token, sentence) { token, sentence },
        COMMAND_FAULTS(COMMAND_FAULT_ROW)
#undef COMMAND_FAULT_ROW
};

const char *command_fault_token(CommandFault f)
{
        return faults[f].token;
}

const char *command_fault_sentence(CommandFault f)
{
        return faults[f].sentence;
}

/* The id that gives the command its power: the effective one. A real one that differs is the
 * invoker's own (stay_setuid in sudoers) or nothing we understand. */
static bool effective_id(char *const info[], const char *effective, const char *real, uint32_t own,
                         uint32_t *ret)
{
        uint32_t e, r;

        if (!vector_id(info, real, &r))
                return false;
        if (!vector_value(info, effective))
                e = r;
        else if (!vector_id(info, effective, &e))
                return false;
        if (r != e && r != own)
                return false;
        *ret = e;
        return true;
}

static CommandFault command_target(Command *c, char *const info[], const Invoker *invoker)
{
        gid_t gid, own_gid;
        uid_t uid;

        if (!vector_value(info, "runas_uid") || !vector_value(info, "runas_gid"))
                return COMMAND_FAULT_NO_TARGET;
        if (!effective_id(info, "runas_euid", "runas_uid", invoker->account.uid, &uid) ||
            !effective_id(info, "runas_egid", "runas_gid", invoker->account.gid, &gid))
                return COMMAND_FAULT_SPLIT_IDS;
        target_user_name(vector_value(info, "runas_user"), uid, c->target, &own_gid);
        if (gid != own_gid)
                target_group_name(vector_value(info, "runas_group"), gid, c->group);
        return COMMAND_FAULT_NONE;
}

/* Where the files begin in sudoedit's argv: behind the first "--", and sudo's own count, where it
 * gives one, must say the same. 0: not clear. */
static size_t edit_begin(char *const info[], char *const argv[], size_t n)
{
        const char *count = vector_value(info, "sudoedit_nfiles");
        uint32_t n_files;
        size_t at = 0;

        while (at < n && !streq(argv[at], "--"))
                at++;
        at++;
        if (at == 1 || at >= n)
                return 0;
        if (count && (!vector_id(info, "sudoedit_nfiles", &n_files) || n_files != n - at))
                return 0;
        return at;
}

/* A path as the invoker's working directory makes it absolute; not made shorter, so that it equals
 * a granted path only where it is written like it. */
static char *absolute_path(const char *cwd, const char *path)
{
        char *joined = NULL;

        if (path[0] == '/')
                return strdup(path);
        if (asprintf(&joined, "%s%s%s", cwd, streq(cwd, "/") ? "" : "/", path) < 0)
                return NULL;
        return joined;
}

static CommandFault command_edit(Command *c, char *const info[], char *const argv[], size_t n,
                                 const Invoker *invoker)
{
        size_t at = edit_begin(info, argv, n);

        if (at == 0)
                return COMMAND_FAULT_NO_FILES;
        c->n_argv = at - 2;
        c->edit = calloc(n - at, sizeof(*c->edit));
        if (!c->edit)
                return COMMAND_FAULT_NO_MEMORY;
        for (; at < n; at++) {
                if (argv[at][0] == '\0' || (argv[at][0] != '/' && invoker->cwd[0] == '\0'))
                        return COMMAND_FAULT_NO_FILES;
                c->edit[c->n_edit] = absolute_path(invoker->cwd, argv[at]);
                if (!c->edit[c->n_edit])
                        return COMMAND_FAULT_NO_MEMORY;
                c->n_edit++;
        }
        return COMMAND_FAULT_NONE;
}

CommandFault command_init(Command *ret, char *const command_info[], char *const run_argv[],
                          const Invoker *invoker)
{
        Command c = { .path = vector_value(command_info, "command"),
                      .cwd = vector_value(command_info, "cwd") };
        CommandFault f;
        size_t n = 0;

        if (vector_value(command_info, "chroot"))
                return COMMAND_FAULT_CHROOT;
        while (run_argv && run_argv[n])
                n++;
        if (!c.path || c.path[0] != '/' || n == 0)
                return COMMAND_FAULT_NO_COMMAND;
        c.argv = run_argv + 1;
        c.n_argv = n - 1;

        f = command_target(&c, command_info, invoker);
        if (f == COMMAND_FAULT_NONE && vector_is_true(command_info, "sudoedit"))
                f = command_edit(&c, command_info, run_argv, n, invoker);
        if (f != COMMAND_FAULT_NONE) {
                command_done(&c);
                return f;
        }
        *ret = c;
        return COMMAND_FAULT_NONE;
}

void command_done(Command *c)
{
        for (size_t i = 0; i < c->n_edit; i++)
                free(c->edit[i]);
        free(c->edit);
        *c = (Command){ .path = NULL };
}
