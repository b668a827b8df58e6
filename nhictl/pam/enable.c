/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl pam enable.
 *
 * MUST: nothing is changed that was not rehearsed, and found well, on copies first.
 * MUST: root, and who no enforced gate holds up, are told by PAM what they were told before; where
 *       that is not so, every file is put back to the byte.
 * MUST: the state before lies in PAM_BACKUP_DIR before the first file changes. */

#include "lib/base/path.h"
#include "nhictl/agent-client.h"
#include "nhictl/gates-file.h"
#include "nhictl/pam/behaviour.h"
#include "nhictl/pam/change.h"
#include "nhictl/pam/rehearse.h"
#include "nhictl/pam/structure.h"
#include "nhictl/reply.h"

#include <signal.h>

/* A rehearsal that ended well and changed nothing. */
#define REHEARSED_UNCHANGED 100

typedef struct Change {
        const PamTool *tool;
        Tree before;
        PamBehaviour behaviour;
} Change;

/* Both are said, so both are looked at. */
static bool holds(const Change *c)
{
        bool structure = pam_structure_holds(PATH_ROOT);

        return pam_behaviour_holds(&c->behaviour) && structure;
}

static int rehearse_enable(void *data)
{
        const Change *c = data;
        _cleanup_(tree_done) Tree after = { .files = NULL };
        VerbStatus s = c->tool->enable();
        bool differs;

        if (s == VERB_OK)
                s = pam_tree(c->tool, &after);
        if (s != VERB_OK)
                return (int)s;
        differs = pam_trees_differ(&c->before, &after);
        if (holds(c))
                return differs ? VERB_OK : REHEARSED_UNCHANGED;
        if (!differs)
                c->tool->explain();
        return VERB_FAILED;
}

static void put_back(const Change *c)
{
        _cleanup_(tree_done) Tree now = { .files = NULL };
        char path[4096] = "";
        int r = tree_restore(&c->before, c->tool->folders, path, sizeof(path));

        if (r == 0 && pam_tree(c->tool, &now) == VERB_OK && tree_equal(&c->before, &now)) {
                say("every file was put back as it was");
                return;
        }
        say("%s could not be put back (%s): keep this root shell open, and run: cp "
            "-a " PAM_BACKUP_DIR "/. /",
            *path ? path : "a file", strerror(-r));
}

/* Signals wait meanwhile: to be interrupted in between would leave what nobody has looked at. */
static VerbStatus change(const Change *c)
{
        sigset_t all, old;
        VerbStatus s;

        (void)sigfillset(&all);
        (void)sigprocmask(SIG_BLOCK, &all, &old);
        s = c->tool->enable();
        if (s != VERB_OK || !holds(c)) {
                put_back(c);
                s = VERB_FAILED;
        }
        (void)sigprocmask(SIG_SETMASK, &old, NULL);
        return s;
}

/* Gates that hold from now on, and nobody to ask: those under them stay out, which is right, and no
 * surprise for long. */
static void warn_without_agent(void)
{
        json_t *request = json_pack("{s:s}", "verb", "status"), *reply = NULL, *gates, *accounts;
        bool enforced;
        const json_t *gate;
        size_t i;

        if (request && agent_call(request, &reply) == 0) {
                json_decref(reply);
                json_decref(request);
                return;
        }
        json_decref(request);
        gates = gates_published();
        accounts = accounts_published();
        enforced = json_array_size(accounts) > 0;
        json_array_foreach(gates, i, gate)
                enforced |= streq_ptr(member_text(gate, "mode"), "enforce");
        json_decref(gates);
        json_decref(accounts);
        if (enforced)
                say("warning: gates are enforced and no agent answers: who is gated stays out "
                    "until "
                    "nhi-agentd runs (systemctl status nhi-agentd)");
}

static VerbStatus enable(Call *call, Change *c)
{
        VerbStatus s = pam_tree(c->tool, &c->before);
        int r;

        if (s != VERB_OK)
                return s;
        pam_behaviour_ask(&c->behaviour);
        r = rehearse(c->tool->scratch, rehearse_enable, c);
        if (r != VERB_OK && r != REHEARSED_UNCHANGED)
                return fail(VERB_FAILED, "nothing was changed");
        if (r == REHEARSED_UNCHANGED) {
                warn_without_agent();
                return output_changed(&call->out, false) < 0 ? VERB_FAILED : VERB_OK;
        }
        s = pam_backup(c->tool);
        if (s != VERB_OK)
                return fail(s, "nothing was changed");
        s = change(c);
        if (s != VERB_OK)
                return s;
        warn_without_agent();
        return output_changed(&call->out, true) < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus run_enable(Call *call)
{
        _cleanup_close_ int lock = -EBADF;
        Change c = { .tool = NULL };
        VerbStatus s = pam_begin(call->verb->name, &c.tool);

        if (s != VERB_OK)
                return s;
        if (!pam_module_is_there(PATH_ROOT))
                return fail(VERB_FAILED, PAM_GATE_MODULE
                            " is not here: a line that names it would "
                            "deny everybody, root too; install libpam-nhi (pam_nhi) "
                            "first");
        s = pam_lock(&lock);
        if (s != VERB_OK)
                return s;
        if (lock < 0)
                return fail(VERB_FAILED, PATH_STATE_DIR ": %s", strerror(-lock));
        s = enable(call, &c);
        tree_done(&c.before);
        return s;
}

const Verb verb_pam_enable = {
        .name = "pam enable",
        .synopsis = "",
        .help = "put the gate into /etc/pam.d, through pam-auth-update or authselect\n"
                "Rehearses the change, backs up, changes, asks PAM whether root and an account\n"
                "without a gate still pass, and puts every file back where they do not.",
        .run = run_enable,
};
