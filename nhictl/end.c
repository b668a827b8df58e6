/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl end: end one session now. */

#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

typedef struct EndOptions {
        const char *reason;
} EndOptions;

static const Option end_options[] = {
        { "reason", 0, OPTION_STRING, offsetof(EndOptions, reason), "R", "why, for the log" },
        OPTION_END,
};

static VerbStatus end_run(Call *call)
{
        const EndOptions *options = call->options;
        json_t *reply = NULL;
        int status;

        status = agent_ask(json_pack("{s:s, s:s, s:s*}", "verb", "end", "session",
                                     call->operands.items[0], "reason", options->reason),
                           &reply);
        if (status != VERB_OK)
                return status;
        json_decref(reply);
        return output_changed(&call->out, true) < 0 ? VERB_FAILED : VERB_OK;
}

const Verb verb_end = {
        .name = "end",
        .synopsis = "SESSION [--reason R]",
        .help = "end one session now, with every process in it\n"
                "The grant stays: see revoke, done and lock.",
        .options = end_options,
        .options_size = sizeof(EndOptions),
        .operands_min = 1,
        .operands_max = 1,
        .run = end_run,
};
