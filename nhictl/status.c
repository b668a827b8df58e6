/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl status: is this host well? */

#include "nhictl/agent-client.h"
#include "nhictl/beside.h"
#include "nhictl/confirm/pending.h"
#include "nhictl/gates-file.h"
#include "nhictl/places.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

#include <stdio.h>

#define LABEL        "%-12s"
#define STILL_GET_IN "exempt accounts (/etc/nhi/exempt) still get in"

static void line(const Output *o, Shade shade, const char *label, const char *text)
{
        printf(LABEL, label);
        show_shaded(o, shade, text);
        (void)fputc('\n', stdout);
}

static void print_agent(const Output *o, const json_t *reply, int64_t now_sec)
{
        char text[256], up[WHEN_DURATION_SIZE];

        line(o, SHADE_PLAIN, "host", member_text(reply, "host") ?: "?");
        (void)snprintf(text, sizeof(text), "%s, pid %lld, up %s",
                       member_text(reply, "version") ?: "?", (long long)member_number(reply, "pid"),
                       when_format_duration(up, now_sec - member_sec(reply, "started")));
        line(o, SHADE_GOOD, "agent", text);
}

/* ---- sources -----------------------------------------------------------------------------------
 */

static void print_refusal(const Output *o, const json_t *issuer)
{
        const json_t *refusal = json_object_get(issuer, "last_refusal");
        char when[WHEN_TIME_SIZE];

        if (!json_is_object(refusal))
                return;
        printf(LABEL "%s", "", shade_begin(o, SHADE_WARN));
        show("last refused %s: %s: %s", when_format_time(when, member_number(refusal, "time")),
             member_text(refusal, "code") ?: "?", member_text(refusal, "detail") ?: "");
        printf("%s\n", shade_end(o));
}

static bool issuer_is_stale(const json_t *issuer, int64_t now_sec)
{
        return !json_is_integer(json_object_get(issuer, "ver")) ||
               member_sec(issuer, "exp") <= now_sec;
}

static void print_issuer(const Output *o, const json_t *issuer, int64_t now_sec, int64_t up_sec)
{
        char text[512], age[WHEN_DURATION_SIZE], exp[WHEN_TIME_SIZE], left[WHEN_DURATION_SIZE];
        int64_t exp_sec = member_sec(issuer, "exp");

        (void)snprintf(text, sizeof(text), "%s (%s)", member_text(issuer, "issuer") ?: "?",
                       member_text(issuer, "source") ?: "no path");
        line(o, SHADE_PLAIN, "source", text);

        if (!json_is_integer(json_object_get(issuer, "ver")))
                line(o, SHADE_BAD, "", "no verified set yet: no grant holds (nhictl log)");
        else {
                (void)snprintf(text, sizeof(text), "set %lld, %s old, good until %s (%s)",
                               (long long)member_number(issuer, "ver"),
                               when_format_duration(age, member_number(issuer, "age_sec")),
                               when_format_time(exp, exp_sec),
                               exp_sec > now_sec ? when_format_duration(left, exp_sec - now_sec)
                                                 : "over: no grant holds");
                line(o, exp_sec > now_sec ? SHADE_GOOD : SHADE_BAD, "", text);
        }
        places_print(o, issuer, up_sec);
        print_refusal(o, issuer);
        beside_print(o, issuer, now_sec);
}

/* ---- gates -------------------------------------------------------------------------------------
 */

static char *join(const json_t *list, char *ret, size_t size)
{
        const json_t *item;
        size_t i, used = 0;

        ret[0] = '\0';
        json_array_foreach(list, i, item) {
                int n = snprintf(ret + used, size - used, "%s%s", i > 0 ? "," : "",
                                 json_string_value(item) ?: "?");

                if (n < 0 || (size_t)n >= size - used)
                        break;
                used += (size_t)n;
        }
        return ret;
}

static void print_gate(const Output *o, const json_t *gate, bool is_first)
{
        char services[256], accounts[256];
        const char *mode = member_text(gate, "mode") ?: "?";

        show(LABEL "%s: ", is_first ? "gates" : "", member_text(gate, "name") ?: "?");
        show_shaded(o, streq(mode, "observe") ? SHADE_WARN : SHADE_GOOD, mode);
        show(" %s for %s\n", join(json_object_get(gate, "services"), services, sizeof(services)),
             join(json_object_get(gate, "accounts"), accounts, sizeof(accounts)));
}

