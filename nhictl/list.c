/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl list: grants on this host. */

#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

typedef struct ListOptions {
        bool all;
} ListOptions;

static const Option list_options[] = {
        { "all", 'a', OPTION_FLAG, offsetof(ListOptions, all), NULL,
          "also grants that have not begun, have ended or are locked" },
        OPTION_END,
};

static VerbStatus list_run(Call *call)
{
        const ListOptions *options = call->options;
        json_t *reply = NULL;
        int status;

        status = agent_ask(json_pack("{s:s, s:b, s:s*}", "verb", "list", "all", options->all,
                                     "account",
                                     call->operands.n > 0 ? call->operands.items[0] : NULL),
                           &reply);
        if (status != VERB_OK)
                return status;
        if (member_is_true(reply, "truncated"))
                say("there are more grants than are shown: name an account");
        if (call->out.json)
                return reply_print(reply);

        if (json_array_size(json_object_get(reply, "grants")) == 0)
                say("there is no %sgrant%s%s", options->all ? "" : "active ",
                    call->operands.n > 0 ? " for " : "",
                    call->operands.n > 0 ? call->operands.items[0] : "");
        status = grants_print(&call->out, json_object_get(reply, "grants"), call->now_sec);
        json_decref(reply);
        return status;
}

const Verb verb_list = {
        .name = "list",
        .synopsis = "[ACCOUNT] [--all]",
        .help = "show the active grants on this host: who may do what, until when and why",
        .options = list_options,
        .options_size = sizeof(ListOptions),
        .operands_max = 1,
        .run = list_run,
};
