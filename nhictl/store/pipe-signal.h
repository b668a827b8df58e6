/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server that hangs up while we write is an answer and no reason to die: not every libcurl keeps
 * OpenSSL's writes from raising SIGPIPE. Between the two calls none is delivered to this thread,
 * and what was raised meanwhile is forgotten. */

#include <signal.h>
#include <stdbool.h>

typedef struct PipeSignal {
        sigset_t mask_was;
        bool was_pending; /* somebody else's: it stays */
} PipeSignal;

PipeSignal pipe_signal_hold(void);
void pipe_signal_release(const PipeSignal *held);
