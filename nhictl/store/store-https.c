/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets as objects of an HTTPS server that takes PUT. There is no listing: the publication has it,
 * so that of a fleet only what is to be written is read. It is written first, on the condition that
 * nobody wrote it since it was read, and names what is to be written (P2); each set is written on
 * the condition that it is what was read (P1): a publisher that was overtaken finds that its sets
 * were written anew, each of them. */

#include "lib/base/io.h"
#include "nhictl/store/client.h"
#include "nhictl/store/store.h"

#include <stdio.h>

#define SUFFIX     ".jws"
#define AT_A_TIME  256u
#define N_TRIES    4
#define TOTAL_USEC (120 * USEC_PER_SEC)
#define PROBE      "_probe"

typedef struct HttpsStore {
        Store s;
        Client *client;
        StoreNames names;
        json_t *hosts, *pending; /* of the publication */
        json_t *etags;           /* of sets that were read: name -> text, "" where there is none */
        char etag[HTTP_FIELD_MAX + 1]; /* of the publication; "": there is none */
        char *publication;             /* as we wrote it */
} HttpsStore;

static bool is_conditional(const HttpsStore *h)
{
        return !h->s.o.access->single_publisher;
}

static bool is_done(const ClientRequest *r)
{
        return !r->error && r->status >= 200 && r->status < 300;
}

/* Somebody else was there first. */
static bool is_refused(const ClientRequest *r)
{
        return !r->error && (r->status == 412 || r->status == 409);
}

static bool is_absent(const ClientRequest *r)
{
        return !r->error && (r->status == 404 || r->status == 410);
}

static int request_fail(HttpsStore *h, const ClientRequest *r)
{
        char sentence[CLIENT_ERROR_MAX];

        return store_fail(&h->s, -EIO, "%s: %s", r->url, client_sentence(r, sentence));
}

static int request_get(const HttpsStore *h, const char *name, ClientRequest *ret)
{
        *ret = (ClientRequest){ .method = "GET", .url = store_name_of(&h->names, name) };
        (void)snprintf(ret->headers[0], sizeof(ret->headers[0]), "Cache-Control: no-cache");
        return ret->url ? 0 : -ENOMEM;
}

/* etag "": only where there is nothing yet. */
static int request_put(const HttpsStore *h, const char *name, const char *text, const char *etag,
                       ClientRequest *ret)
{
        *ret = (ClientRequest){ .method = "PUT",
                                .url = store_name_of(&h->names, name),
                                .body = text,
                                .size = strlen(text) };
        (void)snprintf(ret->headers[0], sizeof(ret->headers[0]), "Content-Type: application/jose");
        if (is_conditional(h) && *etag)
                (void)snprintf(ret->headers[1], sizeof(ret->headers[1]), "If-Match: %s", etag);
        else if (is_conditional(h))
                (void)snprintf(ret->headers[1], sizeof(ret->headers[1]), "If-None-Match: *");
        return ret->url ? 0 : -ENOMEM;
}

/* One that conditions can rest upon. */
static bool is_strong(const char *etag)
{
        return *etag == '"';
}

static int etag_missing(HttpsStore *h, const ClientRequest *r)
{
        return store_fail(&h->s, -EOPNOTSUPP,
                          "%s: the server gives no strong ETag, so two publishers could undo each "
                          "other. If nobody else publishes there: --single-publisher",
                          r->url);
}

/* ---- what stands there ---- */

/* What is ours and well is listed from now on. */
static int tell_set(HttpsStore *h, const char *name, const ClientRequest *r, const StoreSink *sink)
{
        const bool must_write = json_object_get(h->pending, name);
        const char *text = r->answer ? r->answer : "";
        Published p;
        int n = sink->set(sink->userdata, name, is_absent(r) ? NULL : text, r->n, must_write, &p);

        if (n == 0 && p.ours && !must_write &&
            json_object_set_new(h->hosts, name, publication_entry(&p)) < 0)
                n = -ENOMEM;
        return n;
}

static int take_set(HttpsStore *h, const char *name, const ClientRequest *r, const StoreSink *sink)
{
        if (!is_absent(r) && !is_done(r))
                return request_fail(h, r);
        if (is_done(r) && is_conditional(h) && !is_strong(r->etag))
                return etag_missing(h, r);
        if (json_object_set_new(h->etags, name, json_string(is_done(r) ? r->etag : "")) < 0)
                return -ENOMEM;
        return tell_set(h, name, r, sink);
}

static int read_some(HttpsStore *h, const char *const *names, size_t n, const StoreSink *sink)
{
        ClientRequest *requests = calloc(n, sizeof(*requests));
        int r = requests ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = request_get(h, names[i], &requests[i]);
        if (r == 0)
                r = client_do(h->client, requests, n);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = take_set(h, names[i], &requests[i], sink);
        for (size_t i = 0; requests && i < n; i++)
                client_request_done(&requests[i]);
        free(requests);
        return r;
}

