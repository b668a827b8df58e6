/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which segments a filter can find something in, told from the first lines of each. */

#include "nhictl/log/filter.h"
#include "nhictl/log/source.h"

/* Whole segments are passed over by the time of their first records. A clock may have been set back
 * within one: by so much nothing is missed. */
#define LOG_WINDOW_MARGIN_USEC INT64_C(3600000000)

/* A segment as its first two lines show it. */
typedef struct Glance {
        bool is_known;
        uint64_t seq;
        int64_t real_usec;
        bool is_resumed; /* what could not be written before is in it */
} Glance;

/* Of every segment of source, and one behind them that nothing is known of: free() them. 0 or
 * -ENOMEM. */
int glances_new(const LogFilter *f, const LogSource *source, Glance **ret);

/* Is this segment to be read, with that one behind it? */
bool glance_is_wanted(const LogFilter *f, const Glance *this, const Glance *next);

bool log_line_is(const LogLine *l, const char *event);
