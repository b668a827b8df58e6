/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl log resume: after the decision log has failed, let the agent write again. */

#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

#include "lib/base/io.h"

#include <poll.h>

/* A disk that hangs: then the agent says later what came of it. */
#define WAIT_USEC (10 * USEC_PER_SEC)
#define ASK_MSEC  50

typedef struct ResumeOptions {
        const char *reason;
} ResumeOptions;

static const Option resume_options[] = {
        { "reason", 0, OPTION_STRING, offsetof(ResumeOptions, reason), "R", "why, for the log" },
        OPTION_END,
};

/* The log's error as status has it: NULL where it is well; malloc'ed. */
static int ask_error(char **ret)
{
        json_t *reply = NULL;
        const char *error;
        int status = agent_ask(json_pack("{s:s}", "verb", "status"), &reply);

        if (status != VERB_OK)
                return status;
        error = json_string_value(json_object_get(json_object_get(reply, "log"), "error"));
        *ret = error ? strdup(error) : NULL;
        json_decref(reply);
        return VERB_OK;
}

/* The agent answers before its disk does. */
static int wait_for_log(void)
{
        const uint64_t deadline = now_monotonic_usec() + WAIT_USEC;

        for (;;) {
                _cleanup_free_ char *error = NULL;
                int status = ask_error(&error);

                if (status != VERB_OK || !error)
                        return status;
                if (now_monotonic_usec() >= deadline)
                        return fail(VERB_FAILED, "the log still cannot be written: %s", error);
                (void)poll(NULL, 0, ASK_MSEC);
        }
}

static VerbStatus resume_run(Call *call)
{
        const ResumeOptions *options = call->options;
        json_t *reply = NULL;
        bool changed;
        int status;

        status = agent_ask(
                json_pack("{s:s, s:s*}", "verb", "log-resume", "reason", options->reason), &reply);
        if (status != VERB_OK)
                return status;
        changed = member_is_true(reply, "changed");
        json_decref(reply);
        status = changed ? wait_for_log() : VERB_OK;
        if (status != VERB_OK)
                return status;
        return output_changed(&call->out, changed) < 0 ? VERB_FAILED : VERB_OK;
}

const Verb verb_log_resume = {
        .name = "log resume",
        .synopsis = "[--reason R]",
        .help = "let the agent write the decision log again, after it has failed\n"
                "Look first at what failed (nhictl status); keep a copy of a log that was rolled\n"
                "back or damaged. Recorded, with who did it. For root.",
        .options = resume_options,
        .options_size = sizeof(ResumeOptions),
        .run = resume_run,
};
