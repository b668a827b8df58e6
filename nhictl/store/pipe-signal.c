/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/store/pipe-signal.h"

#include <errno.h>
#include <time.h>

static sigset_t pipe_alone(void)
{
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGPIPE);
        return set;
}

PipeSignal pipe_signal_hold(void)
{
        const sigset_t set = pipe_alone();
        PipeSignal held = { 0 };
        sigset_t pending;

        (void)sigemptyset(&pending);
        (void)sigpending(&pending);
        held.was_pending = sigismember(&pending, SIGPIPE) == 1;
        (void)pthread_sigmask(SIG_BLOCK, &set, &held.mask_was);
        return held;
}

void pipe_signal_release(const PipeSignal *held)
{
        const sigset_t set = pipe_alone();
        const struct timespec at_once = { 0 };

        while (!held->was_pending && sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR)
                ;
        (void)pthread_sigmask(SIG_SETMASK, &held->mask_was, NULL);
}