/* Those of which nothing was read yet. */
static int https_look(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        HttpsStore *h = (HttpsStore *)s;
        const char *some[AT_A_TIME];
        size_t n_some = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                if (!json_object_get(h->etags, names[i]))
                        some[n_some++] = names[i];
                if (n_some < AT_A_TIME && i + 1 < n)
                        continue;
                r = n_some > 0 ? read_some(h, some, n_some, sink) : 0;
                n_some = 0;
        }
        return r;
}

static void forget(HttpsStore *h)
{
        json_decref(h->hosts);
        json_decref(h->pending);
        json_decref(h->etags);
        free(TAKE_PTR(h->publication));
        h->hosts = h->pending = h->etags = NULL;
        h->etag[0] = h->s.revision[0] = '\0';
}

static int publication_take(HttpsStore *h, const ClientRequest *r)
{
        if (is_absent(r)) {
                h->hosts = json_object();
                h->pending = json_object();
                return h->hosts && h->pending ? 0 : -ENOMEM;
        }
        if (!is_done(r))
                return request_fail(h, r);
        if (is_conditional(h) && !is_strong(r->etag))
                return etag_missing(h, r);
        memcpy(h->etag, r->etag, sizeof(h->etag));
        if (publication_open(&h->s.o, r->answer ? r->answer : "", r->n, h->s.revision, &h->hosts,
                             &h->pending) < 0)
                return store_fail(
                        &h->s, -EPERM,
                        "%s is not signed by this key: another issuer publishes there, or "
                        "the key was changed. Remove it there to begin anew",
                        r->url);
        return 0;
}

static int publication_load(HttpsStore *h)
{
        ClientRequest request;
        int r = request_get(h, STORE_PUBLICATION, &request);

        if (r == 0)
                r = client_do(h->client, &request, 1);
        if (r == 0)
                r = publication_take(h, &request);
        client_request_done(&request);
        return r;
}

/* Hosts that the publication lists and that need not be read. */
static int tell_listed(HttpsStore *h, const StoreSink *sink)
{
        const json_t *entry;
        const char *name;
        Published p;
        int r = 0;

        json_object_foreach(h->hosts, name, entry) {
                if (r < 0 || json_object_get(h->pending, name) ||
                    publication_entry_read(entry, h->s.revision, &p) < 0)
                        continue;
                r = sink->known(sink->userdata, name, &p);
        }
        return r;
}

/* Those that are not listed, and those whose writing nobody saw the end of. */
static int tell_unlisted(HttpsStore *h, const char *const *names, size_t n, const StoreSink *sink)
{
        const size_t n_max = n + json_object_size(h->pending);
        const char **some = calloc(n_max + 1, sizeof(*some)), *name;
        const json_t *value;
        size_t n_some = 0;
        int r;

        if (!some)
                return -ENOMEM;
        json_object_foreach(h->pending, name, value)
                some[n_some++] = name;
        for (size_t i = 0; i < n; i++)
                if (!json_object_get(h->hosts, names[i]) && !json_object_get(h->pending, names[i]))
                        some[n_some++] = names[i];
        r = https_look(&h->s, some, n_some, sink);
        free(some);
        return r;
}

static int https_load(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        HttpsStore *h = (HttpsStore *)s;
        int r;

        forget(h);
        h->etags = json_object();
        r = h->etags ? publication_load(h) : -ENOMEM;
        if (r == 0)
                r = tell_listed(h, sink);
        return r == 0 ? tell_unlisted(h, names, n, sink) : r;
}

/* ---- conditions ---- */

/* Its status; -ENOMEM. */
static int probe_one(HttpsStore *h, const char *etag, ClientRequest *request)
{
        int r = request_put(h, PROBE, "nhi", etag, request);

        if (r == 0)
                r = client_do(h->client, request, 1);
        return r;
}

