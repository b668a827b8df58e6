/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl leftovers: what sessions that are over left behind. */

#include "nhictl/leftovers/leftovers.h"

#include "lib/base/io.h"
#include "lib/base/path.h"
#include "nhictl/agent-client.h"
#include "nhictl/log/config.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

#include <stdio.h>

#define SINCE_SEC   (7 * INT64_C(86400)) /* unless told otherwise */
#define REPORT_SEC  INT64_C(86400)       /* the first report */
#define OVERLAP_SEC INT64_C(120)         /* records may be written later than they happened */
#define MEMORY_FILE PATH_STATE_DIR "/leftovers.json"

typedef struct LeftoversOptions {
        int64_t since_sec;
        bool report;
} LeftoversOptions;

static const Option leftovers_options[] = {
        { "since", 0, OPTION_SINCE, offsetof(LeftoversOptions, since_sec), "T",
          "of sessions that ended from this time or so long ago (default: 7d)" },
        { "report", 0, OPTION_FLAG, offsetof(LeftoversOptions, report), NULL,
          "have the agent write down what is new since the last report: nhi-leftovers.service" },
        OPTION_END,
};

/* ---- showing -----------------------------------------------------------------------------------
 */

static int print_rows(const Output *o, const Scan *s)
{
        static const char *const headings[] = { "KIND",    "WHAT",  "OWNER", "SINCE",
                                                "ACCOUNT", "GRANT", NULL };
        _cleanup_(table_freep) Table *t = NULL;
        int r = table_new(o, headings, &t);

        for (size_t i = 0; r >= 0 && i < s->n; i++) {
                const Leftover *l = &s->items[i];
                char owner[16], since[WHEN_TIME_SIZE];

                (void)snprintf(owner, sizeof(owner), "%u", l->owner);
                r = table_row(
                        t, (const char *[]){
                                   leftover_name(l->kind), l->what, owner,
                                   when_format_time(since, l->since_usec / (int64_t)USEC_PER_SEC),
                                   l->use->account, l->use->grant });
        }
        return r < 0 ? r : table_print(t);
}

/* Each kind that was found once. */
static void say_advice(const Scan *s)
{
        bool said[LEFTOVER_KIND_N] = { false };

        for (size_t i = 0; i < s->n; i++) {
                const LeftoverKind k = s->items[i].kind;

                if (!said[k])
                        say("%s: %s: %s", leftover_name(k), leftover_why(k), leftover_advice(k));
                said[k] = true;
        }
        if (s->n > 0)
                say("each was made or changed while that grant was in use: whether it was by its "
                    "holder, look yourself; nothing was removed");
}

static int print_json(const Scan *s, const Uses *u, int64_t since_sec)
{
        json_t *list = json_array();

        for (size_t i = 0; i < s->n; i++)
                if (json_array_append_new(list, leftover_json(&s->items[i])) < 0) {
                        json_decref(list);
                        list = NULL;
                }
        return output_document(
                json_pack("{s:I, s:I, s:o, s:I, s:b}", "since", (json_int_t)since_sec, "uses",
                          (json_int_t)u->n, "leftovers", list, "more", (json_int_t)s->n_more,
                          "complete", !scan_is_cut(s) && u->n_more == 0 && u->n_bad == 0));
}

static void say_limits(const Scan *s, const Uses *u)
{
        if (u->n_bad > 0)
                say("%zu lines of the decision log could not be read: nhictl log verify", u->n_bad);
        if (u->n_more > 0)
                say("only the last %u uses of grants were looked after, of %zu: --since", USES_MAX,
                    u->n + u->n_more);
        if (s->n_more > 0)
                say("%zu more were found than are shown", s->n_more);
        if (s->n_unseen > 0)
                say("%zu directories could not be looked into", s->n_unseen);
        if (s->is_cut)
                say("not everything was looked at: there is too much of it (%zu files so far)",
                    s->n_entries);
}

static VerbStatus show_found(const Call *call, const Scan *s, const Uses *u, int64_t since_sec)
{
        char since[WHEN_TIME_SIZE];
        int r;

        say_limits(s, u);
        r = call->out.json ? print_json(s, u, since_sec) : print_rows(&call->out, s);
        if (r < 0)
                return fail(VERB_FAILED, "what was found cannot be shown: %s", strerror(-r));
        if (call->out.json)
                return s->n > 0 ? VERB_PROBLEM : VERB_OK;
        say_advice(s);
        if (s->n == 0)
                say("nothing was found of what %zu use%s of grants since %s may have left behind",
                    u->n, u->n == 1 ? "" : "s", when_format_time(since, since_sec));
        return s->n > 0 ? VERB_PROBLEM : VERB_OK;
}

