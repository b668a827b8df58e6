/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/refusals.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <stdio.h>

#define BACK_SHARE 1024u /* of the allowance */

static RationRate rate_of(uint32_t burst)
{
        return (RationRate){ .most = burst,
                             .back = burst > BACK_SHARE ? burst / BACK_SHARE : 1,
                             .back_usec = REFUSALS_BACK_USEC };
}

/* One whose allowance is whole again, and of which nothing is counted, is as good as a new one. */
static bool is_free(const Refusal *r)
{
        return r->ration.spent == 0 && r->n == 0;
}

static Refusal *refusal_get(Refusals *r, const char *code, RationRate rate, int64_t boot_usec)
{
        Refusal *others = &r->codes[REFUSALS_CODES_MAX - 1], *found = others;

        for (size_t i = 0; i < REFUSALS_CODES_MAX; i++)
                ration_renew(&r->codes[i].ration, rate, boot_usec);
        for (Refusal *at = r->codes; at < others; at++) {
                if (streq(at->code, code))
                        return at;
                if (found == others && is_free(at))
                        found = at;
        }
        (void)snprintf(found->code, sizeof(found->code), "%s",
                       found == others ? REFUSALS_OTHERS : code);
        return found;
}

bool refusals_counted(Refusals *r, const char *code, uint32_t burst, Now now)
{
        const RationRate rate = rate_of(burst);
        Refusal *at = refusal_get(r, code, rate, now.boot_usec);

        if (ration_take(&at->ration, rate, now.boot_usec))
                return false;
        at->last_sec = now.real_usec / (int64_t)USEC_PER_SEC;
        if (at->n++ == 0)
                at->first_sec = at->last_sec;
        return true;
}

bool refusals_next(Refusals *r, Refusal *ret)
{
        for (size_t i = 0; i < REFUSALS_CODES_MAX; i++) {
                Refusal *at = &r->codes[i];

                if (at->n == 0)
                        continue;
                *ret = *at;
                at->n = 0;
                return true;
        }
        return false;
}
