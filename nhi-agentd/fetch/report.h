/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The host's reports (lib/wire/report.h) on their way to where the source takes them: an https URL
 * by PUT, a key of etcd, or a file in a directory. The agent makes and signs them; what is sent is
 * what its file holds. Promises, cited by tests/unit/test-fetch-report.c:
 *
 *  Q1 A report MUST NOT hold up a set: its connections, waits and failures are its own.
 *  Q2 However often it changes and whatever its place answers, a report MUST be sent no more often
 *     than the configured spacing, and after a failure later each time, up to a bound.
 *  Q3 Hosts that have something to report at the same moment MUST NOT all do so at that moment.
 *  Q4 The newest report counts: one that was not sent yet is left out when there is another. */

#include "nhi-agentd/fetch/sources.h"

typedef struct ReportSender ReportSender;

typedef struct ReportSenderConfig {
        uid_t owner;               /* of the file: owner_trusted() */
        uint64_t jitter_usec;      /* a change is sent at most so much later */
        uint64_t spacing_usec;     /* from one to the next, at least */
        uint64_t retry_first_usec; /* after the first failure */
        uint64_t retry_max_usec;
        void *userdata;
        /* As SourceSink's. */
        void (*report)(void *userdata, const char *sentence);
        /* As source_etcd_lend(), of the source of this spec; NULL: none lends. */
        bool (*borrow)(void *lender, const SourceSpec *spec, size_t *ret_member, char **ret_token);
        void *lender;
} ReportSenderConfig;

extern const ReportSenderConfig report_sender_defaults;

/* spec outlives the sender and has a report. -EINVAL: it can never be sent. */
int report_sender_new(sd_event *event, const SourceSpec *spec, const ReportSenderConfig *config,
                      ReportSender **ret);
ReportSender *report_sender_free(ReportSender *s);

/* One for each entry of a list that has a report. */
typedef struct ReportSenders ReportSenders;
typedef void (*ReportSay)(void *userdata, int priority, const char *issuer, const char *line);
int report_senders_new(sd_event *event, const SourceList *list, const ReportSenderConfig *config,
                       ReportSay say, void *userdata, ReportSenders **ret);
ReportSenders *report_senders_free(ReportSenders *s);
