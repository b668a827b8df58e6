/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which records are wanted. Pure. */

#include "lib/log/chain.h"
#include "nhictl/args.h"

#include <jansson.h>

/* What is 0 or NULL wants everything; what is set must hold all together. Texts are borrowed. */
typedef struct LogFilter {
        const char *account, *grant, *verdict;
        const char *service;            /* its class (ssh) or its PAM service (sshd) */
        const char *actor;              /* the subject, or any link of the act chain */
        ArgList events;                 /* any of these */
        int64_t since_usec, until_usec; /* from the first on, before the second */
        uint64_t seq_first, seq_last;   /* both included; seq_last 0: to the end */
} LogFilter;

/* When it happened: `at` where it was written later, else `time`. */
int64_t log_record_usec(const LogLine *head, const json_t *json);

/* Does a record fit? json has its members. */
bool log_filter_fits(const LogFilter *f, const LogLine *head, const json_t *json);

/* The same by the look of the line: false where it cannot fit, so that most lines need no parser.
 */
bool log_filter_may_fit(const LogFilter *f, const LogLine *head, const char *line, size_t size);

/* "42", "42..99", "42..", "..99" into seq_first and seq_last: 0 or -EINVAL. */
int log_filter_parse_seq(const char *text, LogFilter *f);
