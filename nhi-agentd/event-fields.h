/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An event as others see it: journal.h has event_format(), for journald. */

#include "nhi-agentd/event.h"
#include "nhi-agentd/journal.h"

#include "lib/log/record.h"

/* The grant that an event is about; NULL: none. */
const Grant *event_grant(const Event *e);
/* As a record of the decision log, done. */
void event_record(const Event *e, LogBody *ret);
