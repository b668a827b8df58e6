/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/io.h"
#include "nhictl/agent-client.h"
#include "nhictl/grant.h"

#include <time.h>

#define POLL_USEC (200 * 1000ull)

static bool is_listed(const json_t *reply, const char *jti)
{
        const json_t *grant;
        size_t i;

        json_array_foreach(json_object_get(reply, "grants"), i, grant)
                if (streq(document_text(grant, "jti"), jti))
                        return true;
        return false;
}

/* What is waited for, and what was seen instead. */
typedef struct Waiting {
        const char *jti;
        json_int_t change; /* the last one when it was first listed; 0: it was not yet */
        char seen[256];
} Waiting;

/* PAM and NSS read what the agent publishes, a moment after it is in force. An agent that began
 * anew counts anew. */
static bool is_published(Waiting *w, const json_t *reply)
{
        const json_int_t changed = json_integer_value(json_object_get(reply, "changed"));

        if (w->change == 0 || changed < w->change)
                w->change = changed;
        if (json_integer_value(json_object_get(reply, "published")) >= w->change)
                return true;
        (void)snprintf(w->seen, sizeof(w->seen), "the agent has it, and PAM does not know it yet");
        return false;
}

/* Ask once: true where the host has it. */
static bool host_has(Waiting *w)
{
        json_t *request = json_pack("{s:s, s:b}", "verb", "list", "all", 1), *reply = NULL;
        bool has = false;
        int r = request ? agent_call(request, &reply) : -ENOMEM;

        json_decref(request);
        if (r < 0)
                (void)snprintf(w->seen, sizeof(w->seen), "the agent does not answer: %s",
                               strerror(-r));
        else if (!json_is_true(json_object_get(reply, "ok")))
                (void)snprintf(w->seen, sizeof(w->seen), "the agent refuses: %s",
                               document_text(reply, "error"));
        else if (!is_listed(reply, w->jti))
                (void)snprintf(w->seen, sizeof(w->seen),
                               "the agent answers and does not list the grant (see "
                               "nhictl status: last refusal, quarantine)");
        else
                has = is_published(w, reply);
        json_decref(reply);
        return has;
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
        Waiting w = { .jti = jti };

        for (;;) {
                if (host_has(&w))
                        return VERB_OK;
                if (now_monotonic_usec() + POLL_USEC > deadline_usec)
                        return fail(VERB_FAILED, "this host does not have %s after %llds: %s", jti,
                                    (long long)wait_sec, w.seen);
                (void)nanosleep(&pause, NULL);
        }
}
