/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The rules by which one grant is judged, inside the core: one table, walked by the verdict and by
 * its explanation alike, so that the two can never disagree.
 *
 * Rules about terms are filters: `candidates` starts as all terms of the grant, each rule takes out
 * those that do not match, and fails when none is left. So one term has to match in full (P3), and
 * the rule that took the last one is the nearest miss. */

#include "nhi-agentd/core/decide.h"
#include "nhi-agentd/core/note.h"

typedef enum Outcome {
        RULE_FAILED = 0,
        RULE_HELD,
        RULE_APART, /* does not apply to this request */
} Outcome;

typedef struct Judge {
        const Grant *grant;
        const Account *account; /* where it is one of ours, else NULL */
        const HostView *host;   /* never NULL */
        const AccessRequest *request;
        Now now;
        uint32_t candidates; /* bit i: terms[i] still matches */
        int64_t end_sec, boot_end_usec;
        Reason reason; /* of the rule at work; a rule may say it more exactly */
        Note note;
} Judge;

typedef struct Rule {
        const char *name;
        Reason reason;
        Outcome (*check)(Judge *j);
} Rule;

extern const Rule rules[];
extern const size_t rules_n;

/* The walk: the number of rules that held, rules_n where the grant allows. */
size_t rules_walk(Judge *j, RuleSink out, void *userdata);
void judge_init(Judge *j, const Account *account, const Grant *grant, const HostView *host,
                const AccessRequest *request, Now now);

/* Is the request one that the core knows how to judge (P5)? */
bool request_is_lawful(const AccessRequest *request);

/* rules-term.c */
Outcome rule_service(Judge *j);
Outcome rule_from(Judge *j);
Outcome rule_key(Judge *j);
Outcome rule_target(Judge *j);
Outcome rule_target_group(Judge *j);
Outcome rule_plugin(Judge *j);
Outcome rule_command(Judge *j);
Outcome rule_edit(Judge *j);
/* True where a term that still matches binds the request's ssh key. */
bool judge_carries_key(const Judge *j);

/* rules-time.c */
Outcome rule_clock(Judge *j);
Outcome rule_begin(Judge *j);
Outcome rule_end(Judge *j);
Outcome rule_set(Judge *j);
Outcome rule_window(Judge *j);

bool list_contains(const StrList *list, const char *text);
bool list_contains_sorted(const StrList *list, const char *text);
