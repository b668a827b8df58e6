/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl check: the verdict that would be given, and why, rule by rule. Gates and exemptions are
 * read from the very files that the modules read, with this process's NSS, as they do. */

#include "nhictl/agent-client.h"
#include "nhictl/reply.h"
#include "nhictl/subject.h"
#include "nhictl/texts.h"
#include "nhictl/verb.h"

#include <stdio.h>

typedef struct CheckOptions {
        const char *run_as, *run_as_group, *command, *from, *unit;
        ArgList edit;
        int64_t at_sec;
        bool quiet;
} CheckOptions;

static const Option check_options[] = {
        { "run-as", 0, OPTION_STRING, offsetof(CheckOptions, run_as), "U",
          "as which user, for sudo and su" },
        { "run-as-group", 0, OPTION_STRING, offsetof(CheckOptions, run_as_group), "G",
          "as which group (sudo -g)" },
        { "command", 0, OPTION_STRING, offsetof(CheckOptions, command), "'PATH ARG...'",
          "which command, with its arguments" },
        { "edit", 0, OPTION_LIST, offsetof(CheckOptions, edit), "FILE",
          "which file, for sudoedit" },
        { "from", 0, OPTION_STRING, offsetof(CheckOptions, from), "ADDRESS",
          "from which address, for ssh" },
        { "unit", 0, OPTION_STRING, offsetof(CheckOptions, unit), "U",
          "which systemd unit, for class unit" },
        { "at", 0, OPTION_TIME, offsetof(CheckOptions, at_sec), "T", "at another time than now" },
        { "quiet", 'q', OPTION_FLAG, offsetof(CheckOptions, quiet), NULL,
          "print nothing: the exit status is the answer" },
        OPTION_END,
};

/* What the modules would find before they ask. */
typedef struct Gate {
        GateMode mode;
        char name[64];
} Gate;

static const char *gate_word(GateMode mode)
{
        static const char *const words[] = {
                [GATE_ENFORCE] = "enforce",
                [GATE_OBSERVE] = "observe",
                [GATE_UNGATED] = "ungated",
                [GATE_EXEMPT] = "exempt",
        };

        return words[mode];
}

/* Whether the modules would let this in whatever the grants say. */
static bool gate_is_open(GateMode mode)
{
        return mode != GATE_ENFORCE;
}

static int request_add_command(json_t *request, const CheckOptions *o)
{
        json_t *words = NULL;
        int r;

        if (o->edit.n > 0 && json_object_set_new(request, "edit", texts_new(&o->edit)) < 0)
                return -ENOMEM;
        if (!o->command)
                return 0;
        r = texts_split(o->command, &words);
        if (r < 0)
                return r;
        return json_object_set_new(request, "command", words) < 0 ? -ENOMEM : 0;
}

static int request_add_subject(json_t *request, const Subject *s)
{
        json_t *gids;

        if (!s->is_known)
                return 0;
        gids = json_array();
        for (size_t i = 0; i < s->n_gids; i++)
                if (json_array_append_new(gids, json_integer(s->gids[i])) < 0) {
                        json_decref(gids);
                        return -ENOMEM;
                }
        if (json_object_set_new(request, "uid", json_integer(s->uid)) < 0 ||
            json_object_set_new(request, "gids", gids) < 0)
                return -ENOMEM;
        return 0;
}

static VerbStatus request_make(const Call *call, const Subject *subject, json_t **ret)
{
        const CheckOptions *o = call->options;
        json_t *request;
        int r;

        request = json_pack("{s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*}", "verb", "check", "account",
                            subject->name, "class", call->operands.items[1], "run_as", o->run_as,
                            "run_as_group", o->run_as_group, "from", o->from, "unit", o->unit);
        r = request ? request_add_command(request, o) : -ENOMEM;
        if (r == 0)
                r = request_add_subject(request, subject);
        if (r == 0 && o->at_sec > 0 &&
            json_object_set_new(request, "at", json_integer(o->at_sec)) < 0)
                r = -ENOMEM;
        if (r == 0) {
                *ret = request;
                return VERB_OK;
        }
        json_decref(request);
        if (r == -EINVAL)
                return fail(VERB_USAGE, "--command: a quote is not closed, or there is no word");
        return fail(VERB_FAILED, "%s", strerror(-r));
}

/* ---- what is said ------------------------------------------------------------------------------
 */

