/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/ration.h"

void ration_renew(Ration *r, RationRate rate, int64_t boot_usec)
{
        const int64_t n = (boot_usec - r->spent_usec) / rate.back_usec;

        if (r->spent == 0 || n <= 0)
                return;
        r->spent = n < r->spent / rate.back + 1 && n * rate.back < r->spent
                           ? r->spent - (uint32_t)(n * rate.back)
                           : 0;
        r->spent_usec += n * rate.back_usec;
}

bool ration_take(Ration *r, RationRate rate, int64_t boot_usec)
{
        ration_renew(r, rate, boot_usec);
        if (r->spent >= rate.most)
                return false;
        if (r->spent++ == 0)
                r->spent_usec = boot_usec;
        return true;
}

int64_t ration_wait_until(const Ration *r, RationRate rate, int64_t boot_usec)
{
        Ration now = *r;

        ration_renew(&now, rate, boot_usec);
        return now.spent < rate.most ? 0 : now.spent_usec + rate.back_usec;
}
