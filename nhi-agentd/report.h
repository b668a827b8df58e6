/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What this host says of itself to the issuers that want to hear it (lib/wire/report.h is the
 * format): signed here, where the key is, and put where nhi-fetchd finds it.
 *
 *  R1 A report MUST say nothing of another issuer's sets, grants and accounts.
 *  R2 It MUST be bounded, whatever sets and configuration hold.
 *  R3 Its number MUST rise, over restarts and with a clock that was set back.
 *  R4 Nothing MUST wait for a report, and none is made more often than REPORT_SPACING_USEC. */

#include "nhi-agentd/agent.h"

#define REPORT_SPACING_USEC 2000000u
#ifdef NHI_TEST
extern uint64_t report_spacing_usec; /* the same */
#endif

int reports_new(Agent *a, Reports **ret);
Reports *reports_free(Reports *r);
/* With the configuration that is in force from now on: at start and when it changed. Every issuer
 * that wants a report gets one soon; what there is for others is removed. */
void reports_begin(Reports *r);
/* What is applied of this issuer changed, or was refused. */
void reports_changed(Reports *r, size_t index);
/* An event was written down: perhaps a grant was used. */
void reports_note(Reports *r, const Event *e);

/* Where the reports for an issuer are put, malloc'ed. -ENOMEM. */
int report_file(const char *issuer, char **ret);

/* ---- report-make.c ---- */

/* The last use of a grant. */
typedef struct ReportUse {
        char jti[65];
        int64_t at_sec;
} ReportUse;

/* What is not the agent's to know. */
typedef struct ReportFacts {
        uint64_t seq;
        const ReportUse *uses;
        size_t n_uses;
} ReportFacts;

/* The signed report for the issuer of this index, malloc'ed. */
int report_make(const Agent *a, size_t index, const ReportFacts *facts, char **ret);