static void print_rules(const Output *o, const json_t *grant)
{
        const json_t *rule;
        size_t i;

        show("grant %s\n", member_text(grant, "jti") ?: "?");
        json_array_foreach(json_object_get(grant, "rules"), i, rule) {
                bool held = member_is_true(rule, "held");
                const char *detail = member_text(rule, "detail") ?: "";

                printf("  ");
                show_shaded(o, held ? SHADE_GOOD : SHADE_BAD, held ? "ok    " : "FAILED");
                show(*detail ? "  %-13s %s\n" : "  %s%s\n", member_text(rule, "rule") ?: "?",
                     detail);
        }
}

static void print_gate(const Gate *gate, const json_t *reply)
{
        const char *agents = member_text(json_object_get(reply, "gate"), "mode");

        show("gate     %s%s%s\n", gate_word(gate->mode), *gate->name ? " by " : "", gate->name);
        if (gate->mode != GATE_EXEMPT && agents && !streq(agents, gate_word(gate->mode)))
                say("the agent's configuration says \"%s\": its gates file is not that of its "
                    "configuration, or a group is known to one of them only",
                    agents);
}

static void print_verdict(const Output *o, const Gate *gate, const json_t *reply)
{
        bool allows = streq_ptr(member_text(reply, "verdict"), "allow");
        bool is_open = gate_is_open(gate->mode);
        const char *until_label = allows && !is_open ? ", until " : "";
        char until[WHEN_TIME_SIZE];

        printf("verdict  ");
        show_shaded(o, allows || is_open ? SHADE_GOOD : SHADE_BAD,
                    allows || is_open ? "allowed" : "denied");
        show("%s%s\n", until_label,
             *until_label ? when_format_time(until, member_number(reply, "until")) : "");
        if (gate->mode == GATE_UNGATED || gate->mode == GATE_EXEMPT)
                return;
        show("reason   %s%s (%s)\n", is_open && !allows ? "would be denied if enforced: " : "",
             member_text(reply, "sentence") ?: "?", member_text(reply, "reason") ?: "?");
        if (!allows && *(member_text(reply, "advice") ?: ""))
                show("next     %s\n", member_text(reply, "advice"));
}

static void check_print(const Output *o, const Gate *gate, const json_t *reply)
{
        const json_t *grant;
        size_t i;

        print_gate(gate, reply);
        print_verdict(o, gate, reply);
        json_array_foreach(json_object_get(reply, "grants"), i, grant)
                print_rules(o, grant);
}

static int check_json(const Gate *gate, json_t *reply)
{
        json_t *modules =
                json_pack("{s:s, s:s}", "mode", gate_word(gate->mode), "name", gate->name);

        if (json_object_set_new(reply, "modules_gate", modules) < 0) {
                json_decref(reply);
                return fail(VERB_FAILED, "out of memory");
        }
        return reply_print(reply);
}

static VerbStatus check_run(Call *call)
{
        const CheckOptions *options = call->options;
        const char *class = call->operands.items[1];
        Gate gate = { 0 };
        Subject subject;
        json_t *request = NULL, *reply = NULL;
        VerbStatus status, shown = VERB_OK;

        subject_resolve(call->operands.items[0], &subject);
        gate.mode = subject_gate(&subject, class, gate.name, sizeof(gate.name));
        status = request_make(call, &subject, &request);
        if (status == VERB_OK)
                status = (VerbStatus)agent_ask(request, &reply);
        subject_done(&subject);
        if (status == VERB_UNREACHABLE && !options->quiet && !call->out.json)
                print_gate(&gate, NULL);
        if (status != VERB_OK)
                return status;

        status = gate_is_open(gate.mode) || streq_ptr(member_text(reply, "verdict"), "allow")
                         ? VERB_OK
                         : VERB_PROBLEM;
        if (call->out.json && !options->quiet)
                return (shown = (VerbStatus)check_json(&gate, reply)) == VERB_OK ? status : shown;
        if (!options->quiet)
                check_print(&call->out, &gate, reply);
        json_decref(reply);
        return fflush(stdout) == EOF ? VERB_FAILED : status;
}

const Verb verb_check = {
        .name = "check",
        .synopsis = "ACCOUNT CLASS [--run-as U] [--command C] [--from A] [--at T] [-q]",
        .help = "say which verdict would be given, and why, rule by rule\n"
                "Classes: ssh sudo su cron at login unit systemd-user pam:NAME. Exit status: 0 "
                "allowed,\n"
                "1 denied. What is not said (an address, a target) is taken as not known.",
        .options = check_options,
        .options_size = sizeof(CheckOptions),
        .operands_min = 2,
        .operands_max = 2,
        .run = check_run,
};
