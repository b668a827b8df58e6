/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/prove/report.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhictl/log/plain.h"
#include "nhictl/prove/words.h"

#include <stdio.h>

const char *proof_answer_text(ProveAnswer a)
{
        return a == PROVE_PROVED ? "proved" : a == PROVE_LEAK ? "leak" : "no-evidence";
}

/* Whole seconds as everywhere else; null for what has not come, or was not seen. */
static json_t *time_json(int64_t usec)
{
        return usec == PROVE_OPEN || usec == 0 ? json_null()
                                               : json_integer(usec / (int64_t)USEC_PER_SEC);
}

/* A text of a witness may be any bytes. */
static json_t *text_json(const char *text)
{
        json_t *j = json_string(text);
        char safe[1024];

        return j ? j : json_string(plain_line(safe, sizeof(safe), text));
}

static json_t *seen_by(const Finding *f)
{
        json_t *list = json_array();

        for (size_t i = 0; i < WITNESS_N; i++)
                if (list && (f->seen_by & 1u << i))
                        (void)json_array_append_new(list, json_string(witness_names[i]));
        return list;
}

static json_t *finding_json(const Finding *f)
{
        return json_pack("{s:b, s:s, s:b, s:s, s:o, s:o, s:o, s:s, s:I, s:o, s:o, s:o, s:o, s:I}",
                         "open", f->end_usec == PROVE_OPEN, "finding", finding_names[f->kind],
                         "leak", proof_finding_is_leak(f->kind), "text", finding_meanings[f->kind],
                         "account", text_json(f->account), "class", text_json(f->class), "where",
                         text_json(f->where), "witness", witness_names[f->witness], "pid",
                         (json_int_t)f->pid, "start", time_json(f->start_usec), "end",
                         time_json(f->end_usec), "seen_by", seen_by(f), "grant",
                         text_json(f->grant), "seq", (json_int_t)f->seq);
}

static json_t *gap_json(const Gap *g)
{
        return json_pack("{s:s, s:s, s:o, s:o, s:o}", "gap", gap_names[g->kind], "text",
                         gap_meanings[g->kind], "start", time_json(g->start_usec), "end",
                         time_json(g->end_usec), "detail", text_json(g->detail));
}

static json_t *witness_json(const Proof *p, size_t i)
{
        const WitnessState *w = &p->witnesses[i];

        return json_pack("{s:s, s:s, s:b, s:I, s:o}", "witness", witness_names[i], "text",
                         witness_meanings[i], "there", w->is_there, "seen", (json_int_t)w->n,
                         "detail", text_json(w->detail ? w->detail : ""));
}

static json_t *stranger_json(const Stranger *s)
{
        return json_pack("{s:o, s:o, s:s, s:I}", "account", text_json(s->account), "class",
                         text_json(s->class), "why", s->mode == GATE_EXEMPT ? "exempt" : "ungated",
                         "sessions", (json_int_t)s->n);
}

#define LIST_JSON(name, item_json)                                                                 \
        static json_t *name##_json(const Proof *p)                                                 \
        {                                                                                          \
                json_t *list = json_array();                                                       \
                                                                                                   \
                for (size_t i = 0; list && i < p->name.n; i++)                                     \
                        if (json_array_append_new(list, item_json(&p->name.items[i])) < 0) {       \
                                json_decref(list);                                                 \
                                return NULL;                                                       \
                        }                                                                          \
                return list;                                                                       \
        }

LIST_JSON(findings, finding_json)
LIST_JSON(gaps, gap_json)
LIST_JSON(strangers, stranger_json)

static json_t *witnesses_json(const Proof *p)
{
        json_t *list = json_array();

        for (size_t i = 0; list && i < WITNESS_N; i++)
                if (json_array_append_new(list, witness_json(p, i)) < 0) {
                        json_decref(list);
                        return NULL;
                }
        return list;
}

json_t *proof_json(const Proof *p)
{
        return json_pack("{s:s, s:o, s:o, s:f, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "answer",
                         proof_answer_text(proof_answer(p)), "since", time_json(p->since_usec),
                         "until", time_json(p->until_usec), "covered", p->covered, "sessions",
                         (json_int_t)p->n_sessions, "accounts", (json_int_t)p->accounts.n,
                         "refused", (json_int_t)p->n_refused, "findings", findings_json(p), "gaps",
                         gaps_json(p), "witnesses", witnesses_json(p), "not_ours",
                         strangers_json(p));
}
