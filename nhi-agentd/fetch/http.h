/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HTTPS on the loop: libcurl's multi interface, its sockets and its timer as event sources. The
 * connections of one Http are shared by those who ask by it (http-pool.h), and with nobody else.
 * Promises, cited by tests/unit/test-http.c:
 *
 *  H1 A URL that is not https MUST NOT be fetched, and a redirect MUST NOT be followed (V35).
 *  H2 No proxy, netrc, cookie or other setting of the environment MUST have a say (V35).
 *  H3 A server whose certificate the given trust does not cover MUST NOT be asked (V36).
 *  H4 A transfer MUST end: at its byte limit, at its time limit, or when it is too slow (V36).
 *  H5 Nothing MUST wait: not for names, not for sockets. */

#include "lib/http/setup.h"

#include <systemd/sd-event.h>

typedef struct Http Http;
typedef struct HttpTransfer HttpTransfer;

/* What became of a transfer. Everything is borrowed for the call. */
typedef struct HttpResult {
        const char *error; /* NULL: there is an answer; or a token (lib/http/error.c) */
        const char *text;  /* of an error, for an administrator: what is wrong, what to do */
        unsigned status;
        const char *body; /* size bytes and a NUL */
        size_t size;
        const char *etag, *last_modified; /* "": none */
        int64_t age_sec; /* from last_modified to the answer, by the server's clock; -1: unknown */
        bool is_wait_applied;     /* the server honoured Prefer: wait */
        uint64_t retry_after_sec; /* 0: it did not say */
} HttpResult;

typedef struct HttpRequest {
        const char *url;
        const char *post;           /* body of a POST; NULL: GET, or */
        const char *put;            /* body of a PUT */
        const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
        bool is_fresh;              /* on a new connection: the last one may be half-dead */
        HttpTrust trust;
        HttpLimits limits;
        void *userdata;
        /* A stream: bytes as they come, while the status is 200; false ends it. NULL: the body is
         * gathered. */
        bool (*chunk)(void *userdata, const char *bytes, size_t size);
        /* Called once, from the loop; the transfer may be freed within, the Http not. */
        void (*done)(void *userdata, const HttpResult *result);
} HttpRequest;

int http_new(sd_event *event, Http **ret);
/* After its transfers. */
Http *http_free(Http *h);
/* Begin; the request's texts are copied. done() is not called from within. A negative errno where
 * it cannot be begun at all. */
int http_begin(Http *h, const HttpRequest *request, HttpTransfer **ret);
/* Also gives up what is under way: done() is not called then. */
HttpTransfer *http_transfer_free(HttpTransfer *t);
