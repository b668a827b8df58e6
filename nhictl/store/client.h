/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HTTPS for a command that may wait: several requests at a time on few connections. */

#include "lib/http/setup.h"
#include "nhictl/store/access.h"

#define CLIENT_ERROR_MAX 512
#define CLIENT_HEADERS   4

typedef struct Client Client;

typedef struct ClientRequest {
        const char *method; /* "GET", "PUT", "POST" */
        char *url;          /* owned */
        const char *body;
        size_t size;
        char headers[CLIENT_HEADERS][HTTP_FIELD_MAX + 64]; /* "Name: value"; "": none */

        /* The answer. */
        const char *error; /* NULL: there is one; or a token of http_error_token() */
        char text[CLIENT_ERROR_MAX];
        unsigned status;
        char *answer; /* n bytes and a NUL */
        size_t n, capacity;
        char etag[HTTP_FIELD_MAX + 1]; /* "": none */
        uint64_t retry_after_sec;      /* 0: it did not say */

        /* Of the client. */
        Client *client;
        void *easy, *lines;
        size_t n_headers;
        bool is_too_large;
} ClientRequest;

typedef struct ClientOptions {
        const StoreAccess *access;
        size_t answers_max;  /* bytes of all answers of one client_do() together */
        unsigned n_tries;    /* of a request that the server could not serve just now */
        uint64_t total_usec; /* of one request */
} ClientOptions;

int client_new(const ClientOptions *o, Client **ret);
Client *client_free(Client *c);
/* The whole value of an Authorization header; copied. NULL: none. */
int client_authorize(Client *c, const char *value);
/* Make all of them. 0, also where some failed: see each; -ENOMEM. */
int client_do(Client *c, ClientRequest *requests, size_t n);
void client_request_done(ClientRequest *r);
/* "TOKEN: what is wrong" of a request that did not succeed, for an administrator. */
const char *client_sentence(const ClientRequest *r, char ret[static CLIENT_ERROR_MAX]);

/* A secret of one line from a file that is ours: 0 and a malloc'ed *ret for secret_free(). A
 * sentence in ret_error otherwise. */
int secret_read(const char *path, char **ret, char ret_error[static CLIENT_ERROR_MAX]);
/* The same of a token: nothing else goes out as one. */
int secret_read_token(const char *path, char **ret, char ret_error[static CLIENT_ERROR_MAX]);
void secret_free(char *text);
