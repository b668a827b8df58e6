/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhi-agentd/fetch/backoff.h"

#include <sys/random.h>

uint64_t usec_jittered(uint64_t usec)
{
        uint64_t random = 0;

        /* Without randomness there is no jitter, which only costs politeness. */
        if (usec < 4 || getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
                return usec;
        return usec - random % (usec / 4);
}

uint64_t backoff_usec(unsigned n, uint64_t first_usec, uint64_t max_usec)
{
        uint64_t usec = first_usec;

        for (unsigned i = 1; i < n && usec < max_usec; i++)
                usec *= 2;
        return usec_jittered(usec < max_usec ? usec : max_usec);
}
