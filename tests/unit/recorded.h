/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much the agent of agent-fixture.h has written down. */

#include "tests/unit/agent-fixture.h"

#include "nhi-agentd/evidence-internal.h"

static inline bool recorded_is_whole(void *userdata)
{
        const Fixture *f = userdata;

        return fixture_is_settled(userdata) && log_n_pending(f->agent->evidence->log) == 0;
}

/* Records in the log, when none is on its way there any more. */
static inline uint64_t recorded_n(Fixture *f)
{
        EvidenceView v;

        assert_true(fixture_until(f, recorded_is_whole, f));
        evidence_view(f->agent->evidence, &v);
        assert_int_equal(v.error, 0);
        return v.head.chain.seq;
}
