/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl pam disable: also the way back from a console in single-user mode. It asks no agent, no
 * systemd, no bus and no PAM, and does what it can where something is missing. */

#include "lib/base/path.h"
#include "nhictl/pam/change.h"
#include "nhictl/pam/structure.h"

/* Without the lock there could be two at work; with it refused nobody could get out. */
static VerbStatus lock_or_go_on(int *ret)
{
        VerbStatus s = pam_lock(ret);

        if (s == VERB_OK && *ret < 0)
                say(PATH_STATE_DIR ": %s; going on without a lock", strerror(-*ret));
        return s;
}

static VerbStatus lines_left(void)
{
        (void)pam_lines_remaining(PATH_ROOT, true);
        return fail(VERB_PROBLEM, "take these lines out by hand, or with: "
                                  "/usr/libexec/nhi/pam-lines remove");
}

static VerbStatus disable(Call *call)
{
        const PamTool *tool;
        VerbStatus s;

        /* Lines that somebody deleted by hand come back with the tool's next run, unless it is
         * told. */
        if (pam_lines_remaining(PATH_ROOT, false) == 0 && !pam_tool_keeps_us())
                return output_changed(&call->out, false) < 0 ? VERB_FAILED : VERB_OK;
        tool = pam_tool_find();
        s = tool ? tool->disable() : VERB_FAILED;
        if (pam_lines_remaining(PATH_ROOT, false) > 0)
                return lines_left();
        if (s != VERB_OK)
                return s;
        if (pam_tool_keeps_us())
                return fail(
                        VERB_PROBLEM,
                        "no line is left, but %s still means to have ours (see above): until it "
                        "is told otherwise its next run may put them back",
                        tool->name);
        pam_backup_drop();
        say("no gate holds at logins any more; nhictl sudo disable takes the sudo plugin out, and "
            "sshd's part stands in /etc/ssh/sshd_config.d");
        return output_changed(&call->out, true) < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus run_disable(Call *call)
{
        _cleanup_close_ int lock = -EBADF;
        VerbStatus s = pam_check_root(call->verb->name);

        if (s == VERB_OK)
                s = lock_or_go_on(&lock);
        return s == VERB_OK ? disable(call) : s;
}

const Verb verb_pam_disable = {
        .name = "pam disable",
        .synopsis = "",
        .help = "take the gate out of /etc/pam.d again\n"
                "Works with the agent dead, the module gone and from single-user mode. Lines that\n"
                "the tool leaves, an administrator's own, are named with file and line (exit 1).",
        .run = run_disable,
};
