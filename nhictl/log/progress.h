/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How far a long work is: one line on stderr, written over, 5 times a second at most, and only
 * where stderr is a terminal. */

#include <stdbool.h>
#include <stdint.h>

typedef struct Progress {
        const char *what;
        uint64_t n_all; /* bytes to do; what is done may turn out to be less */
        uint64_t begin_usec, next_usec;
        bool is_on, is_shown;
} Progress;

void progress_init(Progress *p, const char *what, uint64_t n_all);
void progress_at(Progress *p, uint64_t n_done);
/* Wipe the line. */
void progress_done(Progress *p);
