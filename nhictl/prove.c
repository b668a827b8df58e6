/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl prove: independent witnesses, held against the decision log. */

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "lib/base/path.h"
#include "lib/wire/control.h"
#include "nhictl/agent-client.h"
#include "nhictl/gates-file.h"
#include "nhictl/log/config.h"
#include "nhictl/prove/host.h"
#include "nhictl/prove/report.h"
#include "nhictl/prove/witness.h"
#include "nhictl/reply.h"
#include "nhictl/verb.h"

#include <sodium.h>

#define VAR_LOG_DIR PATH_ROOT "/var/log"
#define UTMP_FILE   PATH_ROOT "/run/utmp"
/* Where there is no log to begin with. */
#define SINCE_DEFAULT_USEC (INT64_C(86400) * 1000000)
#define WTMPDB_FILE        PATH_ROOT "/var/lib/wtmpdb/wtmp.db"

typedef struct ProveOptions {
        int64_t since_sec, until_sec;
        const char *account, *dir;
} ProveOptions;

static const Option prove_options[] = {
        { "since", 0, OPTION_SINCE, offsetof(ProveOptions, since_sec), "T",
          "from this time or so long ago (1d); default: the first record of the log" },
        { "until", 0, OPTION_SINCE, offsetof(ProveOptions, until_sec), "T",
          "up to this time or so long ago; default: now" },
        { "account", 0, OPTION_STRING, offsetof(ProveOptions, account), "A",
          "sessions and processes of one account" },
        { "dir", 0, OPTION_STRING, offsetof(ProveOptions, dir), "DIR", "another log of this host" },
        OPTION_END,
};

/* ---- the agent ---- */

static void take_gates(Proof *p, const json_t *gates)
{
        const json_t *gate;
        size_t i;

        json_array_foreach(gates, i, gate) {
                GateNow *g = proof_add(p, gates);

                if (g)
                        *g = (GateNow){ .name = proof_text(p, member_text(gate, "name")),
                                        .is_enforced =
                                                streq_ptr(member_text(gate, "mode"), "enforce") };
        }
}

static void ask_agent(Proof *p)
{
        json_t *request = json_pack("{s:s}", "verb", "status"), *reply = NULL, *gates;

        p->agent_answers =
                request && agent_call(request, &reply) == 0 && member_is_true(reply, "ok");
        gates = p->agent_answers ? json_incref(json_object_get(reply, "gates")) : gates_published();
        take_gates(p, gates);
        p->log_has_failed = member_text(json_object_get(reply, "log"), "error") ||
                            access(PATH_LOG_FAILED, F_OK) == 0 ||
                            access(PATH_LOG_FAILED_RUN, F_OK) == 0;
        json_decref(gates);
        json_decref(reply);
        json_decref(request);
}

/* ---- the witnesses ---- */

static int gather_sets(Proof *p, const char *dir)
{
        LogKeys keys = { .n = 0 };
        int r = log_config_keys(&keys);

        if (r == 0)
                witness_sets(p, dir, &keys);
        log_keys_done(&keys);
        return r;
}

/* What is there now first and the log last: whatever a witness has seen was recorded before. */
static int gather(Proof *p, const ProveOptions *o)
{
        char own[LOG_DIR_MAX];
        const char *log_dir = o->dir ? o->dir : log_config_dir(own);
        int r;

        witness_processes(p, "/proc", now_realtime_usec() - now_boottime_usec());
        witness_sessions(p);
        r = witness_journal(p);
        if (r < 0)
                return r;
        witness_wtmp(p, VAR_LOG_DIR, access(UTMP_FILE, F_OK) == 0, access(WTMPDB_FILE, F_OK) == 0);
        ask_agent(p);
        r = witness_log(p, log_dir, !o->dir || log_dir_is(o->dir, log_config_dir(own)));
        if (r == 0)
                r = gather_sets(p, log_dir);
        return r;
}

static int make(Proof *p, const ProveOptions *o, HostMemory *memory)
{
        const int64_t usec = (int64_t)USEC_PER_SEC;
        int r;

        *p = (Proof){ .host = host_memory_host(memory),
                      .since_usec = o->since_sec * usec,
                      .until_usec = o->until_sec > 0 ? o->until_sec * usec : now_realtime_usec(),
                      .account = o->account };
        r = gather(p, o);
        if (r < 0)
                return r;
        if (o->since_sec == 0)
                p->since_usec = p->log_first_usec > 0 ? p->log_first_usec
                                                      : p->until_usec - SINCE_DEFAULT_USEC;
        proof_judge(p);
        return p->failed ? -ENOMEM : 0;
}

/* A login that is under way is in one witness before it is in the other. */
static int make_settled(Proof *p, const ProveOptions *o, HostMemory *memory)
{
        int r = make(p, o, memory);

        if (r < 0 || o->until_sec > 0 || !proof_is_young(p))
                return r;
        proof_done(p);
        (void)usleep((useconds_t)PROVE_YOUNG_USEC);
        return make(p, o, memory);
}

/* ---- the verb ---- */

static VerbStatus show_proof(const Call *call, const Proof *p)
{
        static const VerbStatus statuses[] = {
                [PROVE_PROVED] = VERB_OK,
                [PROVE_LEAK] = VERB_PROBLEM,
                [PROVE_NO_EVIDENCE] = VERB_STALE,
        };
        const int r = call->out.json ? output_document(proof_json(p)) : proof_print(&call->out, p);

        return r < 0 ? (VerbStatus)fail(VERB_FAILED, "the answer cannot be shown: %s", strerror(-r))
                     : statuses[proof_answer(p)];
}

static VerbStatus prove_run(Call *call)
{
        const ProveOptions *o = call->options;
        HostMemory *memory = NULL;
        Proof p = { .failed = false };
        VerbStatus status;
        int r;

        if (o->until_sec > 0 && o->since_sec >= o->until_sec)
                return fail(VERB_USAGE, "--since is not before --until");
        if (o->since_sec > call->now_sec)
                return fail(VERB_USAGE, "--since is in the future");
        if (geteuid() != 0)
                say("not run by root: what cannot be read is no witness");
        r = sodium_init() < 0 ? -ENOSYS : host_memory_new(&memory);
        if (r == 0)
                r = make_settled(&p, o, memory);
        status = r < 0 ? (VerbStatus)fail(VERB_FAILED, "nothing can be compared: %s", strerror(-r))
                       : show_proof(call, &p);
        proof_done(&p);
        host_memory_free(memory);
        return status;
}

const Verb verb_prove = {
        .name = "prove",
        .synopsis = "[--since T] [--until T] [--account A] [--dir DIR]",
        .help = "compare witnesses: did each session of a managed account lie inside a grant?\n"
                "Holds what journal, logind, wtmp, kernel audit and /proc saw against the log.\n"
                "0: proved. 1: a leak, named. 4: no evidence for some of the time, with the share.",
        .options = prove_options,
        .options_size = sizeof(ProveOptions),
        .run = prove_run,
};
