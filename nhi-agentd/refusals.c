/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/refusals.h"

#include "lib/base/io.h"
#include "lib/base/macro.h"

#include <stdio.h>

static void give_back(Refusal *r, int64_t boot_usec)
{
        const int64_t n = (boot_usec - r->spent_usec) / REFUSALS_BACK_USEC;

        if (r->spent == 0 || n <= 0)
                return;
        r->spent -= n < (int64_t)r->spent ? (uint32_t)n : r->spent;
        r->spent_usec += n * REFUSALS_BACK_USEC;
}

/* One whose allowance is whole again, and of which nothing is counted, is as good as a new one. */
static bool is_free(const Refusal *r)
{
        return r->spent == 0 && r->n == 0;
}

static Refusal *refusal_get(Refusals *r, const char *code, int64_t boot_usec)
{
        Refusal *others = &r->codes[REFUSALS_CODES_MAX - 1], *found = others;

        for (size_t i = 0; i < REFUSALS_CODES_MAX; i++)
                give_back(&r->codes[i], boot_usec);
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
        Refusal *at = refusal_get(r, code, now.boot_usec);

        if (at->spent < burst) {
                if (at->spent++ == 0)
                        at->spent_usec = now.boot_usec;
                return false;
        }
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
