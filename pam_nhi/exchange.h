/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The exchanges of a call with the agent. */

#include "lib/wire/format.h"
#include "pam_nhi/call.h"

/* Ask for c->subject, then, where it is gated too, for c->caller; both before c->deadline_usec. The
 * agent's words are left in c. CAUSE_GRANTED only where every answer allowed. */
Cause exchange_ask(Call *c);

/* Tell the agent without waiting for anything: what was left alone (observed, exempt), and that a
 * session was closed. */
void exchange_notify(Call *c, WireMode mode);
