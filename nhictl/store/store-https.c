/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets as objects of an HTTPS server that takes PUT. There is no listing: the publication has it,
 * so that of a fleet only what is to be written is read. It is written first, on the condition that
 * nobody wrote it since it was read, and names what is to be written (P2); each set is written on
 * the condition that it is what was read (P1): a publisher that was overtaken finds that its sets
 * were written anew, each of them. */

#include "lib/base/io.h"
#include "nhictl/store/https-store.h"

#include <stdio.h>

#define SUFFIX     ".jws"
#define AT_A_TIME  32u /* objects that are read, which have the size of one together */
#define N_TRIES    4
#define TOTAL_USEC (120 * USEC_PER_SEC)

/* ---- what stands there ---- */

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

/* What keeps this object from being read, and likely no other; 0: nothing, or the server. */
static int objects_own_error(const ClientRequest *r)
{
        if (is_too_large(r))
                return -EFBIG;
        if (r->error || r->status < 400 || r->status >= 500 || r->status == 401 ||
            r->status == 429 || https_is_absent(r))
                return 0;
        return r->status == 403 ? -EACCES : -EIO;
}

static int take_set(HttpsStore *h, const char *name, const ClientRequest *r, const StoreSink *sink)
{
        const int error = objects_own_error(r);

        if (error < 0)
                return sink->failed(sink->userdata, name, error);
        if (!https_is_absent(r) && !https_is_done(r))
                return https_request_fail(h, r);
        if (https_is_done(r) && https_is_conditional(h) && !https_etag_is_strong(r->etag))
                return https_etag_missing(h, r);
        if (json_object_set_new(h->etags, name, json_string(https_is_done(r) ? r->etag : "")) < 0)
                return -ENOMEM;
        return tell_set(h, name, r, sink);
}

static int read_some(HttpsStore *h, const char *const *names, size_t n, const StoreSink *sink)
{
        ClientRequest *requests = calloc(n, sizeof(*requests));
        int r = requests ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = https_get(h, names[i], &requests[i]);
        if (r == 0)
                r = client_do(h->client, requests, n);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = n > 1 && is_too_large(&requests[i])
                            ? read_some(h, &names[i], 1, sink) /* others took the room, perhaps */
                            : take_set(h, names[i], &requests[i], sink);
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

static int https_load(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        HttpsStore *h = (HttpsStore *)s;
        int r;

        forget(h);
        h->etags = json_object();
        r = h->etags ? https_publication_load(h) : -ENOMEM;
        if (r == 0)
                r = tell_listed(h, sink);
        return r == 0 ? tell_unlisted(h, names, n, sink) : r;
}

static int https_begin(Store *s, const char *revision, const char *const *names, size_t n)
{
        HttpsStore *h = (HttpsStore *)s;
        int r = https_is_conditional(h) ? https_probe(h) : 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                if (json_object_set_new(h->pending, names[i], json_true()) < 0)
                        r = -ENOMEM;
        if (r == 0)
                r = https_publication_write(h, revision);
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
        if (https_is_done(r))
                return note_written(h, set);
        set->error = https_is_refused(r) ? -EAGAIN : -EIO;
        if (!https_is_refused(r))
                (void)https_request_fail(h, r);
        return 0;
}

static int put_sets(Store *s, StoreSet *sets, size_t n)
{
        HttpsStore *h = (HttpsStore *)s;
        ClientRequest *requests = calloc(n, sizeof(*requests));
        int r = requests ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = https_put(h, sets[i].name, sets[i].jws, document_text(h->etags, sets[i].name),
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
        int r = https_is_conditional(h) ? 0 : https_publication_check(h);

        if (r == 0)
                r = https_publication_write(h, s->revision);
        return r == -EAGAIN && https_is_conditional(h) ? 0 : r;
}

/* ---- what is no set ---- */

static int tell_object(const char *name, const ClientRequest *r, const StoreSink *sink)
{
        Published p;

        if (https_is_absent(r))
                return 0;
        if (!https_is_done(r))
                return sink->failed(sink->userdata, name, -EIO);
        return sink->set(sink->userdata, name, r->answer ? r->answer : "", r->n, false, &p);
}

static int read_objects(HttpsStore *h, const char *const *names, size_t n, const StoreSink *sink)
{
        ClientRequest *requests = calloc(n, sizeof(*requests));
        int r = requests ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = https_get(h, names[i], &requests[i]);
        if (r == 0)
                r = client_do(h->client, requests, n);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = n > 1 && is_too_large(&requests[i])
                            ? read_objects(h, &names[i], 1, sink) /* as in read_some() */
                            : tell_object(names[i], &requests[i], sink);
        for (size_t i = 0; requests && i < n; i++)
                client_request_done(&requests[i]);
        free(requests);
        return r;
}

static int https_read(Store *s, const char *const *names, size_t n, const StoreSink *sink)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i += AT_A_TIME)
                r = read_objects((HttpsStore *)s, names + i, n - i < AT_A_TIME ? n - i : AT_A_TIME,
                                 sink);
        return r;
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
        r = secret_read_token(h->s.o.access->token_file, &token, error);
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
                                        .answers_max = o->size_max ? o->size_max : SET_SIZE_MAX,
                                        .n_tries = o->size_max ? 1 : N_TRIES,
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
        .put = put_sets,
        .finish = https_finish,
        .read = https_read,
        .free = https_free,
};
