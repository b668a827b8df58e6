/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/prove/report.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"
#include "nhictl/log/plain.h"
#include "nhictl/prove/words.h"
#include "nhictl/when.h"

#include <stdio.h>

#define LABEL "%-11s"

static const char *time_text(int64_t usec, char ret[static WHEN_TIME_SIZE])
{
        if (usec == PROVE_OPEN)
                return "now";
        return when_format_time(ret, usec / (int64_t)USEC_PER_SEC);
}

static void print_text(const char *text)
{
        char plain[1024];

        fputs(plain_text(plain, sizeof(plain), text), stdout);
}

/* ---- tables ---- */

static const char *witnesses_of(const Finding *f, char *ret, size_t size)
{
        size_t used = 0;

        ret[0] = '\0';
        for (size_t i = 0; i < WITNESS_N && used < size; i++)
                if (f->seen_by & 1u << i)
                        used += (size_t)snprintf(ret + used, size - used, "%s%s", used ? "," : "",
                                                 witness_names[i]);
        return ret;
}

static int finding_row(Table *t, const Finding *f)
{
        char start[WHEN_TIME_SIZE], end[WHEN_TIME_SIZE], seen[128], seq[24] = "", where[1024];
        int r;

        if (f->seq > 0)
                (void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)f->seq);
        r = table_row(t,
                      (const char *[]){
                              proof_finding_is_leak(f->kind) ? "LEAK" : "no evidence", f->account,
                              *f->class ? f->class : NULL, time_text(f->start_usec, start),
                              time_text(f->end_usec, end), witnesses_of(f, seen, sizeof(seen)),
                              plain_text(where, sizeof(where), f->where), finding_meanings[f->kind],
                              *f->grant ? f->grant : NULL, f->seq > 0 ? seq : NULL });
        if (r >= 0)
                table_shade(t, -1, proof_finding_is_leak(f->kind) ? SHADE_BAD : SHADE_WARN);
        return r;
}

/* Every leak, but of what is only not judged so many. */
#define OTHERS_SHOWN 20u

static int print_findings(const Output *o, const Proof *p)
{
        static const char *const headings[] = { "FOUND", "ACCOUNT", "SERVICE", "FROM",
                                                "UNTIL", "SEEN BY", "WHERE",   "WHAT",
                                                "GRANT", "RECORD",  NULL };
        _cleanup_(table_freep) Table *t = NULL;
        size_t n_others = 0;
        int r;

        r = table_new(o, headings, &t);
        for (size_t i = 0; i < p->findings.n && r >= 0; i++)
                if (proof_finding_is_leak(p->findings.items[i].kind) || n_others++ < OTHERS_SHOWN)
                        r = finding_row(t, &p->findings.items[i]);
        if (r >= 0)
                r = table_print(t);
        if (r >= 0 && n_others > OTHERS_SHOWN)
                printf("and %zu more sessions without evidence: --json names all\n",
                       n_others - OTHERS_SHOWN);
        return r;
}

static int print_gaps(const Output *o, const Proof *p)
{
        static const char *const headings[] = {
                "NO EVIDENCE", "UNTIL", "FOR", "WHY", "WHICH", NULL
        };
        _cleanup_(table_freep) Table *t = NULL;
        int r;

        r = table_new(o, headings, &t);
        for (size_t i = 0; i < p->gaps.n && r >= 0; i++) {
                const Gap *g = &p->gaps.items[i];
                char start[WHEN_TIME_SIZE], end[WHEN_TIME_SIZE], length[WHEN_DURATION_SIZE],
                        detail[1024];

                r = table_row(
                        t,
                        (const char *[]){
                                time_text(g->start_usec, start),
                                time_text(g->end_usec, end),
                                when_format_duration(length, (g->end_usec - g->start_usec) /
                                                                     (int64_t)USEC_PER_SEC),
                                gap_meanings[g->kind],
                                *g->detail ? plain_text(detail, sizeof(detail), g->detail) : NULL,
                        });
        }
        return r < 0 ? r : table_print(t);
}

/* ---- lines ---- */