/* P4. Some servers take a PUT and do not look at its conditions. */
static int probe(HttpsStore *h)
{
        static const char *const etags[] = { "\"nhi-none\"", "", "" };
        ClientRequest request = { 0 };
        bool is_taken = false;
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(etags); i++) {
                r = probe_one(h, etags[i], &request);
                is_taken = r == 0 && is_done(&request);
                if (r == 0 && !is_taken && !is_refused(&request) && !is_absent(&request))
                        r = request_fail(h, &request);
                /* The second may have made it: the third tells. */
                if (r == 0 && is_taken && i != 1)
                        r = store_fail(&h->s, -EOPNOTSUPP,
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
static int publication_check(HttpsStore *h)
{
        ClientRequest request;
        int r = request_get(h, STORE_PUBLICATION, &request);

        if (r == 0)
                r = client_do(h->client, &request, 1);
        if (r == 0 && !is_done(&request))
                r = request_fail(h, &request);
        if (r == 0 && (!request.answer || !streq(request.answer, h->publication)))
                r = -EAGAIN;
        if (r == 0 && is_conditional(h) && !is_strong(request.etag))
                r = etag_missing(h, &request);
        if (r == 0)
                memcpy(h->etag, request.etag, sizeof(h->etag));
        client_request_done(&request);
        return r;
}

static int publication_write(HttpsStore *h, const char *revision)
{
        ClientRequest request;
        char *text = NULL;
        int r;

        r = publication_sign(&h->s.o, revision, h->hosts, h->pending, &text);
        if (r < 0)
                return r;
        free(h->publication);
        h->publication = text;
        r = request_put(h, STORE_PUBLICATION, text, h->etag, &request);
        if (r == 0)
                r = client_do(h->client, &request, 1);
        if (r == 0 && is_refused(&request))
                r = -EAGAIN;
        else if (r == 0 && !is_done(&request))
                r = request_fail(h, &request);
        if (r == 0)
                memcpy(h->etag, request.etag, sizeof(h->etag));
        client_request_done(&request);
        return r == 0 && (!is_conditional(h) || !is_strong(h->etag)) ? publication_check(h) : r;
}

static int https_begin(Store *s, const char *revision, const char *const *names, size_t n)
{
        HttpsStore *h = (HttpsStore *)s;
        int r = is_conditional(h) ? probe(h) : 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                if (json_object_set_new(h->pending, names[i], json_true()) < 0)
                        r = -ENOMEM;
        if (r == 0)
                r = publication_write(h, revision);
        if (r == 0)
                memcpy(s->revision, revision, sizeof(s->revision));
        return r;
}

/* ---- the sets ---- */

static int note_written(HttpsStore *h, const StoreSet *set)
{
        if (json_object_set_new(h->hosts, set->name, publication_entry(&set->next)) < 0)
                return -ENOMEM;
        (void)json_object_del(h->pending, set->name);
        (void)json_object_del(h->etags, set->name);
        return 0;
}

static int take_answer(HttpsStore *h, StoreSet *set, const ClientRequest *r)
{
        if (is_done(r))
                return note_written(h, set);
        set->error = is_refused(r) ? -EAGAIN : -EIO;
        if (!is_refused(r))
                (void)request_fail(h, r);
        return 0;
}

static int https_put(Store *s, StoreSet *sets, size_t n)
{
        HttpsStore *h = (HttpsStore *)s;
        ClientRequest *requests = calloc(n, sizeof(*requests));
        int r = requests ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = request_put(h, sets[i].name, sets[i].jws, document_text(h->etags, sets[i].name),
                                &requests[i]);
        if (r == 0)
                r = client_do(h->client, requests, n);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = take_answer(h, &sets[i], &requests[i]);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (sets[i].error == -EAGAIN)
                        r = -EAGAIN;
        for (size_t i = 0; requests && i < n; i++)
                client_request_done(&requests[i]);
        free(requests);
        return r;
}

/* Who overtook us knew what we wrote, and writes what we said we would. */
static int https_finish(Store *s)
{
        HttpsStore *h = (HttpsStore *)s;
        int r = is_conditional(h) ? 0 : publication_check(h);

        if (r == 0)
                r = publication_write(h, s->revision);
        return r == -EAGAIN && is_conditional(h) ? 0 : r;
}

/* ---- */

static void https_free(Store *s)
{
        HttpsStore *h = (HttpsStore *)s;

        forget(h);
        client_free(h->client);
        store_names_done(&h->names);
        free(h);
}

static int authorize(HttpsStore *h, char *error)
{
        char *token = NULL, *value = NULL;
        int r;

        if (!h->s.o.access->token_file)
                return 0;
        r = secret_read(h->s.o.access->token_file, &token, error);
        if (r == 0 && asprintf(&value, "Bearer %s", token) < 0)
                r = -ENOMEM;
        if (r == 0)
                r = client_authorize(h->client, value);
        secret_free(token);
        secret_free(r == -ENOMEM ? NULL : value);
        return r;
}

static int https_open(const StoreOptions *o, Store **ret, char *error)
{
        const ClientOptions options = { .access = o->access,
                                        .answer_max = SET_SIZE_MAX,
                                        .n_tries = N_TRIES,
                                        .total_usec = TOTAL_USEC };
        HttpsStore *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        h->s = (Store){ .type = &store_https, .o = *o };
        r = store_names_split(o->url, strlen(o->url), SUFFIX, &h->names);
        if (r == 0)
                r = client_new(&options, &h->client);
        if (r == 0)
                r = authorize(h, error);
        if (r < 0) {
                https_free(&h->s);
                return r;
        }
        *ret = &h->s;
        return 0;
}

const StoreType store_https = {
        .has_publication = true,
        .open = https_open,
        .load = https_load,
        .look = https_look,
        .begin = https_begin,
        .put = https_put,
        .finish = https_finish,
        .free = https_free,
};
