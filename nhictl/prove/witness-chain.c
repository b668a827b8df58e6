/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The decision log as a whole: is it evidence, and up to when? Then its records. */

#include "lib/base/macro.h"
#include "nhictl/log/heads-local.h"
#include "nhictl/log/reader.h"
#include "nhictl/prove/witness.h"

static void no_evidence(Proof *p, const char *why)
{
        p->log_is_evidence = false;
        p->log_wrong = why;
        p->witnesses[WITNESS_LOG] = (WitnessState){ .detail = why };
}

/* The tail may have been cut off: only a head that is believed says up to when it was not. */
static void judge_tail(Proof *p, const VerifyReport *v)
{
        if (v->n_heads == 0)
                proof_gap(p, GAP_LOG, p->since_usec, p->until_usec,
                          "no head that can be believed says that its end is there");
        else if (v->head_usec < p->until_usec)
                proof_gap(p, GAP_LOG, v->head_usec, p->until_usec,
                          "no head that can be believed says what came then");
}

void log_judge(Proof *p, const char *dir, const LogHeads *heads, const VerifyReport *v)
{
        const VerifyProblem *b = &v->problems[0];

        p->log_is_evidence = v->n_problems == 0 && heads->n_bad == 0 && v->n_records > 0;
        if (p->log_is_evidence)
                judge_tail(p, v);
        else if (v->n_problems > 0)
                no_evidence(p, proof_format(p, "%s/%s: record %llu: %s: %s", dir, b->file,
                                            (unsigned long long)b->seq, verify_code_text(b->code),
                                            b->text));
        else if (heads->n_bad > 0)
                no_evidence(p, proof_format(p, "%s: a head of it is none: %s", dir, heads->bad));
        else
                no_evidence(p, proof_format(p, "%s: there is no record", dir));
}

/* The heads first: the log that is read then has them all. */
static int heads_read(LogHeads *h)
{
        Jwk key;
        int r = log_heads_local_key(&key);

        if (r == 0)
                log_heads_trust(h, &key);
        r = log_heads_read_local(h);
        log_heads_sort(h);
        return r;
}

static int verify(Proof *p, const char *dir, bool is_own)
{
        _cleanup_(log_source_freep) LogSource *source = NULL;
        _cleanup_(log_heads_done) LogHeads heads = { .n = 0 };
        _cleanup_free_ VerifyReport *report = calloc(1, sizeof(*report));
        int r;

        if (!report || (is_own && heads_read(&heads) < 0))
                return -ENOMEM;
        r = log_source_open(dir, &source);
        if (r < 0) {
                no_evidence(p, proof_format(p, "%s: %s", dir, strerror(-r)));
                return r == -ENOMEM ? r : 0;
        }
        r = verify_log(source, &(VerifyOptions){ .heads = &heads }, report);
        if (r == 0)
                log_judge(p, dir, &heads, report);
        return r;
}

static int read_all(Proof *p, const char *dir)
{
        _cleanup_(log_reader_freep) LogReader *reader = NULL;
        LogRecord record;
        int r;

        r = log_reader_open(dir, NULL, &reader);
        if (r < 0)
                return r;
        while (!p->failed && (r = log_reader_next(reader, &record)) >= 0 && r != LOG_READER_END)
                if (r == 0)
                        log_take(p, record.head.seq, record.head.real_usec, record.json);
        return p->failed ? -ENOMEM : r < 0 ? r : 0;
}

int witness_log(Proof *p, const char *dir, bool is_own)
{
        int r;

        p->boot = "";
        r = verify(p, dir, is_own);
        if (r < 0 || !p->log_is_evidence)
                return r;
        r = read_all(p, dir);
        if (r < 0 && r != -ENOMEM) {
                no_evidence(p, proof_format(p, "%s: %s", dir, strerror(-r)));
                r = 0;
        }
        p->witnesses[WITNESS_LOG].is_there = p->log_is_evidence;
        if (p->log_is_evidence)
                p->witnesses[WITNESS_LOG].detail = proof_text(p, dir);
        return r;
}
