/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl init waits for what it was for: a set that the agent verified. */

#include "lib/base/io.h"
#include "lib/base/path.h"
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

void init_run_begin(InitRun *ret)
{
        const bool is_unfinished = init_is_unfinished();

        *ret = (InitRun){ .changed = is_unfinished,
                          .credentials = is_unfinished,
                          .begun_sec = now_realtime_usec() / (int64_t)USEC_PER_SEC };
        (void)lstat(PATH_SOURCES_RUN, &ret->sources);
}

/* The agent writes it when a configuration comes in force. */
static bool is_read(const InitRun *run)
{
        struct stat st;

        return lstat(PATH_SOURCES_RUN, &st) == 0 &&
               (st.st_ino != run->sources.st_ino ||
                st.st_ctim.tv_sec != run->sources.st_ctim.tv_sec ||
                st.st_ctim.tv_nsec != run->sources.st_ctim.tv_nsec);
}

/* What is in the way to one of the places, of sets first; NULL: nothing. */
static const char *trouble_of(const json_t *entry)
{
        static const char *const members[] = { "sources", "beside" };
        const json_t *place;
        size_t i;

        for (size_t k = 0; k < ELEMENTSOF(members); k++)
                json_array_foreach(json_object_get(entry, members[k]), i, place)
                        if (member_text(place, "trouble"))
                                return member_text(place, "trouble");
        return NULL;
}

/* What kept it from coming, as far as the agent knows. */
static void note_obstacle(const json_t *entry, const InitRun *run, bool is_new, char *ret,
                          size_t size)
{
        const json_t *refusal = json_object_get(entry, "last_refusal");
        const char *trouble = trouble_of(entry);
        const bool is_old = trouble && member_number(refusal, "time") < run->begun_sec;

        if (!entry || !is_new)
                (void)snprintf(ret, size, "the agent has not read its new configuration yet");
        else if (json_is_object(refusal) && !is_old)
                (void)snprintf(ret, size, "the last one was refused: %s: %s",
                               member_text(refusal, "code") ?: "?",
                               member_text(refusal, "detail") ?: "");
        else if (trouble)
                (void)snprintf(ret, size, "%s", trouble);
        else
                (void)snprintf(ret, size,
                               "none has come: systemctl status nhi-fetchd says why; "
                               "does the ledger know this host by this name?");
}

/* What is known after one question. */
typedef struct Look {
        bool has_set; /* as it is to be */
        int64_t before_ver;
        char obstacle[512];
} Look;

/* Ask once. */
static void look(const char *issuer, const InitRun *run, Look *ret)
{
        const bool is_new = !run->changed || is_read(run);
        json_t *request = json_pack("{s:s}", "verb", "status"), *reply = NULL;
        int r = request ? agent_call(request, &reply) : -ENOMEM;
        const json_t *entry = r == 0 ? issuer_find(reply, issuer) : NULL;

        *ret = (Look){ .before_ver = member_number(entry, "ver") };
        ret->has_set = json_is_integer(json_object_get(entry, "ver")) && is_new &&
                       (!run->changed || json_is_integer(json_object_get(entry, "offered")));
        if (ret->has_set)
                say_set(reply, entry);
        else if (r < 0)
                (void)snprintf(ret->obstacle, sizeof(ret->obstacle),
                               "the agent does not answer: %s", strerror(-r));
        else
                note_obstacle(entry, run, is_new, ret->obstacle, sizeof(ret->obstacle));
        json_decref(request);
        json_decref(reply);
}

static int say_none(const Look *k, int64_t wait_sec)
{
        if (k->before_ver > 0)
                return fail(VERB_STALE,
                            "all is in place, and after %llds no verified set has come from there: "
                            "%s. Set %lld of before holds until it ends: nhictl status",
                            (long long)wait_sec, k->obstacle, (long long)k->before_ver);
        return fail(VERB_STALE,
                    "all is in place, and after %llds there is no verified set: %s. No grant "
                    "holds until one is there: nhictl status",
                    (long long)wait_sec, k->obstacle);
}

int init_wait(const Call *call, const InitOptions *o, const char *issuer, const InitRun *run)
{
        const int64_t wait_sec = o->wait_sec > 0 ? o->wait_sec : WAIT_DEFAULT_SEC;
        const uint64_t end_usec = now_monotonic_usec() + (uint64_t)wait_sec * USEC_PER_SEC;
        const struct timespec pause = { .tv_nsec = (long)POLL_USEC * 1000 };
        Look k;

        if (o->no_wait || (o->wait_sec == 0 && !init_has_systemd()))
                return VERB_OK;
        for (look(issuer, run, &k); !k.has_set; look(issuer, run, &k)) {
                if (now_monotonic_usec() + POLL_USEC > end_usec)
                        return say_none(&k, wait_sec);
                (void)nanosleep(&pause, NULL);
        }
        return VERB_OK;
}
