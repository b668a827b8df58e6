/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What goes back to pam_nhi and sudo_nhi, and what is written down about it. */

#include "nhi-agentd/listener.h"
#include "nhi-agentd/request-read.h"

const char *answer_phase_name(const WireRequest *w);
EventKind answer_event_kind(uint32_t mode, Verdict verdict);
/* One line for the person; "" where there is nothing to say. */
void answer_message(const RequestData *d, const Decision *decision, char *ret, size_t size);
/* A denial that nobody decided: no data was read. subject is the message's, copied. */
void answer_refuse(Peer *p, const WireRequest *w, const char *subject, Reason reason,
                   uint8_t *buffer, size_t capacity);
/* Encode into buffer, send, close the peer. */
int answer_send(Peer *p, const RequestData *d, const Decision *decision, uint64_t id,
                const char *jti, uint8_t *buffer, size_t capacity);