static void print_witnesses(const Proof *p)
{
        printf(LABEL, "witnesses");
        for (size_t i = 0; i < WITNESS_N; i++) {
                const WitnessState *w = &p->witnesses[i];

                printf("%s%s ", i > 0 ? ", " : "", witness_names[i]);
                if (w->is_there)
                        printf("%zu", w->n);
                else {
                        fputs("none (", stdout);
                        print_text(w->detail ? w->detail : "not asked");
                        fputs(")", stdout);
                }
        }
        putchar('\n');
}

#define STRANGERS_SHOWN 12u

static void print_strangers(const Proof *p)
{
        size_t n_more = 0;

        if (p->strangers.n == 0)
                return;
        printf(LABEL, "not ours");
        for (size_t i = 0; i < p->strangers.n; i++) {
                const Stranger *s = &p->strangers.items[i];

                if (i >= STRANGERS_SHOWN) {
                        n_more += s->n;
                        continue;
                }
                fputs(i > 0 ? ", " : "", stdout);
                print_text(s->account);
                putchar(' ');
                print_text(*s->class ? s->class : "?");
                printf(" %zu (%s)", s->n, s->mode == GATE_EXEMPT ? "exempt" : "ungated");
        }
        if (n_more > 0)
                printf(", and %zu more sessions", n_more);
        putchar('\n');
}

char *proof_percent(double covered, char ret[static 16])
{
        const unsigned hundredths = covered >= 1  ? 10000
                                    : covered > 0 ? (unsigned)(covered * 10000)
                                                  : 0;

        (void)snprintf(ret, 16, "%u.%02u", hundredths / 100, hundredths % 100);
        return ret;
}

static const char *what_is_proved(const Proof *p, ProveAnswer a, char ret[static 256])
{
        size_t n_leaks = 0;

        for (size_t i = 0; i < p->findings.n; i++)
                n_leaks += proof_finding_is_leak(p->findings.items[i].kind);
        if (a == PROVE_LEAK)
                (void)snprintf(ret, 256, "%zu leak%s, named above", n_leaks,
                               n_leaks == 1 ? "" : "s");
        else if (a == PROVE_PROVED && p->n_sessions == 0)
                (void)snprintf(ret, 256, "nobody saw a session of a managed account");
        else
                (void)snprintf(ret, 256, "%zu session%s of %zu account%s %s inside %s",
                               p->n_sessions, p->n_sessions == 1 ? "" : "s", p->accounts.n,
                               p->accounts.n == 1 ? "" : "s", p->n_sessions == 1 ? "was" : "were",
                               p->n_sessions == 1 ? "its grant" : "their grants");
        return ret;
}

static void print_answer(const Output *o, const Proof *p)
{
        static const char *const words[] = {
                [PROVE_PROVED] = "proved",
                [PROVE_LEAK] = "leak",
                [PROVE_NO_EVIDENCE] = "no evidence",
        };
        static const Shade shades[] = {
                [PROVE_PROVED] = SHADE_GOOD,
                [PROVE_LEAK] = SHADE_BAD,
                [PROVE_NO_EVIDENCE] = SHADE_WARN,
        };
        char since[WHEN_TIME_SIZE], until[WHEN_TIME_SIZE], length[WHEN_DURATION_SIZE], what[256],
                percent[16];
        const ProveAnswer a = proof_answer(p);

        printf("%s" LABEL "%s %s; %s to %s (%s), %s %% covered\n", shade_begin(o, shades[a]),
               words[a], shade_end(o), what_is_proved(p, a, what), time_text(p->since_usec, since),
               time_text(p->until_usec, until),
               when_format_duration(length,
                                    (p->until_usec - p->since_usec) / (int64_t)USEC_PER_SEC),
               proof_percent(p->covered, percent));
}

int proof_print(const Output *o, const Proof *p)
{
        int r;

        r = print_findings(o, p);
        if (r >= 0)
                r = print_gaps(o, p);
        if (r < 0)
                return r;
        print_witnesses(p);
        print_strangers(p);
        if (p->n_refused > 0)
                printf(LABEL "%zu session%s at %s last step\n", "denied", p->n_refused,
                       p->n_refused == 1 ? "" : "s", p->n_refused == 1 ? "its" : "their");
        print_answer(o, p);
        return fflush(stdout) == EOF ? -EIO : 0;
}
