/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl sessions: what runs under grants, for whom, until when and why. */

#include "nhictl/sessions.h"

#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

#include <stdio.h>

static const char *session_what(const json_t *s, char ret[static 128])
{
        const char *target = member_text(s, "target");
        bool has_target = target && *target && !streq_ptr(target, member_text(s, "account"));

        (void)snprintf(ret, 128, "%s%s%s", member_text(s, "class") ?: "?", has_target ? " as " : "",
                       has_target ? target : "");
        return ret;
}

static int session_row(Table *t, const json_t *s, int64_t now_sec)
{
        char what[128], started[WHEN_TIME_SIZE], until[WHEN_TIME_SIZE], left[WHEN_DURATION_SIZE];
        int64_t until_sec = member_sec(s, "until");
        bool ending = member_is_true(s, "ending");
        const char *rhost = member_text(s, "rhost");
        int r;

        r = table_row(t,
                      (const char *[]){
                              member_text(s, "id"),
                              member_text(s, "account"),
                              session_what(s, what),
                              rhost && *rhost ? rhost : member_text(s, "tty"),
                              when_format_time(started, member_number(s, "started")),
                              when_format_time(until, until_sec),
                              ending ? "ending" : when_format_duration(left, until_sec - now_sec),
                              member_text(s, "owner"),
                              member_text(s, "reason"),
                              member_text(s, "jti"),
                      });
        if (r >= 0 && ending)
                table_shade(t, -1, SHADE_WARN);
        return r;
}

int sessions_print(const Output *o, const json_t *sessions, int64_t now_sec)
{
        static const char *const headings[] = { "SESSION", "ACCOUNT", "WHAT", "FROM",
                                                "SINCE",   "UNTIL",   "LEFT", "OWNER",
                                                "REASON",  "GRANT",   NULL };
        _cleanup_(table_freep) Table *t = NULL;
        const json_t *s;
        size_t i;
        int r;

        r = table_new(o, headings, &t);
        json_array_foreach(sessions, i, s)
                if (r >= 0)
                        r = session_row(t, s, now_sec);
        if (r >= 0)
                r = table_print(t);
        return r < 0 ? fail(VERB_FAILED, "the sessions cannot be shown: %s", strerror(-r))
                     : VERB_OK;
}

static VerbStatus sessions_run(Call *call)
{
        json_t *reply = NULL;
        int status;

        status = agent_ask(json_pack("{s:s, s:s*}", "verb", "sessions", "account",
                                     call->operands.n > 0 ? call->operands.items[0] : NULL),
                           &reply);
        if (status != VERB_OK)
                return status;
        if (call->out.json)
                return reply_print(reply);

        if (json_array_size(json_object_get(reply, "sessions")) == 0)
                say("there is no session under a grant");
        status = sessions_print(&call->out, json_object_get(reply, "sessions"), call->now_sec);
        json_decref(reply);
        return status;
}

const Verb verb_sessions = {
        .name = "sessions",
        .synopsis = "[ACCOUNT]",
        .help = "show what runs under grants: who, until when and why",
        .operands_max = 1,
        .run = sessions_run,
};
