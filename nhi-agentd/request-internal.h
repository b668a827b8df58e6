/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between request.c (the way of a request) and request-serve.c (what comes in). */

#include "nhi-agentd/listener.h"
#include "nhi-agentd/recent.h"
#include "nhi-agentd/request-read.h"
#include "nhi-agentd/request.h"
#include "nhi-agentd/shed.h"

typedef struct Request {
        struct Request *next, **self;
        Requests *owner;
        Peer *peer; /* NULL: a notice, or the peer is gone */
        Caller caller;
        bool is_notice;
        Decision decision;
        char jti[65], preferred[65];
        char issuer[1024 + 1]; /* of jti; configured ones are no longer */
        bool is_counted;       /* as a session of jti's grant, which may have so many */
        uint64_t id;
        RequestData data;
} Request;

struct Requests {
        Agent *agent;
        Request *first;
        size_t n;
        RecentRing recent;
        Shed *shed;
        bool stopped;
        uint8_t buffer[WIRE_MSG_MAX];
};

/* Listed with its owner; NULL: out of memory. */
Request *request_new(Requests *q);
/* Close its peer, if it has one still, and forget it. */
void request_free(Request *r);
/* Its data and caller are filled in: decide, record, answer. */
void request_begin(Request *r);
