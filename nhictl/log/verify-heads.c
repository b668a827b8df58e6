/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The log against heads of it that were kept elsewhere. */

#include "nhictl/log/verify-internal.h"

#include "nhictl/when.h"

#include <inttypes.h>
#include <stdio.h>

/* ", signed 2026-11-22T08:15:04Z": nothing where that is not known. */
static void describe(const LogHeadKept *k, char ret[static 64])
{
        char when[WHEN_TIME_SIZE];

        ret[0] = '\0';
        if (k->head.real_usec != 0)
                (void)snprintf(ret, 64, " of %s",
                               when_format_time(when, k->head.real_usec / 1000000));
}

static bool is_of_this_log(const Verify *v, const LogHeadKept *k)
{
        return k->head.log_id[0] == '\0' || v->report->log_id[0] == '\0' ||
               streq(k->head.log_id, v->report->log_id);
}

/* The last record's own prev did not fit: the head says which of the two was changed. */
static bool settle_suspect(Verify *v)
{
        VerifyProblem *p;

        if (v->suspect == 0)
                return false;
        p = &v->report->problems[v->suspect - 1];
        memcpy(p->file, v->here.file, sizeof(p->file));
        p->line = v->here.line;
        p->seq = v->chain.seq;
        (void)snprintf(p->text, sizeof(p->text),
                       "neither does its prev fit the record before, nor its hash a head: its line "
                       "was changed");
        return true;
}

static void agree(Verify *v, const LogHeadKept *k)
{
        VerifyReport *r = v->report;

        v->agreed_seq = k->head.chain.seq;
        if (!log_head_is_believed(k->trust)) {
                r->n_heads_weak++;
                r->weak_from = k->from;
                return;
        }
        r->n_heads++;
        r->head_seq = k->head.chain.seq;
        r->head_usec = k->head.real_usec;
        r->head_from = k->from;
}

static void disagree(Verify *v, const LogHeadKept *k)
{
        const uint64_t seq = v->chain.seq, from = v->agreed_seq + 1;
        char when[64];

        if (settle_suspect(v))
                return;
        describe(k, when);
        if (from < seq)
                (void)verify_problem(v, VERIFY_REWRITTEN, &v->here, seq,
                                     "a head%s (%s) has another hash of it: it was changed, or one "
                                     "from record %" PRIu64 " on, and what follows was made to fit",
                                     when, k->from,
                                     from > v->report->first_seq ? from : v->report->first_seq);
        else
                (void)verify_problem(v, VERIFY_REWRITTEN, &v->here, seq,
                                     "a head%s (%s) has another hash of it: it was changed", when,
                                     k->from);
}

/* Heads are sorted by seq; where a seq is passed over, its record is missing. */
void verify_heads_record(Verify *v, const VerifyLine *l)
{
        const LogHeads *h = v->heads;

        for (; h && v->head_at < h->n && h->items[v->head_at].head.chain.seq <= v->chain.seq;
             v->head_at++) {
                const LogHeadKept *k = &h->items[v->head_at];

                if (k->head.chain.seq < v->chain.seq || !is_of_this_log(v, k))
                        continue;
                if (memcmp(k->head.chain.hash, l->hash, LOG_HASH_SIZE) == 0)
                        agree(v, k);
                else
                        disagree(v, k);
        }
}

/* The heads that know more than there is: the last of them says how much is gone. */
static void check_cut(Verify *v)
{
        const LogHeads *h = v->heads;
        const LogHeadKept *last = NULL;
        char when[64];

        for (size_t i = 0; i < h->n; i++)
                if (h->items[i].head.chain.seq > v->chain.seq && is_of_this_log(v, &h->items[i]))
                        last = &h->items[i];
        if (!last)
                return;
        describe(last, when);
        (void)verify_problem(v, VERIFY_CUT, v->chain.seq > 0 ? &v->last : NULL, v->chain.seq + 1,
                             v->chain.seq == 0 ? "the log is gone; a head%s (%s) knows %" PRIu64
                                                 " records of it"
                                               : "the log ends before it; a head%s (%s) knows "
                                                 "record %" PRIu64,
                             when, last->from, last->head.chain.seq);
}

static void check_others(Verify *v)
{
        const LogHeads *h = v->heads;
        const LogHeadKept *other = NULL;
        size_t n = 0;
        char when[64];

        for (size_t i = 0; i < h->n; i++)
                if (!is_of_this_log(v, &h->items[i])) {
                        other = &h->items[i];
                        n++;
                }
        if (!other)
                return;
        describe(other, when);
        (void)verify_problem(
                v, VERIFY_OTHER_LOG, NULL, other->head.chain.seq,
                "%zu head%s, the last%s (%s), of log %s: that log was here, and is not", n,
                n == 1 ? " is" : "s are", when, other->from, other->head.log_id);
}

void verify_heads_end(Verify *v)
{
        const LogHeads *h = v->heads;

        if (!h)
                return;
        for (size_t i = 0; i < h->n; i++)
                v->report->n_heads_before += v->report->first_seq > 0 &&
                                             h->items[i].head.chain.seq < v->report->first_seq &&
                                             is_of_this_log(v, &h->items[i]);
        check_cut(v);
        check_others(v);
}
