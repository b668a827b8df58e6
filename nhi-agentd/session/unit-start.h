/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Have PID 1 start a unit: nobody waits for it, and one that is not there is not started. */

typedef struct Sessions Sessions;

/* 0 once asked; -ENOTCONN while there is no bus. */
int sessions_start_unit(Sessions *s, const char *unit);
