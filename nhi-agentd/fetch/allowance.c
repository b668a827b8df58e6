/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/allowance.h"

#include "lib/base/io.h"

bool allowance_take(Allowance *a, uint64_t n, uint64_t now_usec)
{
        const uint64_t sec_max = a->most / a->per_sec + 1;
        const uint64_t usec = now_usec - a->at_usec;
        const uint64_t back =
                usec / USEC_PER_SEC >= sec_max ? a->most : usec * a->per_sec / USEC_PER_SEC;

        /* What a short while gives back is less than one: it is counted with the next. */
        if (back > 0) {
                a->used -= back < a->used ? back : a->used;
                a->at_usec = now_usec;
        }
        if (n > a->most - a->used)
                return false;
        a->used += n;
        return true;
}
