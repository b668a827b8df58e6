/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* tests/fake-agent.h in a process of its own, which no fault meets. */

#include "tests/fake-agent.h"
#include "tests/fault/fault.h"

#include <err.h>
#include <signal.h>
#include <sys/wait.h>

static FakeAgent helper_agent;
static const char *helper_path;

static void helper_serve(void)
{
        if (fake_agent_start(&helper_agent, helper_path) != 0)
                _exit(1);
        for (;;)
                (void)pause();
}

/* An agent that answers so, in place of the one before. */
static void helper_restart(const char *path, FakeAnswer answer)
{
        static pid_t pid;

        if (pid > 0) {
                (void)kill(pid, SIGKILL);
                (void)waitpid(pid, NULL, 0);
        }
        (void)unlink(path);
        helper_path = path;
        helper_agent.answer = answer;
        pid = fault_helper(helper_serve);
        if (pid < 0)
                err(2, "fork");
        while (access(path, F_OK) < 0)
                (void)poll(NULL, 0, 5);
}
