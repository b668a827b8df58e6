/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between client.c and client-request.c. */

#include "nhictl/store/client.h"

struct Client {
        ClientOptions options;
        CURLM *multi;
        char *authorization; /* the whole header line */
        size_t n_held;       /* bytes of answers */
};

/* Forget what an earlier try left. */
void client_request_reset(ClientRequest *r);
/* Hand it to c->multi. 0 or -ENOMEM. */
int client_request_begin(Client *c, ClientRequest *r);
/* What came of it, before client_request_end(). */
void client_request_finish(Client *c, ClientRequest *r, CURLcode code);
/* Take it back from c->multi, where it is there. */
void client_request_end(Client *c, ClientRequest *r);
