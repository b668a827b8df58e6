/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The statement of freshness that state.json names, at start. */

#include "nhi-agentd/issuer-policy.h"
#include "nhi-agentd/sets-internal.h"

#include "lib/base/file.h"
#include "lib/base/path.h"

#include <stdio.h>

static int read_kept(const char *path, const Agent *a, size_t index, const SetFloor *floor,
                     Freshness **ret, SetError *error)
{
        _cleanup_free_ char *bytes = NULL;
        SetPolicy policy;
        char hash[65];
        size_t size = 0;
        int r;

        r = file_read_trusted(path, owner_trusted(), FRESHNESS_SIZE_MAX, &bytes, &size);
        if (r < 0)
                return r;
        content_hash(bytes, size, hash);
        if (!streq(hash, floor->hash))
                return -EBADMSG;
        policy = issuer_policy(&a->config->issuers[index], &a->issuers[index]);
        return freshness_verify(bytes, size, &policy, agent_now(a), FRESHNESS_KEPT, ret, error);
}

void fresh_load(Agent *a, size_t index)
{
        const SetFloor *floor = state_fresh_floor(a->state, a->config->issuers[index].issuer);
        IssuerState *s = &a->issuers[index];
        char path[sizeof(PATH_SETS_DIR) + 80];
        Freshness *f = NULL;
        SetError error = {};
        int r;

        if (!floor)
                return;
        (void)snprintf(path, sizeof(path), PATH_SETS_DIR "/%s.jws", floor->hash);
        r = read_kept(path, a, index, floor, &f, &error);
        if (r == 0 && streq(f->set, s->floor.hash)) {
                s->fresh = f;
                return;
        }
        freshness_free(f);
        if (r == 0)
                return; /* of a set before */
        if (r < 0)
                (void)set_refused(&error, "archive",
                                  "%s: %s; the set has its own end until its source brings the "
                                  "statement again",
                                  path, strerror(-r));
        fresh_record_refused(a, index, &error);
}
