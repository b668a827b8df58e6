/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init waits for what it was for: a set that the agent verified. */

#include "lib/base/io.h"
#include "nhictl/agent-client.h"
#include "nhictl/init.h"
#include "nhictl/reply.h"

#include <time.h>

#define WAIT_DEFAULT_SEC 60
#define POLL_USEC        (250 * 1000ull)

/* What the agent knows of the issuer; borrowed, NULL: nothing. */
static const json_t *issuer_find(const json_t *reply, const char *issuer)
{
        const json_t *entry;
        size_t i;

        json_array_foreach(json_object_get(reply, "issuers"), i, entry)
                if (streq_ptr(member_text(entry, "issuer"), issuer))
                        return entry;
        return NULL;
}

static void say_set(const json_t *reply, const json_t *entry)
{
        char exp[WHEN_TIME_SIZE];

        say("set %lld is verified and in force until %s: it defines %lld accounts, %lld grants are "
            "active now, %lld entries are quarantined%s",
            (long long)member_number(entry, "ver"),
            when_format_time(exp, member_number(entry, "exp")),
            (long long)member_number(reply, "accounts"), (long long)member_number(reply, "grants"),
            (long long)member_number(entry, "quarantined"),
            member_number(entry, "quarantined") > 0 ? " (nhictl status)" : "");
}

/* What kept it from coming, as far as the agent knows. */
static void note_obstacle(const json_t *entry, char *ret, size_t size)
{
        const json_t *refusal = json_object_get(entry, "last_refusal");

        if (!entry)
                (void)snprintf(ret, size, "the agent has not read its new configuration yet");
        else if (json_is_object(refusal))
                (void)snprintf(ret, size, "the last one was refused: %s: %s",
                               member_text(refusal, "code") ?: "?",
                               member_text(refusal, "detail") ?: "");
        else
                (void)snprintf(ret, size,
                               "none has come: systemctl status nhi-fetchd says why; "
                               "does the ledger know this host by this name?");
}

/* Ask once: true where there is a verified set. */
static bool has_set(const char *issuer, char *obstacle, size_t size)
{
        json_t *request = json_pack("{s:s}", "verb", "status"), *reply = NULL;
        int r = request ? agent_call(request, &reply) : -ENOMEM;
        const json_t *entry = r == 0 ? issuer_find(reply, issuer) : NULL;
        const bool found = json_is_integer(json_object_get(entry, "ver"));

        if (found)
                say_set(reply, entry);
        else if (r < 0)
                (void)snprintf(obstacle, size, "the agent does not answer: %s", strerror(-r));
        else
                note_obstacle(entry, obstacle, size);
        json_decref(request);
        json_decref(reply);
        return found;
}

int init_wait(const Call *call, const InitOptions *o, const char *issuer)
{
        const int64_t wait_sec = o->wait_sec > 0 ? o->wait_sec : WAIT_DEFAULT_SEC;
        const uint64_t end_usec = now_monotonic_usec() + (uint64_t)wait_sec * USEC_PER_SEC;
        const struct timespec pause = { .tv_nsec = (long)POLL_USEC * 1000 };
        char obstacle[512] = "";

        if (o->no_wait || (o->wait_sec == 0 && !init_has_systemd()))
                return VERB_OK;
        while (!has_set(issuer, obstacle, sizeof(obstacle))) {
                if (now_monotonic_usec() + POLL_USEC > end_usec)
                        return fail(VERB_STALE,
                                    "all is in place, and after %llds there is no verified set: "
                                    "%s. No grant holds until one is there: nhictl status",
                                    (long long)wait_sec, obstacle);
                (void)nanosleep(&pause, NULL);
        }
        return VERB_OK;
}
