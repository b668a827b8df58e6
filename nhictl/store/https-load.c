/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What stands there: the publication, and of sets those that it does not list or that are to be
 * written. */

#include "nhictl/store/https-store.h"

#define AT_A_TIME 32u /* objects that are read, which have the size of one together */

/* ---- sets ---- */

/* What is ours and well is listed from now on. */
static int tell_set(HttpsStore *h, const char *name, const ClientRequest *r, const StoreSink *sink)
{
        const bool must_write = json_object_get(h->pending, name);
        const char *text = r->answer ? r->answer : "";
        Published p;
        int n = sink->set(sink->userdata, name, https_is_absent(r) ? NULL : text, r->n, must_write,
                          &p);

        if (n == 0 && p.ours && !must_write &&
            json_object_set_new(h->hosts, name, publication_entry(&p)) < 0)
                n = -ENOMEM;
        return n;
}

static bool is_too_large(const ClientRequest *r)
{
        return r->error && streq(r->error, "too-large");
}

static int unread_error(const ClientRequest *r)
{
        return is_too_large(r)                                       ? -EFBIG
               : !r->error && (r->status == 401 || r->status == 403) ? -EACCES
                                                                     : -EIO;
}

/* For a conditional PUT of it. Its bytes are the server's. */
static json_t *etag_of(const HttpsStore *h, const ClientRequest *r)
{
        if (https_is_absent(r))
                return json_string("");
        return https_is_conditional(h) && !https_etag_is_strong(r->etag)
                       ? json_null()
                       : json_string_nocheck(r->etag);
}

static int take_set(HttpsStore *h, const char *name, const ClientRequest *r, const StoreSink *sink)
{
        const bool must_write = json_object_get(h->pending, name);
        char sentence[CLIENT_ERROR_MAX];

        if (!https_is_absent(r) && !https_is_done(r))
                return sink->failed(sink->userdata, name, must_write, unread_error(r),
                                    client_sentence(r, sentence));
        if (json_object_set_new(h->etags, name, etag_of(h, r)) < 0)
                return -ENOMEM;
        return tell_set(h, name, r, sink);
}

/* An answer that says nothing of this object alone: the server may give it of all. */
static bool may_be_of_the_server(const ClientRequest *r)
{
        return r->error ? !is_too_large(r)
                        : r->status == 401 || r->status == 429 || r->status >= 500;
}

/* B4 of publish.h: what cannot be read where something else can is one host's trouble. A server
 * that gives nothing is not asked for 10,000 more. */
static int check_server(HttpsStore *h, const ClientRequest *requests, size_t n)
{
        bool is_served = false;
        int r = 0;

        for (size_t i = 0; i < n; i++)
                if (!may_be_of_the_server(&requests[i]))
                        return 0;
        if (n < AT_A_TIME)
                r = https_publication_is_served(h, &is_served);
        return r < 0 || is_served ? r : https_request_fail(h, &requests[0]);
}

/* What becomes of one answer. */
typedef int (*Take)(HttpsStore *h, const char *name, const ClientRequest *r, const StoreSink *sink);

static int read_some(HttpsStore *h, const char *const *names, size_t n, const StoreSink *sink,
                     Take take)
{
        ClientRequest *requests = calloc(n, sizeof(*requests));
        int r = requests ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = https_get(h, names[i], &requests[i]);
        if (r == 0)
                r = client_do(h->client, requests, n);
        if (r == 0)
                r = check_server(h, requests, n);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = n > 1 && is_too_large(&requests[i])
                            ? read_some(h, &names[i], 1, sink, take) /* others took the room? */
                            : take(h, names[i], &requests[i], sink);
        for (size_t i = 0; requests && i < n; i++)
                client_request_done(&requests[i]);
        free(requests);
        return r;
}

/* Those of which nothing was read yet. */
int https_look(Store *s, const char *const *names, size_t n, const StoreSink *sink)
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
                r = n_some > 0 ? read_some(h, some, n_some, sink, take_set) : 0;
                n_some = 0;
        }
        return r;
}

void https_forget(HttpsStore *h)
{
        json_decref(h->hosts);
        json_decref(h->pending);
        json_decref(h->etags);
        free(TAKE_PTR(h->publication));
        h->hosts = h->pending = h->etags = NULL;
        h->etag[0] = h->s.revision[0] = '\0';
        h->s.is_publication_lost = false;
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

int https_load(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        HttpsStore *h = (HttpsStore *)s;
        int r;

        https_forget(h);
        h->etags = json_object();
        r = h->etags ? https_publication_load(h) : -ENOMEM;
        if (r == 0)
                r = tell_listed(h, sink);
        return r == 0 ? tell_unlisted(h, names, n, sink) : r;
}

/* ---- what is no set ---- */

static int tell_object(HttpsStore *h, const char *name, const ClientRequest *r,
                       const StoreSink *sink)
{
        Published p;

        if (https_is_absent(r))
                return 0;
        if (!https_is_done(r))
                return sink->failed(sink->userdata, name, false, -EIO, NULL);
        return sink->set(sink->userdata, name, r->answer ? r->answer : "", r->n, false, &p);
}

int https_read(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i += AT_A_TIME)
                r = read_some((HttpsStore *)s, names + i, n - i < AT_A_TIME ? n - i : AT_A_TIME,
                              sink, tell_object);
        return r;
}
