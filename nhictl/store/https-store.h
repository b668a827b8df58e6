/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between store-https.c, https-load.c, https-request.c and https-publication.c. */

#include "nhictl/store/client.h"
#include "nhictl/store/store.h"

typedef struct HttpsStore {
        Store s;
        Client *client;
        StoreNames names;
        json_t *hosts, *pending; /* of the publication */
        json_t *etags; /* of sets that were read: name -> text, "" where there is no set, null where
                          no condition can rest upon it */
        json_t *refused;               /* name -> how often a set was, of all attempts */
        char etag[HTTP_FIELD_MAX + 1]; /* of the publication; "": there is none */
        char *publication;             /* as we wrote it */
} HttpsStore;

/* ---- https-request.c ---- */

bool https_is_conditional(const HttpsStore *h);
bool https_is_done(const ClientRequest *r);
/* Somebody else was there first; or, where it is 409, there is no such directory (RFC 4918 section
 * 9.7.1). */
bool https_is_refused(const ClientRequest *r);
bool https_is_absent(const ClientRequest *r);
/* One that conditions can rest upon. */
bool https_etag_is_strong(const char *etag);
/* Errors, said. */
int https_request_fail(HttpsStore *h, const ClientRequest *r);
int https_etag_missing(HttpsStore *h, const ClientRequest *r);
/* "URL: what is wrong", malloc'ed; NULL: memory. */
char *https_request_say(const ClientRequest *r);
/* Fill in a request, for client_request_done(). etag "": only where there is nothing yet. */
int https_get(const HttpsStore *h, const char *name, ClientRequest *ret);
int https_put(const HttpsStore *h, const char *name, const char *text, const char *etag,
              ClientRequest *ret);

/* ---- https-publication.c ---- */

int https_publication_load(HttpsStore *h);
/* Does the server give it still, or say that there is none? -ENOMEM. */
int https_publication_is_served(HttpsStore *h, bool *ret);
/* P4. Some servers take a PUT and do not look at its conditions. */
int https_probe(HttpsStore *h);
/* -EAGAIN: somebody wrote it since it was read. */
int https_publication_write(HttpsStore *h, const char *revision);
/* Is what stands there ours, still? -EAGAIN. */
int https_publication_check(HttpsStore *h);

/* ---- https-load.c: of StoreType ---- */

int https_load(Store *s, const char *const *names, size_t n, const StoreSink *sink);
int https_look(Store *s, const char *const *names, size_t n, const StoreSink *sink);
int https_read(Store *s, const char *const *names, size_t n, const StoreSink *sink);
/* What load() and look() found. */
void https_forget(HttpsStore *h);
