/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What others wrote down about what a record is about: the journal's entries and the kernel's audit
 * records of the same unit, invocation, session or process, a minute before and after it. Anybody
 * can write most of it: it is shown, and nothing is concluded from it. */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define JOIN_WINDOW_USEC INT64_C(60000000)
#define JOIN_LINES_MAX   40u /* of each of the two */
#define JOIN_AUDIT_FILE  "/var/log/audit/audit.log"

typedef struct Join {
        json_t *journal; /* [{"time", "from", "message"}], in the order of time */
        json_t *audit;
        size_t n_journal, n_audit; /* that there are: more than are shown */
        int error;                 /* the journal could not be read: a negative errno */
} Join;

/* journal_dir: another journal than this host's, whose audit.log is then not looked at, or NULL.
 * 0 and *ret, or -ENOMEM. */
int join_find(const char *journal_dir, const json_t *record, int64_t real_usec, Join *ret);
void join_done(Join *j);

/* For tests: the audit records of a text in the format of audit.log that are about this record. 0
 * or -ENOMEM. */
int join_audit_text(char *text, const json_t *record, int64_t real_usec, Join *j);