static void print_gates(const Output *o, const json_t *gates)
{
        const json_t *gate;
        size_t i;

        if (json_array_size(gates) == 0)
                line(o, SHADE_WARN, "gates", "none: only accounts that a set defines need a grant");
        json_array_foreach(gates, i, gate)
                print_gate(o, gate, i == 0);
}

/* An enforcement that undoes itself; drops the reference, NULL prints nothing. */
static void print_pending(const Output *o, json_t *pending)
{
        char gates[256], left[WHEN_DURATION_SIZE], text[512];

        if (!pending)
                return;
        (void)snprintf(text, sizeof(text),
                       "%s: undone in %s unless a new login runs nhictl enforce --confirm",
                       join(json_object_get(pending, "gates"), gates, sizeof(gates)),
                       when_format_duration(left, member_number(pending, "left_sec")));
        line(o, SHADE_WARN, "pending", text);
        json_decref(pending);
}

/* ---- the decision log ---------------------------------------------------------------------------
 */

static const char *log_error(const json_t *reply)
{
        return member_text(json_object_get(reply, "log"), "error");
}

static void print_log(const Output *o, const json_t *reply)
{
        const json_t *log = json_object_get(reply, "log");
        const char *key = member_text(json_object_get(reply, "host_key"), "x");
        char text[768];

        if (!json_is_object(log))
                return;
        (void)snprintf(text, sizeof(text), "record %lld%s%s", (long long)member_number(log, "seq"),
                       log_error(reply) ? "; FAILED, gates deny until nhictl log resume: " : "",
                       log_error(reply) ?: "");
        line(o, log_error(reply) ? SHADE_BAD : SHADE_GOOD, "log", text);
        if (member_number(log, "lost") > 0) {
                (void)snprintf(text, sizeof(text), "%lld events are in the journal only",
                               (long long)member_number(log, "lost"));
                line(o, SHADE_WARN, "", text);
        }
        if (key)
                line(o, SHADE_PLAIN, "host key", key);
}

/* ---- what is wrong -----------------------------------------------------------------------------
 */

static void print_quarantine(const Output *o, const json_t *list)
{
        const json_t *q;
        char text[512];
        size_t i;

        json_array_foreach(list, i, q) {
                (void)snprintf(text, sizeof(text), "%s: %s: %s", member_text(q, "entry") ?: "?",
                               member_text(q, "code") ?: "?", member_text(q, "detail") ?: "");
                line(o, SHADE_WARN, i == 0 ? "quarantine" : "", text);
        }
}

static bool has_config_error(const json_t *reply)
{
        const char *error = member_text(reply, "config_error");

        return error && *error;
}

/* What ends sessions. Without systemd there is neither bus nor journal, and neither is missed. */
typedef struct Means {
        const char *name, *text;
        Shade shade;
} Means;

static const Means *means_of(const json_t *reply)
{
        static const Means all[] = {
                { "pid1", "scopes and PID 1's timers", SHADE_PLAIN },
                { "own-cgroups", "own cgroups, no timer: an agent that is away ends nothing",
                  SHADE_WARN },
                { "processes",
                  "process sweep, no timer: no cgroup is writable, and some sessions are refused",
                  SHADE_WARN },
        };
        const char *name = member_text(reply, "means");

        for (size_t i = 1; i < ELEMENTSOF(all); i++)
                if (streq_ptr(name, all[i].name))
                        return &all[i];
        return &all[0]; /* also of an agent that knew no other */
}

static bool has_systemd(const json_t *reply)
{
        return streq(means_of(reply)->name, "pid1");
}

static bool lacks_bus(const json_t *reply)
{
        return has_systemd(reply) && !member_is_true(reply, "bus");
}

static bool lacks_journal(const json_t *reply)
{
        return has_systemd(reply) && member_number(reply, "journal_dropped") > 0;
}

static void print_problems(const Output *o, const json_t *reply)
{
        const json_t *locked = json_object_get(reply, "locked");
        char text[512];

        print_quarantine(o, json_object_get(reply, "quarantine"));
        if (json_array_size(locked) > 0)
                line(o, SHADE_WARN, "locked", join(locked, text, sizeof(text)));
        if (member_is_true(reply, "clock_behind"))
                line(o, SHADE_BAD, "clock",
                     "behind what the source has proved: set it; no new access until then");
        if (lacks_bus(reply))
                line(o, SHADE_BAD, "bus",
                     "no system bus: sessions cannot be tied to grants and are refused");
        if (has_config_error(reply))
                line(o, SHADE_BAD, "config", member_text(reply, "config_error"));
        if (lacks_journal(reply)) {
                (void)snprintf(text, sizeof(text), "%lld events could not be sent to it",
                               (long long)member_number(reply, "journal_dropped"));
                line(o, SHADE_BAD, "journal", text);
        }
}

