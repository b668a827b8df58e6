/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Grants begin and end by the clock: one that is wrong ends them early or opens them late, and one
 * that is behind what the source has proved opens nothing. */

#include "nhictl/doctor/clock.h"

#include "nhictl/doctor/checks.h"
#include "nhictl/reply.h"

#include <sys/timex.h>

#define CHECK "clock"

static ClockState clock_ask(void)
{
        struct timex t = { .modes = 0 };
        int state = adjtimex(&t);

        if (state < 0)
                return CLOCK_UNKNOWN;
        return state == TIME_ERROR || (t.status & STA_UNSYNC) ? CLOCK_UNSYNCHRONISED
                                                              : CLOCK_SYNCHRONISED;
}

void clock_judge(const DoctorHost *h, ClockState state, Findings *f)
{
        bool is_container = doctor_exists(h, "/run/systemd/container");
        bool is_behind = member_is_true(h->status, "clock_behind");

        if (is_behind)
                finding_fail(f, CHECK, "set the clock: timedatectl set-ntp true",
                             "the clock is behind what the source has proved: nobody gets new "
                             "access");
        if (state == CLOCK_UNSYNCHRONISED)
                finding_warn(f, CHECK,
                             is_container ? "synchronise the clock of the machine that runs this "
                                            "container"
                                          : "timedatectl set-ntp true, or install chrony",
                             "the clock is not synchronised: grants begin and end by it");
        else if (state == CLOCK_UNKNOWN)
                finding_warn(f, CHECK, "timedatectl, or chronyc tracking",
                             "the kernel does not say whether the clock is synchronised");
        else if (!is_behind)
                finding_ok(f, CHECK, "the clock is synchronised");
}

void check_clock(const DoctorHost *h, Findings *f)
{
        clock_judge(h, clock_ask(), f);
}
