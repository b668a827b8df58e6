/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between page.c (issuers and their places), page-host.c (one number of the host each) and
 * page-tally.c (what was counted). */

#include "nhi-agentd/evidence.h"
#include "nhi-agentd/metrics/page.h"
#include "nhi-agentd/metrics/text.h"

/* What all families are made from. */
typedef struct Page {
        MetricText text;
        Agent *agent;
        Now now;
        EvidenceView log;
} Page;

typedef struct Family {
        const char *name;
        MetricType type;
        const char *unit, *help;
} Family;

static inline void page_begin(Page *p, const Family *f)
{
        metric_family(&p->text, f->name, f->type, f->unit, f->help);
}

void page_put_host(Page *p);
void page_put_tally(Page *p);
