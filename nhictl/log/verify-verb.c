/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* nhictl log verify: is the decision log as it was written, and all of it? */

#include "nhictl/log/config.h"
#include "nhictl/log/heads-local.h"
#include "nhictl/log/progress.h"
#include "nhictl/log/verify-show.h"
#include "nhictl/verb.h"

typedef struct VerifyArgs {
        const char *dir, *key;
        ArgList heads;
} VerifyArgs;

static const Option verify_options[] = {
        { "head", 0, OPTION_LIST, offsetof(VerifyArgs, heads), "H",
          "a head that was kept: a JWS, SEQ:HASH, or a file of them" },
        { "key", 0, OPTION_STRING, offsetof(VerifyArgs, key), "K",
          "the host's key: a public JWK file, its x, or its thumbprint" },
        { "dir", 0, OPTION_STRING, offsetof(VerifyArgs, dir), "DIR",
          "another log's files than this host's" },
        OPTION_END,
};

/* A thumbprint is no key, but says which it must be. */
static int find_key(const VerifyArgs *args, LogHeads *heads)
{
        char error[256];
        Jwk local, key;
        const bool has_local = log_heads_local_key(&local) == 0;

        if (has_local && (!args->key || streq(args->key, local.kid))) {
                log_heads_trust(heads, &local);
                return VERB_OK;
        }
        if (!args->key)
                return VERB_OK;
        if (log_heads_parse_key(args->key, &key, error) < 0)
                return fail(VERB_USAGE, "%s", error);
        log_heads_trust(heads, &key);
        return VERB_OK;
}

static int find_heads(const VerifyArgs *args, bool is_local, LogHeads *heads)
{
        char error[256];
        int r = 0;

        for (size_t i = 0; r == 0 && i < args->heads.n; i++)
                r = log_heads_parse(heads, args->heads.items[i], error);
        if (r == 0 && is_local && args->heads.n == 0)
                r = log_heads_read_local(heads);
        if (r == -EINVAL)
                return fail(VERB_USAGE, "%s", error);
        if (r < 0)
                return fail(VERB_FAILED, "%s", strerror(-r));
        log_heads_sort(heads);
        return VERB_OK;
}

static int open_source(const char *dir, LogSource **ret)
{
        int r = log_source_open(dir, ret);

        if (r == 0)
                return VERB_OK;
        return fail(VERB_FAILED, "%s: %s%s", dir, strerror(-r),
                    r == -EACCES ? "; the log is for root and group nhi-audit" : "");
}

static uint64_t size_of(const LogSource *source)
{
        uint64_t size = 0;

        for (size_t i = 0; i < source->segments.n; i++) {
                _cleanup_(log_stream_freep) LogStream *s = NULL;

                if (log_stream_open(source, i, &s) == 0)
                        size += log_stream_size(s);
        }
        return size;
}

static void on_progress(void *userdata, uint64_t n_bytes)
{
        progress_at(userdata, n_bytes);
}

static VerbStatus status_of(const VerifyArgs *args, const VerifyResult *v)
{
        const VerifyReport *r = &v->report;

        if (r->n_problems > 0 || v->heads->n_bad > 0)
                return VERB_PROBLEM;
        if (r->n_records == 0)
                return fail(VERB_STALE, "%s: there is no log: nothing was verified", v->dir);
        if (args->heads.n > 0 && v->heads->n_unchecked > 0)
                return fail(VERB_STALE, "a head that was given is signed by a key that is not "
                                        "known here (--key)");
        if (r->n_heads > 0)
                return VERB_OK;
        if (args->heads.n > 0)
                return fail(VERB_STALE, "no head that was given could be compared with the log");
        if (!v->is_own)
                return fail(VERB_STALE, "not proven: no head was given (--head)");
        return fail(VERB_STALE, "not proven: neither the agent nor the journal has a head of this "
                                "log that can be believed");
}

/* Heads are read before the log: what is written meanwhile is not missed in it. */
static VerbStatus verify(Call *call, VerifyResult *v, LogHeads *heads)
{
        const VerifyArgs *args = call->options;
        _cleanup_(log_source_freep) LogSource *source = NULL;
        char own[LOG_DIR_MAX];
        Progress progress;
        int r;

        (void)log_config_dir(own);
        v->dir = args->dir ? args->dir : own;
        v->is_own = log_dir_is(v->dir, own);
        r = find_key(args, heads);
        if (r == VERB_OK)
                r = find_heads(args, v->is_own, heads);
        if (r == VERB_OK)
                r = open_source(v->dir, &source);
        if (r != VERB_OK)
                return (VerbStatus)r;
        progress_init(&progress, "verifying", size_of(source));
        r = verify_log(
                source,
                &(VerifyOptions){ .heads = heads, .progress = on_progress, .userdata = &progress },
                &v->report);
        progress_done(&progress);
        if (r == 0)
                r = verify_show(&call->out, v);
        return r < 0 ? (VerbStatus)fail(VERB_FAILED, "%s", strerror(-r)) : status_of(args, v);
}

static VerbStatus verify_run(Call *call)
{
        LogHeads heads = {};
        VerifyResult v = { .heads = &heads };
        VerbStatus status = verify(call, &v, &heads);

        log_heads_done(&heads);
        return status;
}

const Verb verb_log_verify = {
        .name = "log verify",
        .synopsis = "[--head H]... [--key K] [--dir DIR]",
        .help = "prove that the decision log is as it was written, and name what is not\n"
                "Every record, the chain, the segments. What heads know, those of the journal and\n"
                "of the agent unless --head is given, shows a tail that was cut off and a log "
                "made\n"
                "anew. What cannot be proven is said. Exit 1: the log, or a head, is not whole;\n"
                "4: it may be, but there is no head that can be believed.",
        .options = verify_options,
        .options_size = sizeof(VerifyArgs),
        .run = verify_run,
};
