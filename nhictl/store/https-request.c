/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/store/https-store.h"

#include <stdio.h>

bool https_is_conditional(const HttpsStore *h)
{
        return !h->s.o.access->single_publisher;
}

bool https_is_done(const ClientRequest *r)
{
        return !r->error && r->status >= 200 && r->status < 300;
}

bool https_is_refused(const ClientRequest *r)
{
        return !r->error && (r->status == 412 || r->status == 409);
}

bool https_is_absent(const ClientRequest *r)
{
        return !r->error && (r->status == 404 || r->status == 410);
}

int https_request_fail(HttpsStore *h, const ClientRequest *r)
{
        char sentence[CLIENT_ERROR_MAX];

        return store_failed(&h->s, -EIO, "%s: %s", r->url, client_sentence(r, sentence));
}

char *https_request_say(const ClientRequest *r)
{
        char sentence[CLIENT_ERROR_MAX], *said = NULL;

        return asprintf(&said, "%s: %s", r->url, client_sentence(r, sentence)) < 0 ? NULL : said;
}

int https_get(const HttpsStore *h, const char *name, ClientRequest *ret)
{
        *ret = (ClientRequest){ .method = "GET", .url = store_name_of(&h->names, name) };
        (void)snprintf(ret->headers[0], sizeof(ret->headers[0]), "Cache-Control: no-cache");
        return ret->url ? 0 : -ENOMEM;
}

int https_put(const HttpsStore *h, const char *name, const char *text, const char *etag,
              ClientRequest *ret)
{
        *ret = (ClientRequest){ .method = "PUT",
                                .url = store_name_of(&h->names, name),
                                .body = text,
                                .size = strlen(text) };
        (void)snprintf(ret->headers[0], sizeof(ret->headers[0]), "Content-Type: application/jose");
        if (https_is_conditional(h) && *etag)
                (void)snprintf(ret->headers[1], sizeof(ret->headers[1]), "If-Match: %s", etag);
        else if (https_is_conditional(h))
                (void)snprintf(ret->headers[1], sizeof(ret->headers[1]), "If-None-Match: *");
        return ret->url ? 0 : -ENOMEM;
}

bool https_etag_is_strong(const char *etag)
{
        return *etag == '"';
}

int https_etag_missing(HttpsStore *h, const ClientRequest *r)
{
        return store_failed(
                &h->s, -EOPNOTSUPP,
                "%s: the server gives no strong ETag, so two publishers could undo each "
                "other. If nobody else publishes there: --single-publisher",
                r->url);
}
