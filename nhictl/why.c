/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl why: the last denials, and what to do next. */

#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

#include <stdio.h>

typedef struct WhyOptions {
        int64_t n;
} WhyOptions;

static const Option why_options[] = {
        { "number", 'n', OPTION_NUMBER, offsetof(WhyOptions, n), "N",
          "how many, newest first (10; at most 256)" },
        OPTION_END,
};

static bool is_text(const char *text)
{
        return text && *text;
}

/* "sudo as postgres: /usr/bin/id" */
static void print_what(const json_t *d)
{
        const char *target = member_text(d, "target"), *command = member_text(d, "command");

        show("%s%s%s%s%s", member_text(d, "class") ?: "?", is_text(target) ? " as " : "",
             target ?: "", is_text(command) ? ": " : "", command ?: "");
}

static void print_denial(const Output *o, const json_t *d)
{
        const char *jti = member_text(d, "jti"), *mode = member_text(d, "mode");
        const char *advice = member_text(d, "advice");
        const int64_t count = member_number(d, "count");
        bool observed = streq_ptr(mode, "observe");
        char when[WHEN_TIME_SIZE];

        show("%s  %s  ", when_format_time(when, member_number(d, "time")),
             member_text(d, "account") ?: "?");
        print_what(d);
        printf("\n  ");
        show_shaded(o, observed ? SHADE_WARN : SHADE_BAD, observed ? "would be denied" : "denied");
        if (count > 1)
                printf(" %lld times since %s", (long long)count,
                       when_format_time(when, member_number(d, "first")));
        show(": %s (%s)\n", member_text(d, "sentence") ?: "?", member_text(d, "reason") ?: "?");
        if (is_text(jti))
                show("  nearest grant: %s\n", jti);
        if (is_text(advice))
                show("  next: %s\n", advice);
}

static VerbStatus why_run(Call *call)
{
        const WhyOptions *options = call->options;
        const json_t *d;
        json_t *reply = NULL;
        size_t i;
        int status;

        status = agent_ask(json_pack("{s:s, s:I, s:s*}", "verb", "why", "n",
                                     (json_int_t)(options->n ? options->n : 10), "account",
                                     call->operands.n > 0 ? call->operands.items[0] : NULL),
                           &reply);
        if (status != VERB_OK)
                return status;
        if (call->out.json)
                return reply_print(reply);

        if (json_array_size(json_object_get(reply, "denials")) == 0)
                say("no denial is remembered since the agent started; older ones: nhictl log");
        json_array_foreach(json_object_get(reply, "denials"), i, d)
                print_denial(&call->out, d);
        json_decref(reply);
        return fflush(stdout) == EOF ? VERB_FAILED : VERB_OK;
}

const Verb verb_why = {
        .name = "why",
        .synopsis = "[ACCOUNT] [-n N]",
        .help = "say why access was denied, newest first, and what to do next\n"
                "Without ACCOUNT: your own denials; root sees everybody's.",
        .options = why_options,
        .options_size = sizeof(WhyOptions),
        .operands_max = 1,
        .run = why_run,
};
