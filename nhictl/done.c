/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl done: the holder gives a grant back before its end. */

#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

static VerbStatus done_run(Call *call)
{
        const json_t *id;
        json_t *reply = NULL;
        size_t i, n;
        int status;

        status = agent_ask(json_pack("{s:s, s:s*}", "verb", "done", "jti",
                                     call->operands.n > 0 ? call->operands.items[0] : NULL),
                           &reply);
        if (status != VERB_OK)
                return status;

        n = json_array_size(json_object_get(reply, "ended"));
        if (call->out.json) {
                if (json_object_set_new(reply, "changed", json_boolean(n > 0)) < 0)
                        say("out of memory");
                return reply_print(reply);
        }
        json_array_foreach(json_object_get(reply, "ended"), i, id)
                say("given back: %s", json_string_value(id) ?: "?");
        json_decref(reply);
        return output_changed(&call->out, n > 0) < 0 ? VERB_FAILED : VERB_OK;
}

const Verb verb_done = {
        .name = "done",
        .synopsis = "[ID]",
        .help = "give a grant of yours back before its end\n"
                "Its sessions end at once. Without ID: all of yours on this host.",
        .operands_max = 1,
        .run = done_run,
};
