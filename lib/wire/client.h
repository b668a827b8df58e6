/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The client side of one exchange: connect, send, receive, close, all before one absolute deadline.
 * For the modules: no thread, no log, nothing kept, errno preserved. */

#include "lib/wire/codec.h"

#include <sys/types.h>

/* Receives storage for a reply; its texts point into it. */
typedef struct WireExchange {
        uint8_t out[WIRE_MSG_MAX];
        uint8_t in[WIRE_MSG_MAX];
} WireExchange;

/* Ask and wait. x is the caller's (heap, not stack: 256 KiB). Fills in the nonce (getrandom(2)).
 * 0 and *ret; WIRE_E_MALFORMED for a reply that is not lawful or does not echo nonce and subject;
 * WIRE_E_TOO_LARGE; -ETIMEDOUT; or a negative errno. */
int wire_ask(const char *path, uid_t owner, WireRequest *request, uint64_t deadline_usec,
             WireExchange *x, WireReply *ret);

/* Send without waiting for anything: never blocks. For notices in observe mode and of exemptions.
 * The result is for tests; callers ignore it. */
int wire_notify(const char *path, uid_t owner, WireRequest *request, WireExchange *x);
