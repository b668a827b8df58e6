/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl doctor: run the checks and report. It changes nothing. */

#include "nhictl/doctor/doctor.h"

#include "lib/base/file.h"
#include "lib/base/path.h"
#include "nhictl/agent-client.h"
#include "nhictl/gates-file.h"
#include "nhictl/verb.h"

#include <stdio.h>

/* A sick agent must not hold up the report about it. */
#define DOCTOR_AGENT_USEC (5u * 1000 * 1000)

typedef struct DoctorOptions {
        bool list;
} DoctorOptions;

static const Option doctor_options[] = {
        { "list", 0, OPTION_FLAG, offsetof(DoctorOptions, list), NULL,
          "name the checks and what they look at" },
        OPTION_END,
};

/* ---- the host ---- */

/* NULL where no agent answers, or not with an ok: its own check says so. */
static json_t *agent_reply(json_t *request)
{
        json_t *reply = NULL;
        int r = request ? agent_call_at(PATH_CONTROL_SOCK, owner_trusted(), request,
                                        DOCTOR_AGENT_USEC, &reply)
                        : -ENOMEM;

        json_decref(request);
        if (r == 0 && json_is_true(json_object_get(reply, "ok")))
                return reply;
        json_decref(reply);
        return NULL;
}

/* The documents of a DoctorHost, owned. */
typedef struct Seen {
        json_t *status, *gates, *grants;
} Seen;

static void seen_load(Seen *ret)
{
        json_t *status = agent_reply(json_pack("{s:s}", "verb", "status"));

        *ret = (Seen){
                .status = status,
                .gates = status ? json_incref(json_object_get(status, "gates")) : gates_published(),
                .grants = status ? agent_reply(json_pack("{s:s}", "verb", "list")) : NULL,
        };
}

static void seen_done(Seen *s)
{
        json_decref(s->status);
        json_decref(s->gates);
        json_decref(s->grants);
}

/* ---- the report ---- */

typedef struct Look {
        const char *text; /* of one width */
        Shade shade;
} Look;

static const Look looks[] = {
        [FINDING_FAIL] = { "[FAIL]", SHADE_BAD },
        [FINDING_WARN] = { "[WARN]", SHADE_WARN },
        [FINDING_OK] = { "[OK]  ", SHADE_GOOD },
};

static VerbStatus print_lines(const Output *o, const Findings *f)
{
        for (size_t i = 0; i < f->n; i++) {
                const Finding *item = &f->items[i];
                const Look *look = &looks[item->level];

                show_shaded(o, look->shade, look->text);
                show(" %s: %s\n", item->check, item->text);
                if (item->advice)
                        show("       %s\n", item->advice);
        }
        if (fflush(stdout) == EOF)
                return VERB_FAILED;
        say("%zu fail, %zu warn, %zu ok", findings_count(f, FINDING_FAIL),
            findings_count(f, FINDING_WARN), findings_count(f, FINDING_OK));
        return VERB_OK;
}

static VerbStatus print_document(const Findings *f)
{
        json_t *list = json_array();

        for (size_t i = 0; i < f->n; i++) {
                const Finding *item = &f->items[i];

                if (json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "level",
                                                          finding_level_text(item->level), "check",
                                                          item->check, "text", item->text, "advice",
                                                          item->advice)) < 0) {
                        json_decref(list);
                        return fail(VERB_FAILED, "out of memory");
                }
        }
        if (output_document(json_pack("{s:o, s:I, s:I, s:I}", "findings", list, "fail",
                                      (json_int_t)findings_count(f, FINDING_FAIL), "warn",
                                      (json_int_t)findings_count(f, FINDING_WARN), "ok",
                                      (json_int_t)findings_count(f, FINDING_OK))) < 0)
                return VERB_FAILED;
        return VERB_OK;
}

static VerbStatus report(const Output *o, const Findings *f)
{
        VerbStatus s = o->json ? print_document(f) : print_lines(o, f);

        if (s != VERB_OK)
                return s;
        if (f->failed)
                return fail(VERB_FAILED, "out of memory: the report is not complete");
        return findings_count(f, FINDING_FAIL) > 0 ? VERB_PROBLEM : VERB_OK;
}

/* ---- the verb ---- */

static const DoctorCheck *check_find(const char *name)
{
        for (const DoctorCheck *c = doctor_checks; c->name; c++)
                if (streq(c->name, name))
                        return c;
        return NULL;
}

/* No operand: every check. */
static bool check_is_wanted(const DoctorCheck *c, const ArgList *names)
{
        for (size_t i = 0; i < names->n; i++)
                if (streq(c->name, names->items[i]))
                        return true;
        return names->n == 0;
}

static VerbStatus list_checks(const Output *o)
{
        static const char *const headings[] = { "CHECK", "LOOKS AT", NULL };
        _cleanup_(table_freep) Table *t = NULL;
        json_t *list = json_array();
        int r = o->json ? 0 : table_new(o, headings, &t);

        for (const DoctorCheck *c = doctor_checks; c->name && r == 0; c++)
                r = o->json ? json_array_append_new(list, json_pack("{s:s, s:s}", "check", c->name,
                                                                    "looks_at", c->help))
                            : table_row(t, (const char *const[]){ c->name, c->help });
        if (r == 0)
                r = o->json ? output_document(json_pack("{s:O}", "checks", list)) : table_print(t);
        json_decref(list);
        return r < 0 ? VERB_FAILED : VERB_OK;
}

static VerbStatus examine(const Call *call)
{
        Findings f = { .items = NULL };
        VerbStatus s;
        Seen seen;

        seen_load(&seen);
        DoctorHost h = {
                .root = PATH_ROOT,
                .status = seen.status,
                .gates = seen.gates,
                .grants = json_object_get(seen.grants, "grants"),
                .now_sec = (uint64_t)call->now_sec,
                .run = command_run,
        };
        for (const DoctorCheck *c = doctor_checks; c->name; c++)
                if (check_is_wanted(c, &call->operands))
                        doctor_check_run(c, &h, &f);
        s = report(&call->out, &f);
        findings_done(&f);
        seen_done(&seen);
        return s;
}

static VerbStatus doctor_run(Call *call)
{
        const DoctorOptions *options = call->options;

        if (options->list)
                return list_checks(&call->out);
        for (size_t i = 0; i < call->operands.n; i++)
                if (!check_find(call->operands.items[i]))
                        return fail(VERB_USAGE, "no check is called \"%s\": nhictl doctor --list",
                                    call->operands.items[i]);
        if (geteuid() != owner_trusted())
                return fail(VERB_FAILED,
                            "doctor reads what only root may (sudoers, sshd -T): sudo nhictl "
                            "doctor");
        return examine(call);
}

const Verb verb_doctor = {
        .name = "doctor",
        .synopsis = "[CHECK...] [--list]",
        .help = "say what bypasses the gate, locks somebody out, or makes a grant fail\n"
                "It changes nothing.\n"
                "Without CHECK: all checks.\n"
                "For root.\n"
                "Exit status: 0 nothing is broken (warnings may be), 1 a check failed.",
        .options = doctor_options,
        .options_size = sizeof(DoctorOptions),
        .operands_max = OPERANDS_ANY,
        .run = doctor_run,
};
