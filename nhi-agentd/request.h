/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One PAM phase or sudo command from its message to its answer:
 *
 *   received -> who asks (caller.h) -> [which unit: PID 1] -> decide -> recorded (evidence.h)
 *            -> decide again, time has passed -> [open_session: tied to the grant] -> answered
 *
 *  Q1 No allowing answer MUST leave before its event was recorded and, for open_session, before the
 *     session is tied to its grant.
 *  Q2 What is answered is the second decision; a peer that went meanwhile gets its session ended.
 *  Q3 Only uid 0 is listened to; what it says about people are labels but for subject and uid. */

#include "nhi-agentd/agent.h"

int requests_new(Agent *a, Requests **ret);
/* Nothing goes on from here: what is under way is denied. */
void requests_stop(Requests *q);
/* After evidence_free() and sessions_free(). */
Requests *requests_free(Requests *q);
size_t requests_count(const Requests *q);

/* What denials go through on their way to the record. */
typedef struct Shed Shed; /* shed.h */
Shed *requests_shed(Requests *q);

/* Where a message from a peer is received: WIRE_MSG_MAX bytes, valid until the next one. */
uint8_t *requests_buffer(Requests *q);