/* ---- looking -----------------------------------------------------------------------------------
 */

/* Which units are the agent's own: without an agent none is. */
static json_t *ask_sessions(void)
{
        json_t *request = json_pack("{s:s}", "verb", "sessions"), *reply = NULL, *list;
        int r = request ? agent_call(request, &reply) : -ENOMEM;

        json_decref(request);
        list = r == 0 ? json_incref(json_object_get(reply, "sessions")) : NULL;
        json_decref(reply);
        return list;
}

static int load_uses(const char *account, int64_t since_sec, Uses *ret)
{
        char dir[LOG_DIR_MAX];
        const UseQuery q = { .dir = log_config_dir(dir),
                             .account = account,
                             .since_usec = since_sec * (int64_t)USEC_PER_SEC };
        int r = uses_load(&q, ret);

        return r < 0 ? fail(VERB_FAILED, "%s: %s", dir, strerror(-r)) : VERB_OK;
}

static int look(const Uses *u, Scan *ret)
{
        json_t *sessions = ask_sessions();
        int r = scan_run(ret, PATH_ROOT, u, sessions);

        json_decref(sessions);
        ret->sessions = NULL;
        return r < 0 ? fail(VERB_FAILED, "it could not be looked for: %s", strerror(-r)) : VERB_OK;
}

static VerbStatus show_run(const Call *call, const char *account, int64_t since_sec)
{
        Scan s = { .root_fd = -EBADF };
        Uses u = { 0 };
        int status = load_uses(account, since_sec, &u);

        if (status == VERB_OK)
                status = look(&u, &s);
        if (status == VERB_OK)
                status = show_found(call, &s, &u, since_sec);
        scan_done(&s);
        uses_done(&u);
        return status;
}

/* ---- reporting ---------------------------------------------------------------------------------
 */

static int tell(const Call *call, const Scan *s, const Uses *u, Memory *m)
{
        size_t n_new = 0;
        int r, status;

        say_limits(s, u);
        status = leftovers_tell(s, m, call->now_sec, &n_new);
        if (status != VERB_OK)
                return status;
        m->since_sec = call->now_sec;
        r = memory_save(m, MEMORY_FILE);
        if (r < 0)
                return fail(VERB_FAILED, MEMORY_FILE ": %s", strerror(-r));
        say("%zu found, %zu of them new", s->n, n_new);
        return VERB_OK;
}

static VerbStatus report_run(const Call *call)
{
        Scan s = { .root_fd = -EBADF };
        Uses u = { 0 };
        Memory m;
        int status;

        if (memory_load(MEMORY_FILE, &m) < 0)
                return fail(VERB_FAILED, "out of memory");
        status = load_uses(NULL,
                           m.since_sec > 0 && m.since_sec <= call->now_sec
                                   ? m.since_sec - OVERLAP_SEC
                                   : call->now_sec - REPORT_SEC,
                           &u);
        if (status == VERB_OK)
                status = look(&u, &s);
        if (status == VERB_OK)
                status = tell(call, &s, &u, &m);
        scan_done(&s);
        uses_done(&u);
        memory_done(&m);
        return status;
}

static VerbStatus leftovers_run(Call *call)
{
        const LeftoversOptions *o = call->options;

        if (geteuid() != 0)
                return fail(VERB_PROBLEM,
                            "others' files are root's to look at: run nhictl by sudo");
        if (o->report && (o->since_sec != 0 || call->operands.n > 0))
                return fail(VERB_USAGE, "--report looks after every session since the last one");
        if (o->report)
                return report_run(call);
        return show_run(call, call->operands.n > 0 ? call->operands.items[0] : NULL,
                        o->since_sec > 0 ? o->since_sec : call->now_sec - SINCE_SEC);
}

const Verb verb_leftovers = {
        .name = "leftovers",
        .synopsis = "[ACCOUNT] [--since T]",
        .help = "what sessions under grants left behind that no end takes away\n"
                "Setuid copies, IPC, jobs, units, planted keys, and what was changed as root. "
                "Which\n"
                "sessions there were the decision log says. Nothing is removed.\n"
                "Exit status: 1 where something was found.",
        .options = leftovers_options,
        .options_size = sizeof(LeftoversOptions),
        .operands_max = 1,
        .run = leftovers_run,
};
