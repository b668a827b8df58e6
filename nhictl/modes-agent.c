/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/modes-agent.h"

#include "lib/base/io.h"
#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

#include <time.h>

#define FORCE_DEADLINE_USEC (10 * USEC_PER_SEC)
#define FORCE_PAUSE_NSEC    (50L * 1000 * 1000)

const json_t *gate_find(const json_t *gates, const char *name)
{
        const json_t *gate;
        size_t i;

        json_array_foreach(gates, i, gate)
                if (streq_ptr(member_text(gate, "name"), name))
                        return gate;
        return NULL;
}

bool gate_has_mode(const json_t *gates, const char *name, const char *mode)
{
        const json_t *gate = gate_find(gates, name);

        return gate && streq_ptr(member_text(gate, "mode"), mode);
}

/* One look: VERB_OK and *ret_done, or what went wrong. An error that was there before the reload
 * may be left over from then: it is no answer yet. */
static VerbStatus look(ModesTest test, const void *userdata, const char *error_before,
                       bool *ret_done)
{
        json_t *reply = NULL;
        const char *error;
        int status;

        status = agent_ask(json_pack("{s:s}", "verb", "status"), &reply);
        if (status != VERB_OK)
                return status;
        *ret_done = !json_is_true(json_object_get(reply, "reloading")) &&
                    test(json_object_get(reply, "gates"), userdata);
        error = member_text(reply, "config_error");
        if (!*ret_done && error && *error && !streq_ptr(error, error_before))
                status = fail(VERB_FAILED, "the agent refused it: %s", error);
        json_decref(reply);
        return status;
}

/* Ask until the agent has the modes and PAM knows them, or it has refused the configuration. */
static VerbStatus wait_for(ModesTest test, const void *userdata, const char *error_before)
{
        uint64_t deadline_usec = now_monotonic_usec() + FORCE_DEADLINE_USEC;

        for (;;) {
                bool done = false;
                VerbStatus status = look(test, userdata, error_before, &done);

                if (status != VERB_OK || done)
                        return status;
                if (now_monotonic_usec() >= deadline_usec)
                        return fail(VERB_FAILED, "the agent did not take it over: %s",
                                    error_before && *error_before ? error_before
                                                                  : "see nhictl status");
                (void)nanosleep(&(struct timespec){ .tv_nsec = FORCE_PAUSE_NSEC }, NULL);
        }
}

int modes_put_in_force(ModesTest test, const void *userdata)
{
        json_t *before = NULL, *reply = NULL;
        int status;

        status = agent_ask(json_pack("{s:s}", "verb", "status"), &before);
        if (status == VERB_OK)
                status = agent_ask(json_pack("{s:s}", "verb", "reload"), &reply);
        json_decref(reply);
        if (status == VERB_OK)
                status = wait_for(test, userdata, member_text(before, "config_error"));
        json_decref(before);
        return status;
}