/* Stale outranks a problem: what is known of it is old. */
static VerbStatus status_judge(const json_t *reply, int64_t now_sec)
{
        const json_t *issuers = json_object_get(reply, "issuers"), *issuer;
        size_t i;

        if (json_array_size(issuers) == 0)
                return VERB_STALE;
        json_array_foreach(issuers, i, issuer)
                if (issuer_is_stale(issuer, now_sec))
                        return VERB_STALE;
        if (json_array_size(json_object_get(reply, "quarantine")) > 0 || has_config_error(reply) ||
            member_is_true(reply, "clock_behind") || lacks_bus(reply) || lacks_journal(reply) ||
            log_error(reply))
                return VERB_PROBLEM;
        return VERB_OK;
}

static void print_means(const Output *o, const json_t *reply)
{
        line(o, means_of(reply)->shade, "ending", means_of(reply)->text);
}

static void status_print(const Output *o, const json_t *reply, int64_t now_sec)
{
        const json_t *issuer;
        size_t i;

        print_agent(o, reply, now_sec);
        json_array_foreach(json_object_get(reply, "issuers"), i, issuer)
                print_issuer(o, issuer, now_sec, now_sec - member_sec(reply, "started"));
        printf(LABEL "%lld active; the sets define %lld accounts\n", "grants",
               (long long)member_number(reply, "grants"),
               (long long)member_number(reply, "accounts"));
        printf(LABEL "%lld under grants\n", "sessions",
               (long long)member_number(reply, "sessions"));
        print_means(o, reply);
        print_gates(o, json_object_get(reply, "gates"));
        print_log(o, reply);
        metrics_print(o, reply, now_sec);
        print_pending(o, pending_document());
        print_problems(o, reply);
}

/* After an init that was undone what was published holds still, and no agent is to be started. */
static void away_print_gated(const Output *o, const json_t *gates, bool is_set_up)
{
        line(o, SHADE_BAD, "agent",
             is_set_up ? "away: who needs a grant is denied, nobody else is held up"
                       : "not set up, and no agent runs: who needs a grant is denied, nobody else "
                         "is held up");
        if (gates)
                print_gates(o, gates);
        else
                line(o, SHADE_WARN, "gates", "never published, or not readable");
        print_pending(o, pending_document());
        line(o, SHADE_PLAIN, "next",
             is_set_up ? "systemctl status nhi-agentd; /usr/libexec/nhi/nhi-agentd "
                         "--check-config; " STILL_GET_IN
                       : AGENT_SET_UP_BY "; " STILL_GET_IN);
}

/* What holds while no agent answers: the gates as they were published last. */
static void away_print(const Output *o)
{
        const bool is_set_up = agent_is_set_up();
        json_t *gates = gates_published();

        if (o->json) {
                (void)output_document(json_pack("{s:n, s:o, s:o*}", "agent", "gates",
                                                gates ? gates : json_null(), "pending",
                                                pending_document()));
                return;
        }
        if (gates || is_set_up) {
                away_print_gated(o, gates, is_set_up);
        } else {
                line(o, SHADE_WARN, "agent", "not set up: nothing is gated");
                line(o, SHADE_PLAIN, "next", AGENT_SET_UP_BY);
        }
        json_decref(gates);
}

/* With --json. */
static int pending_add(json_t *reply)
{
        json_t *pending = pending_document();

        return pending ? json_object_set_new(reply, "pending", pending) : 0;
}

static VerbStatus status_run(Call *call)
{
        json_t *reply = NULL;
        int status;

        status = agent_ask(json_pack("{s:s}", "verb", "status"), &reply);
        if (status == VERB_UNREACHABLE)
                away_print(&call->out);
        if (status != VERB_OK)
                return status;

        status = status_judge(reply, call->now_sec);
        if (call->out.json && pending_add(reply) < 0)
                status = VERB_FAILED;
        if (call->out.json)
                return reply_print(reply) == VERB_OK ? status : VERB_FAILED;
        status_print(&call->out, reply, call->now_sec);
        json_decref(reply);
        return fflush(stdout) == EOF ? VERB_FAILED : status;
}

const Verb verb_status = {
        .name = "status",
        .synopsis = "",
        .help = "show agent, sources, grants, sessions, gates and their modes\n"
                "Exit status: 0 well, 1 a problem is shown, 3 no agent, 4 no set that is good now.",
        .run = status_run,
};
