/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl lock, unlock: narrow at once, on this host. */

#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

typedef struct LockOptions {
        const char *reason;
} LockOptions;

static const Option lock_options[] = {
        { "reason", 0, OPTION_STRING, offsetof(LockOptions, reason), "R", "why, for the log" },
        OPTION_END,
};

/* The verb's name is the protocol's. */
static VerbStatus lock_run(Call *call)
{
        const LockOptions *options = call->options;
        json_t *reply = NULL;
        bool changed;
        int status;

        status = agent_ask(json_pack("{s:s, s:s, s:s*}", "verb", call->verb->name, "name",
                                     call->operands.items[0], "reason", options->reason),
                           &reply);
        if (status != VERB_OK)
                return status;
        changed = member_is_true(reply, "changed");
        json_decref(reply);
        return output_changed(&call->out, changed) < 0 ? VERB_FAILED : VERB_OK;
}

const Verb verb_lock = {
        .name = "lock",
        .synopsis = "ACCOUNT|ID [--reason R]",
        .help = "lock an account or a grant on this host at once\n"
                "Its sessions end and new access is denied, until unlock. For root.",
        .options = lock_options,
        .options_size = sizeof(LockOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = lock_run,
};

const Verb verb_unlock = {
        .name = "unlock",
        .synopsis = "ACCOUNT|ID [--reason R]",
        .help = "undo lock\n"
                "Only a grant that is still active gives access again. For root.",
        .options = lock_options,
        .options_size = sizeof(LockOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = lock_run,
};
