/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/io.h"
#include "nhictl/agent-client.h"
#include "nhictl/grant.h"

#include <time.h>

#define POLL_USEC (200 * 1000ull)

/* The state token under which the agent lists the grant; NULL: it does not. */
static const char *listed_state(const json_t *reply, const char *jti)
{
        const json_t *grant;
        size_t i;

        json_array_foreach(json_object_get(reply, "grants"), i, grant) {
                if (!streq(document_text(grant, "jti"), jti))
                        continue;
                return json_is_true(json_object_get(grant, "active"))
                               ? "active"
                               : document_text(grant, "state");
        }
        return NULL;
}

/* Ask once: true where the host has it. What was seen instead goes to seen. */
static bool host_has(const char *jti, char *seen, size_t size)
{
        json_t *request = json_pack("{s:s, s:b}", "verb", "list", "all", 1), *reply = NULL;
        const char *state = NULL;
        int r = request ? agent_call(request, &reply) : -ENOMEM;

        json_decref(request);
        if (r < 0)
                (void)snprintf(seen, size, "the agent does not answer: %s", strerror(-r));
        else if (!json_is_true(json_object_get(reply, "ok")))
                (void)snprintf(seen, size, "the agent refuses: %s", document_text(reply, "error"));
        else
                state = listed_state(reply, jti);
        if (r == 0 && !state && json_is_true(json_object_get(reply, "ok")))
                (void)snprintf(seen, size,
                               "the agent answers and does not list the grant (see "
                               "nhictl status: last refusal, quarantine)");
        json_decref(reply);
        return state != NULL;
}

bool grant_host_here(char *ret, size_t size)
{
        json_t *request = json_pack("{s:s}", "verb", "status"), *reply = NULL;
        bool found = false;

        if (request && agent_call(request, &reply) == 0) {
                const char *host = document_text(reply, "host");

                found = *host != '\0' && strlen(host) < size;
                if (found)
                        (void)snprintf(ret, size, "%s", host);
        }
        json_decref(request);
        json_decref(reply);
        return found;
}

int grant_wait(const char *jti, int64_t wait_sec)
{
        uint64_t deadline_usec = now_monotonic_usec() + (uint64_t)wait_sec * USEC_PER_SEC;
        const struct timespec pause = { .tv_nsec = (long)POLL_USEC * 1000 };
        char seen[256] = "";

        for (;;) {
                if (host_has(jti, seen, sizeof(seen)))
                        return VERB_OK;
                if (now_monotonic_usec() + POLL_USEC > deadline_usec)
                        return fail(VERB_FAILED, "this host does not have %s after %llds: %s", jti,
                                    (long long)wait_sec, seen);
                (void)nanosleep(&pause, NULL);
        }
}
