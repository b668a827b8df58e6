/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl observe, enforce: the modes of gates, in agentd.conf.d/50-modes.conf, so that
 * administrators and configuration management, who own the gates themselves, are never overwritten.
 */

#include "lib/base/file.h"
#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhictl/agent-client.h"
#include "nhictl/modes-file.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

#include <time.h>

#define FORCE_DEADLINE_USEC (10 * USEC_PER_SEC)
#define FORCE_PAUSE_NSEC    (50L * 1000 * 1000)

static const json_t *gate_find(const json_t *gates, const char *name)
{
        const json_t *gate;
        size_t i;

        json_array_foreach(gates, i, gate)
                if (streq_ptr(member_text(gate, "name"), name))
                        return gate;
        return NULL;
}

static bool is_asked(const Call *call, const char *name)
{
        if (call->operands.n == 0)
                return true;
        for (size_t i = 0; i < call->operands.n; i++)
                if (streq(call->operands.items[i], name))
                        return true;
        return false;
}

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

/* True where every gate that was asked for is in this mode. */
static bool modes_hold(const Call *call, const json_t *gates, const char *mode)
{
        const json_t *gate;
        size_t i;

        json_array_foreach(gates, i, gate)
                if (is_asked(call, member_text(gate, "name") ?: "") &&
                    !streq_ptr(member_text(gate, "mode"), mode))
                        return false;
        return true;
}

/* What the file shall say: the gates asked for in the new mode, those it already names as they are;
 * of a gate that is no more, nothing. */
static int modes_plan(const Call *call, const json_t *gates, const char *mode, const Modes *old,
                      Modes *ret)
{
        const json_t *gate;
        size_t i;
        int r;

        json_array_foreach(gates, i, gate) {
                const char *name = member_text(gate, "name") ?: "";
                const char *want = is_asked(call, name) ? mode : modes_get(old, name);

                if (!want)
                        continue;
                r = modes_set(ret, name, want);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* One look: VERB_OK and *ret_done, or what went wrong. An error that was there before the reload
 * may be left over from then: it is no answer yet. */
static VerbStatus look(const Call *call, const char *mode, const char *error_before, bool *ret_done)
{
        json_t *reply = NULL;
        const char *error;
        int status;

        status = agent_ask(json_pack("{s:s}", "verb", "status"), &reply);
        if (status != VERB_OK)
                return status;
        *ret_done = modes_hold(call, json_object_get(reply, "gates"), mode);
        error = member_text(reply, "config_error");
        if (!*ret_done && error && *error && !streq_ptr(error, error_before))
                status = fail(VERB_FAILED, "the agent refused it: %s", error);
        json_decref(reply);
        return status;
}

/* Ask until the agent has the modes, or has refused the configuration. */
static VerbStatus wait_for(const Call *call, const char *mode, const char *error_before)
{
        uint64_t deadline_usec = now_monotonic_usec() + FORCE_DEADLINE_USEC;

        for (;;) {
                bool done = false;
                VerbStatus status = look(call, mode, error_before, &done);

                if (status != VERB_OK || done)
                        return status;
                if (now_monotonic_usec() >= deadline_usec)
                        return fail(VERB_FAILED, "the agent did not take it over: %s",
                                    error_before && *error_before ? error_before
                                                                  : "see nhictl status");
                (void)nanosleep(&(struct timespec){ .tv_nsec = FORCE_PAUSE_NSEC }, NULL);
        }
}

static VerbStatus put_in_force(const Call *call, const char *mode, const char *error_before)
{
        json_t *reply = NULL;
        int status = agent_ask(json_pack("{s:s}", "verb", "reload"), &reply);

        json_decref(reply);
        if (status != VERB_OK)
                return status;
        return wait_for(call, mode, error_before);
}

/* Written, in force and seen to be; or as it was before. */
static VerbStatus modes_change(const Call *call, const json_t *before, const char *mode)
{
        const json_t *gates = json_object_get(before, "gates");
        _cleanup_(modes_done) Modes old = { 0 }, new = { 0 };
        VerbStatus status;
        int r;

        r = modes_load(PATH_MODES_FILE, &old);
        if (r == 0)
                r = modes_plan(call, gates, mode, &old, &new);
        if (r == 0)
                r = modes_save(PATH_MODES_FILE, &new);
        if (r == -EACCES)
                return fail(VERB_FAILED, "%s is root's: sudo nhictl %s", mode, mode);
        if (r < 0)
                return fail(VERB_FAILED, "%s: %s", PATH_MODES_FILE, strerror(-r));

        status = put_in_force(call, mode, member_text(before, "config_error"));
        if (status == VERB_OK)
                return VERB_OK;
        r = modes_save(PATH_MODES_FILE, &old);
        say(r < 0 ? "%s could not be put back as it was" : "%s is as it was before",
            PATH_MODES_FILE);
        return status;
}

static VerbStatus modes_run(Call *call)
{
        const char *mode = call->verb->name;
        json_t *reply = NULL;
        bool changed;
        int status;

        status = agent_ask(json_pack("{s:s}", "verb", "status"), &reply);
        if (status != VERB_OK)
                return status;
        status = check_names(call, json_object_get(reply, "gates"));
        changed = status == VERB_OK && !modes_hold(call, json_object_get(reply, "gates"), mode);
        if (changed)
                status = modes_change(call, reply, mode);
        json_decref(reply);
        if (status != VERB_OK)
                return status;
        return output_changed(&call->out, changed) < 0 ? VERB_FAILED : VERB_OK;
}

const Verb verb_observe = {
        .name = "observe",
        .synopsis = "[GATE...]",
        .help = "let gates only observe: would-be denials are recorded, access goes on\n"
                "See them by nhictl log --would-deny. Without GATE: all gates. For root.",
        .operands_max = OPERANDS_ANY,
        .run = modes_run,
};

const Verb verb_enforce = {
        .name = "enforce",
        .synopsis = "[GATE...]",
        .help = "enforce gates: from now on there is no access without a grant\n"
                "Read nhictl log --would-deny first. Without GATE: all gates. For root.",
        .operands_max = OPERANDS_ANY,
        .run = modes_run,
};
