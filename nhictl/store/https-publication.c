/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The publication on a server, and whether the server can be trusted with conditions. */

#include "nhictl/store/https-store.h"

#define PROBE "_probe"

static int publication_take(HttpsStore *h, const ClientRequest *r)
{
        if (https_is_absent(r)) {
                h->hosts = json_object();
                h->pending = json_object();
                return h->hosts && h->pending ? 0 : -ENOMEM;
        }
        if (!https_is_done(r))
                return https_request_fail(h, r);
        if (https_is_conditional(h) && !https_etag_is_strong(r->etag))
                return https_etag_missing(h, r);
        memcpy(h->etag, r->etag, sizeof(h->etag));
        return publication_load(&h->s, r->url, r->answer ? r->answer : "", r->n, &h->hosts,
                                &h->pending);
}

int https_publication_load(HttpsStore *h)
{
        ClientRequest request;
        int r = https_get(h, STORE_PUBLICATION, &request);

        if (r == 0)
                r = client_do(h->client, &request, 1);
        if (r == 0)
                r = publication_take(h, &request);
        client_request_done(&request);
        return r;
}

int https_publication_is_served(HttpsStore *h, bool *ret)
{
        ClientRequest request;
        int r = https_get(h, STORE_PUBLICATION, &request);

        if (r == 0)
                r = client_do(h->client, &request, 1);
        *ret = r == 0 && (https_is_done(&request) || https_is_absent(&request));
        client_request_done(&request);
        return r;
}

/* Its status; -ENOMEM. */
static int probe_one(HttpsStore *h, const char *etag, ClientRequest *request)
{
        int r = https_put(h, PROBE, "nhi", etag, request);

        if (r == 0)
                r = client_do(h->client, request, 1);
        return r;
}

int https_probe(HttpsStore *h)
{
        static const char *const etags[] = { "\"nhi-none\"", "", "" };
        ClientRequest request = { 0 };
        bool is_taken = false;
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(etags); i++) {
                r = probe_one(h, etags[i], &request);
                is_taken = r == 0 && https_is_done(&request);
                if (r == 0 && !is_taken && !https_is_refused(&request) &&
                    !https_is_absent(&request))
                        r = https_request_fail(h, &request);
                /* The second may have made it: the third tells. */
                if (r == 0 && is_taken && i != 1)
                        r = store_failed(&h->s, -EOPNOTSUPP,
                                         "%s: the server does not heed %s, so two publishers could "
                                         "undo each other. If nobody else publishes there: "
                                         "--single-publisher",
                                         request.url, i == 0 ? "If-Match" : "If-None-Match");
                client_request_done(&request);
                if (i == 1 && !is_taken)
                        break;
        }
        return r;
}

/* Without conditions, or where the answer to a PUT had no ETag: is what stands there ours? */
int https_publication_check(HttpsStore *h)
{
        ClientRequest request;
        int r = https_get(h, STORE_PUBLICATION, &request);

        if (r == 0)
                r = client_do(h->client, &request, 1);
        if (r == 0 && !https_is_done(&request))
                r = https_request_fail(h, &request);
        if (r == 0 && (!request.answer || !streq(request.answer, h->publication)))
                r = -EAGAIN;
        if (r == 0 && https_is_conditional(h) && !https_etag_is_strong(request.etag))
                r = https_etag_missing(h, &request);
        if (r == 0)
                memcpy(h->etag, request.etag, sizeof(h->etag));
        client_request_done(&request);
        return r;
}

int https_publication_write(HttpsStore *h, const char *revision)
{
        ClientRequest request;
        char *text = NULL;
        int r;

        r = publication_sign(&h->s.o, revision, h->hosts, h->pending, &text);
        if (r < 0)
                return r;
        free(h->publication);
        h->publication = text;
        r = https_put(h, STORE_PUBLICATION, text, h->etag, &request);
        if (r == 0)
                r = client_do(h->client, &request, 1);
        if (r == 0 && https_is_refused(&request))
                r = request.status == 409
                            ? store_failed(
                                      &h->s, -EAGAIN,
                                      "%s: status-409: somebody else writes there, or there is "
                                      "no such directory",
                                      request.url)
                            : -EAGAIN;
        else if (r == 0 && !https_is_done(&request))
                r = https_request_fail(h, &request);
        if (r == 0)
                memcpy(h->etag, request.etag, sizeof(h->etag));
        client_request_done(&request);
        return r == 0 && (!https_is_conditional(h) || !https_etag_is_strong(h->etag))
                       ? https_publication_check(h)
                       : r;
}
