/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What nhi-leftovers.service found is written down: an event each, and one for how many more there
 * are. Nothing else comes of it. */

#include "nhi-agentd/leftovers.h"
#include "nhi-agentd/control/verbs.h"

#include "lib/base/io.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define DETAIL_SIZE 1024u

static const char *text_of(const json_t *o, const char *member)
{
        const char *text = json_string_value(json_object_get(o, member));

        return text ? text : "";
}

static int64_t number_of(const json_t *o, const char *member)
{
        return json_integer_value(json_object_get(o, member));
}

/* As far as it is known still: a grant may be gone from its set by now. */
static Grant grant_named(const Agent *a, const json_t *found)
{
        const Grant *known =
                grant_of(&a->store, text_of(found, "account"), text_of(found, "grant"));
        Grant g = { .jti = text_of(found, "grant"), .account = text_of(found, "account") };

        if (!known)
                return g;
        g.sub = known->sub;
        g.owner = known->owner;
        g.reason = known->reason;
        g.ticket = known->ticket;
        g.issuer = known->issuer;
        g.set_hash = known->set_hash;
        return g;
}

static void detail_format(const json_t *found, char ret[static DETAIL_SIZE])
{
        const time_t since = (time_t)number_of(found, "since");
        const int64_t others = number_of(found, "others");
        char when[32] = "?", more[64] = "";
        struct tm tm;

        if (gmtime_r(&since, &tm))
                (void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
        if (others > 0)
                (void)snprintf(more, sizeof(more), ", and %" PRId64 " others could have", others);
        (void)snprintf(ret, DETAIL_SIZE, "%s (uid %" PRId64 ", since %s%s): %s; %s",
                       text_of(found, "what"), number_of(found, "owner"), when, more,
                       text_of(found, "why"), text_of(found, "advice"));
}

static bool is_finding(const json_t *found)
{
        return jti_is_valid(text_of(found, "grant")) && name_is_sane(text_of(found, "account")) &&
               *text_of(found, "kind") && *text_of(found, "what");
}

static void record_found(Agent *a, const json_t *found)
{
        const Grant grant = grant_named(a, found);
        const json_t *uid = json_object_get(found, "uid");
        char detail[DETAIL_SIZE];
        Event e = { .kind = EVENT_LEFTOVER,
                    .account = grant.account,
                    .uid = (uint32_t)json_integer_value(uid),
                    .grant = &grant,
                    .session = text_of(found, "session"),
                    .code = text_of(found, "kind"),
                    .detail = detail };

        detail_format(found, detail);
        agent_record(a, &e);
}

static void record_more(Agent *a, int64_t n)
{
        const Event e = { .kind = EVENT_LEFTOVER,
                          .code = "more",
                          .detail = "further ones are shown by nhictl leftovers",
                          .n_denials = (uint64_t)n };

        agent_record(a, &e);
}

static void record_cut(Agent *a)
{
        agent_record(a, &(const Event){ .kind = EVENT_LEFTOVER,
                                        .code = "incomplete",
                                        .detail = "not everything was looked at: nhictl "
                                                  "leftovers says why" });
}

int control_leftovers(Agent *a, const Peer *peer, json_t *request, json_t **ret_reply)
{
        const json_t *found = json_object_get(request, "found"), *item;
        const int64_t n_more = request_number(request, "more", 0);
        const int64_t begin_sec = request_number(request, "begin", 0);
        size_t i;

        if (begin_sec < 0)
                return reply_refuse(ret_reply, "usage",
                                    "begin is a time in seconds since the epoch");
        if (json_array_size(found) > CONTROL_LEFTOVERS_MAX)
                return reply_refuse(ret_reply, "usage", "at most %u at once",
                                    CONTROL_LEFTOVERS_MAX);
        json_array_foreach(found, i, item)
                if (!is_finding(item))
                        return reply_refuse(ret_reply, "usage",
                                            "number %zu names no kind, thing, account or grant", i);
        json_array_foreach(found, i, item)
                record_found(a, item);
        if (n_more > 0)
                record_more(a, n_more);
        if (json_is_true(json_object_get(request, "cut")))
                record_cut(a);
        leftovers_reported(a->leftovers, begin_sec);
        return reply_ok(json_pack("{s:I}", "recorded", (json_int_t)json_array_size(found)),
                        ret_reply);
}
