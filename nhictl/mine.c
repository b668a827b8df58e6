/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl mine: the caller's own grants, and what runs under them. */

#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/sessions.h"
#include "nhictl/verb.h"

static void say_windows(const json_t *grants)
{
        const json_t *g, *w;
        size_t i, k;

        json_array_foreach(grants, i, g)
                json_array_foreach(json_object_get(g, "windows"), k, w)
                        say("%s holds only on %s", member_text(g, "jti") ?: "?",
                            json_string_value(w) ?: "?");
}

/* Below the grants: each session's own row. */
static int mine_sessions(const Call *call, const char *account)
{
        const json_t *sessions;
        json_t *reply = NULL;
        int status;

        status = agent_ask(json_pack("{s:s, s:s}", "verb", "sessions", "account", account), &reply);
        if (status != VERB_OK)
                return status;
        sessions = json_object_get(reply, "sessions");
        if (json_array_size(sessions) > 0) {
                show("\n");
                status = sessions_print(&call->out, sessions, call->now_sec);
        }
        json_decref(reply);
        return status;
}

static bool any_session(const json_t *grants)
{
        const json_t *g;
        size_t i;

        json_array_foreach(grants, i, g)
                if (member_number(g, "sessions") > 0)
                        return true;
        return false;
}

static VerbStatus mine_run(Call *call)
{
        const json_t *grants;
        json_t *reply = NULL;
        int status;

        status = agent_ask(json_pack("{s:s}", "verb", "mine"), &reply);
        if (status != VERB_OK)
                return status;
        if (member_is_true(reply, "truncated"))
                say("there are more grants than are shown");
        if (call->out.json)
                return reply_print(reply);

        grants = json_object_get(reply, "grants");
        if (json_array_size(grants) == 0)
                say("%s has no grant on this host; ask for one: nhictl grant ACCOUNT --for 30m ...",
                    member_text(reply, "account") ?: "your account");
        status = grants_print(&call->out, grants, call->now_sec);
        say_windows(grants);
        if (status == VERB_OK && any_session(grants))
                status = mine_sessions(call, member_text(reply, "account"));
        json_decref(reply);
        return status;
}

const Verb verb_mine = {
        .name = "mine",
        .synopsis = "",
        .help = "show your own grants on this host, what runs under them, and the time left",
        .run = mine_run,
};
