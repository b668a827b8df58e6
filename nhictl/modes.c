/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl observe, enforce: the modes of gates, in agentd.conf.d/50-modes.conf, so that
 * administrators and configuration management, who own the gates themselves, are never overwritten.
 */

#include "lib/base/io.h"
#include "nhictl/agent-client.h"
#include "nhictl/confirm/confirm.h"
#include "nhictl/modes-agent.h"
#include "nhictl/pam/stack.h"

#define LOCK_USEC (20 * USEC_PER_SEC)

typedef struct EnforceOptions {
        int64_t within_sec;
        bool confirm, revert, if_due;
} EnforceOptions;

static VerbStatus check_names(const Call *call, const json_t *gates)
{
        if (json_array_size(gates) == 0)
                return fail(VERB_USAGE, "agentd.conf has no gates: write one first (see "
                                        "agentd.conf(5), \"gates\")");
        for (size_t i = 0; i < call->operands.n; i++)
                if (!gate_find(gates, call->operands.items[i]))
                        return fail(VERB_USAGE, "there is no gate %s: nhictl status lists them",
                                    call->operands.items[i]);
        return VERB_OK;
}

static VerbStatus take_lock(const char *verb, int *ret_fd)
{
        int r = pending_lock(LOCK_USEC, ret_fd);

        if (r == -EACCES)
                return fail(VERB_FAILED, "%s is root's: sudo nhictl %s", verb, verb);
        if (r == -EBUSY)
                return fail(VERB_FAILED, "another nhictl is changing modes: try again");
        return r < 0 ? fail(VERB_FAILED, "%s: %s", PATH_PENDING_LOCK, strerror(-r)) : VERB_OK;
}

/* ---- observe -----------------------------------------------------------------------------------
 */

static VerbStatus observe_change(const Call *call, const json_t *gates, bool *ret_changed)
{
        _cleanup_close_ int lock_fd = -EBADF;
        Pending p = { .gates = NULL };
        ModesChange c = { .before = NULL };
        VerbStatus status = take_lock("observe", &lock_fd);
        bool is_pending;

        if (status != VERB_OK)
                return status;
        is_pending = pending_load(&p) == 0;
        *ret_changed = is_pending || !modes_hold(call, gates, "observe");
        if (*ret_changed) {
                status = modes_change_plan(call, gates, "observe", &c);
                if (status == VERB_OK)
                        status = is_pending ? confirm_observe(&c, &p) : modes_change_run(&c);
        }
        modes_change_done(&c);
        pending_done(&p);
        return status;
}

/* ---- enforce -----------------------------------------------------------------------------------
 */

/* An enforced gate that PAM never asks denies nobody: better said now than believed. */
static void warn_without_pam(void)
{
        static const char *const services[] = { "sshd", "sudo", "login", "su" };
        bool found = false;

        for (size_t i = 0; i < ELEMENTSOF(services) && !found; i++) {
                PamStack stack = { .lines = NULL };

                if (pam_stack_read(PATH_ROOT, services[i], PAM_KIND_ACCOUNT, &stack) < 0)
                        continue;
                found = pam_stack_find(&stack, "pam_nhi.so") < stack.n;
                pam_stack_done(&stack);
        }
        if (!found)
                say("PAM does not ask nhi yet, so this denies nobody: nhictl pam enable");
}

static void hint(const EnforceOptions *o)
{
        if (o->within_sec == 0 && isatty(STDERR_FILENO) && !confirm_is_known_here())
                say("next time with --confirm-within 10m, which undoes itself unless a new login "
                    "confirms it; nhictl observe takes this back");
}

static VerbStatus enforce_change(const Call *call, const json_t *gates, bool *ret_changed)
{
        const EnforceOptions *o = call->options;
        _cleanup_close_ int lock_fd = -EBADF;
        ModesChange c = { .before = NULL };
        VerbStatus status;

        *ret_changed = !modes_hold(call, gates, "enforce");
        if (!*ret_changed) {
                if (o->within_sec > 0)
                        say("already enforced: nothing waits for a confirmation by this");
                return VERB_OK;
        }
        status = take_lock("enforce", &lock_fd);
        if (status == VERB_OK)
                status = confirm_check_none();
        if (status == VERB_OK)
                status = modes_change_plan(call, gates, "enforce", &c);
        if (status == VERB_OK)
                status =
                        o->within_sec > 0 ? confirm_begin(&c, o->within_sec) : modes_change_run(&c);
        if (status == VERB_OK) {
                warn_without_pam();
                hint(o);
        }
        modes_change_done(&c);
        return status;
}

