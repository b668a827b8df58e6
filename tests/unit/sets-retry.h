/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What failed and is tried again, without waiting for it. */

#include "nhi-agentd/sets-internal.h"
#include "tests/unit/agent-fixture.h"

static inline bool waits_for_retry(const Fixture *f)
{
        int enabled = SD_EVENT_OFF;

        assert_true(sd_event_source_get_enabled(f->agent->sets->retry, &enabled) >= 0);
        return enabled != SD_EVENT_OFF;
}

static inline bool has_retried(void *userdata)
{
        return !waits_for_retry(userdata);
}

/* What waits for its next try has waited long enough. */
static inline void retry_now(Fixture *f)
{
        assert_true(waits_for_retry(f));
        assert_true(sd_event_source_set_time(f->agent->sets->retry, 0) >= 0);
        assert_true(fixture_until(f, has_retried, f));
        fixture_settle(f);
        fixture_settle(f);
}
