/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Questions to one member of an etcd cluster at a time. Between
 * source-etcd.c and etcd-link.c. */

#include "nhi-agentd/fetch/access.h"
#include "nhi-agentd/fetch/http-pool.h"

typedef struct EtcdLink {
        sd_event *event;
        const SourceSpec *spec;
        HttpPool *pool;
        Http *http;          /* NULL: to be taken with the next question */
        HttpTransfer *call;  /* the question under way; NULL: none */
        HttpTransfer *watch; /* NULL: none */
        size_t member;       /* which of the URLs */
        unsigned n_rounds;   /* how often all members failed since a watch was well */
        char *token;         /* of an authentication; NULL: none */
} EtcdLink;

/* How long a member may take where it is usec at first. A fleet that comes back at once is slower
 * than any one host, and who gives up too soon has the members work for nothing: it is twice as
 * long after each round. */
uint64_t etcd_link_patience(const EtcdLink *l, uint64_t usec);
/* Within what is configured for all sources (access_limits()). */
HttpLimits etcd_link_limits(const EtcdLink *l, bool is_stream);

typedef void (*EtcdDone)(void *userdata, const HttpResult *result);
typedef bool (*EtcdChunk)(void *userdata, const char *bytes, size_t size);

/* Ask: body is malloc'ed and taken; NULL is -ENOMEM. A negative errno and a sentence. */
int etcd_link_ask(EtcdLink *l, const char *path, char *body, EtcdDone done, void *userdata,
                  char ret_error[static ACCESS_ERROR_MAX]);
/* The same for the stream of a watch, which lasts. */
int etcd_link_watch(EtcdLink *l, char *body, EtcdChunk chunk, EtcdDone done, void *userdata,
                    char ret_error[static ACCESS_ERROR_MAX]);
/* Credentials say that a user must authenticate, and nobody has yet. */
bool etcd_link_wants_token(const EtcdLink *l);
/* Have the user and the password: the request's body, malloc'ed; NULL and a sentence. */
char *etcd_link_auth_request(const EtcdLink *l, char ret_error[static ACCESS_ERROR_MAX]);
/* It has run out. */
void etcd_link_forget_token(EtcdLink *l);
/* The URL in use. */
const char *etcd_link_url(const EtcdLink *l);
/* Give up what is under way and forget the token; may be called from within a transfer's callbacks.
 */
void etcd_link_drop(EtcdLink *l);
/* Leave connections that may be half-dead; not from within a callback. */
void etcd_link_leave(EtcdLink *l);
void etcd_link_done(EtcdLink *l);