/* ---- the verbs ---------------------------------------------------------------------------------
 */

static VerbStatus modes_run(Call *call, VerbStatus (*change)(const Call *call, const json_t *gates,
                                                             bool *ret_changed))
{
        const json_t *gates;
        json_t *reply = NULL;
        bool changed = false;
        int status;

        status = agent_ask(json_pack("{s:s}", "verb", "status"), &reply);
        if (status != VERB_OK)
                return status;
        gates = json_object_get(reply, "gates");
        status = check_names(call, gates);
        if (status == VERB_OK)
                status = change(call, gates, &changed);
        json_decref(reply);
        if (status != VERB_OK)
                return status;
        return output_changed(&call->out, changed) < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus observe_run(Call *call)
{
        VerbStatus status = modes_run(call, observe_change);

        if (status == VERB_UNREACHABLE)
                say("without the agent: nhictl pam disable and nhictl sudo disable take the gates "
                    "out of PAM and sudo");
        return status;
}

static VerbStatus check_options(const Call *call, const EnforceOptions *o)
{
        if (o->confirm + o->revert + (o->within_sec > 0) > 1)
                return fail(VERB_USAGE,
                            "--confirm-within, --confirm and --revert exclude each other");
        if ((o->confirm || o->revert) && call->operands.n > 0)
                return fail(VERB_USAGE, "--confirm and --revert concern what is pending: no GATE");
        if (o->if_due && !o->revert)
                return fail(VERB_USAGE, "--if-due goes with --revert");
        if (o->within_sec > 0 &&
            (o->within_sec < CONFIRM_WITHIN_MIN_SEC || o->within_sec > CONFIRM_WITHIN_MAX_SEC))
                return fail(VERB_USAGE, "--confirm-within: from %ds to 24h, such as 10m",
                            CONFIRM_WITHIN_MIN_SEC);
        return VERB_OK;
}

static VerbStatus enforce_run(Call *call)
{
        const EnforceOptions *o = call->options;
        VerbStatus status = check_options(call, o);

        if (status != VERB_OK)
                return status;
        if (o->confirm)
                return confirm_run(call);
        if (o->revert)
                return confirm_revert(call, o->if_due);
        return modes_run(call, enforce_change);
}

const Verb verb_observe = {
        .name = "observe",
        .synopsis = "[GATE...]",
        .help = "let gates only observe: would-be denials are recorded, access goes on\n"
                "See them by nhictl log --would-deny. Without GATE: all gates. For root.\n"
                "What is observed waits for no confirmation any more.",
        .operands_max = OPERANDS_ANY,
        .run = observe_run,
};

#define AT(member) offsetof(EnforceOptions, member)
static const Option enforce_options[] = {
        { "confirm-within", 0, OPTION_DURATION, AT(within_sec), "T",
          "undo it after T (10s to 24h) unless confirmed" },
        { "confirm", 0, OPTION_FLAG, AT(confirm), NULL,
          "from a new login: keep what was enforced" },
        { "revert", 0, OPTION_FLAG, AT(revert), NULL, "undo at once what is not confirmed" },
        { "if-due", 0, OPTION_FLAG, AT(if_due), NULL,
          "with --revert: only when its time is over (nhi-revert.service)" },
        OPTION_END,
};

const Verb verb_enforce = {
        .name = "enforce",
        .synopsis = "[GATE...] [--confirm-within T] | --confirm | --revert",
        .help = "enforce gates: from now on there is no access without a grant\n"
                "Read nhictl log --would-deny first. Without GATE: all gates. For root.\n"
                "With --confirm-within it undoes itself, unless --confirm comes from a new login.\n"
                "So does a restart of the host. nhictl(1) says what a new login is.",
        .options = enforce_options,
        .options_size = sizeof(EnforceOptions),
        .operands_max = OPERANDS_ANY,
        .run = enforce_run,
};
