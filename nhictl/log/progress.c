/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/log/progress.h"

#include "lib/base/io.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define STEP_USEC (USEC_PER_SEC / 5)
#define MEGABYTE  1000000

void progress_init(Progress *p, const char *what, uint64_t n_all)
{
        const uint64_t now = now_monotonic_usec();

        *p = (Progress){ .what = what,
                         .n_all = n_all,
                         .begin_usec = now,
                         .next_usec = now + STEP_USEC,
                         .is_on = isatty(STDERR_FILENO) == 1 };
}

void progress_at(Progress *p, uint64_t n_done)
{
        const uint64_t now = p->is_on ? now_monotonic_usec() : 0;
        uint64_t msec, percent;

        if (!p->is_on || now < p->next_usec)
                return;
        msec = (now - p->begin_usec) / 1000;
        percent = p->n_all > n_done ? n_done / (p->n_all / 100 + 1) : 99;
        fprintf(stderr,
                "\r\033[K%s: %" PRIu64 "%%, %" PRIu64 " of %" PRIu64 " MB, %" PRIu64 " MB/s",
                p->what, percent, n_done / MEGABYTE, p->n_all / MEGABYTE,
                n_done / 1000 / (msec > 0 ? msec : 1));
        (void)fflush(stderr);
        p->next_usec = now + STEP_USEC;
        p->is_shown = true;
}

void progress_done(Progress *p)
{
        if (p->is_shown)
                fputs("\r\033[K", stderr);
        (void)fflush(stderr);
        p->is_shown = false;
}
