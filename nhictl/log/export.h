/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Records in the formats of others. nhi-log(5) says what becomes of each member. */

#include "nhictl/log/reader.h"

#include <stdio.h>

typedef struct LogFormat {
        const char *name;
        int (*begin)(FILE *f); /* NULL: nothing stands before the records. 0 or -EIO */
        int (*record)(FILE *f, const LogRecord *r); /* 0, -EIO or -ENOMEM */
} LogFormat;

/* OCSF 1.3.0 as JSON Lines, ASCII only. Authentication (3002), Authorize Session (3003),
 * Application Lifecycle (6002), and the base event (0) for what has no class of these. */
extern const LogFormat log_format_ocsf;
/* ArcSight's Common Event Format, version 0. */
extern const LogFormat log_format_cef;
/* RFC 4180 with a header. A cell that a spreadsheet would calculate has a ' before it; so has one
 * that begins with one. */
extern const LogFormat log_format_csv;

#define OCSF_VERSION "1.3.0"

/* The event of a record; a new object, or NULL: memory. */
json_t *ocsf_event(const LogRecord *r);

/* The syslog priority of an event (nhi-agentd/event.h); 6 where it is not known. */
int log_event_priority(const json_t *json);
/* The hash of the record's line, which the next one has as its prev. Returns ret. */
char *log_record_hash(const LogRecord *r, char ret[static LOG_HASH_TEXT_SIZE + 1]);
