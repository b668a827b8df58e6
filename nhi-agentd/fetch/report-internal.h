/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between report.c (when) and report-road.c (how). */

#include "nhi-agentd/fetch/etcd-link.h"
#include "nhi-agentd/fetch/path-watch.h"
#include "nhi-agentd/fetch/report.h"

typedef struct ReportRoad {
        const char *type; /* of the source */
        bool is_url;      /* its place is one */
        /* Begin; then report_sent() or report_failed() is called, from within or later. A negative
         * errno and a sentence: neither is. */
        int (*send)(ReportSender *s, char ret_error[static ACCESS_ERROR_MAX]);
} ReportRoad;

struct ReportSender {
        const SourceSpec *spec;
        ReportSenderConfig config;
        const ReportRoad *road;
        PathWatch *watch;
        sd_event_source *timer;
        char *place;         /* where it goes */
        char *text, *sent;   /* on its way; what the place took last. NULL: nothing */
        EtcdLink link;       /* of etcd; of https its Http and call */
        uint64_t begun_usec; /* when one was last begun; 0: none was */
        unsigned n_failures;
        bool is_under_way;
        bool is_over;     /* connections of what is over have to go */
        bool has_changed; /* the file, since it was read */
};

const ReportRoad *report_road_find(const char *type);
void report_sent(ReportSender *s);
void report_failed(ReportSender *s, const char *token, const char *text, uint64_t retry_after_sec);
