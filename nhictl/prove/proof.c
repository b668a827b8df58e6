/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The proof's own storage, and its answer. */

#include "lib/base/macro.h"
#include "nhictl/prove/prove.h"

#include <stdarg.h>
#include <stdio.h>

struct ProveText {
        ProveText *next;
        char text[];
};

static void sets_done(Proof *p)
{
        for (size_t i = 0; i < p->sets.n; i++)
                free(p->sets.items[i].grants);
        free(p->sets.items);
}

void proof_done(Proof *p)
{
        while (p->texts) {
                ProveText *t = p->texts;

                p->texts = t->next;
                free(t);
        }
        sets_done(p);
        free(p->gates.items);
        free(p->stays.items);
        free(p->refusals.items);
        free(p->sightings.items);
        free(p->units.items);
        free(p->processes.items);
        free(p->windows.items);
        free(p->modes.items);
        free(p->lives.items);
        free(p->boots.items);
        free(p->terminals.items);
        free(p->record_times.items);
        free(p->gaps.items);
        free(p->findings.items);
        free(p->strangers.items);
        free(p->accounts.items);
        *p = (Proof){ .failed = true };
}

const char *proof_text(Proof *p, const char *text)
{
        ProveText *t;
        size_t size;

        if (!text || !*text)
                return "";
        size = strlen(text) + 1;
        t = malloc(sizeof(*t) + size);
        if (!t) {
                p->failed = true;
                return "";
        }
        memcpy(t->text, text, size);
        t->next = p->texts;
        p->texts = t;
        return t->text;
}

const char *proof_format(Proof *p, const char *format, ...)
{
        char text[1024];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return proof_text(p, text);
}

void *proof_grow(Proof *p, void **items, size_t *n, size_t *capacity, size_t size)
{
        char *item;

        if (*n == *capacity) {
                const size_t wanted = *capacity ? 2 * *capacity : 32;
                void *grown = reallocarray(*items, wanted, size);

                if (!grown) {
                        p->failed = true;
                        return NULL;
                }
                *items = grown;
                *capacity = wanted;
        }
        item = (char *)*items + *n * size;
        memset(item, 0, size);
        (*n)++;
        return item;
}

void proof_gap(Proof *p, GapKind kind, int64_t start_usec, int64_t end_usec, const char *detail)
{
        Gap *g;

        if (start_usec < p->since_usec)
                start_usec = p->since_usec;
        if (end_usec > p->until_usec)
                end_usec = p->until_usec;
        if (start_usec > end_usec)
                return;
        g = proof_add(p, gaps);
        if (g)
                *g = (Gap){ .kind = kind,
                            .start_usec = start_usec,
                            .end_usec = end_usec,
                            .detail = proof_text(p, detail) };
}

/* ---- the answer ---- */

bool proof_finding_is_leak(FindingKind kind)
{
        static const bool is_leak[FINDING_N] = {
#define FINDING_LEAK(name, text, leak, meaning) [FINDING_##name] = leak,
                PROVE_FINDINGS(FINDING_LEAK)
#undef FINDING_LEAK
        };

        return is_leak[kind];
}

ProveAnswer proof_answer(const Proof *p)
{
        for (size_t i = 0; i < p->findings.n; i++)
                if (proof_finding_is_leak(p->findings.items[i].kind))
                        return PROVE_LEAK;
        return p->failed || p->findings.n > 0 || p->gaps.n > 0 ? PROVE_NO_EVIDENCE : PROVE_PROVED;
}

bool proof_is_young(const Proof *p)
{
        for (size_t i = 0; i < p->findings.n; i++)
                if (p->findings.items[i].start_usec > p->until_usec - PROVE_YOUNG_USEC)
                        return true;
        return false;
}

void proof_judge(Proof *p)
{
        proof_settle_stays(p);
        proof_sort(p);
        proof_cover(p);
        proof_judge_sightings(p);
        proof_judge_processes(p);
}
