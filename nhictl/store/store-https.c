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
#define N_TRIES    4
#define REFUSALS   3 /* of one set, and it is no rival's doing */
#define TOTAL_USEC (120 * USEC_PER_SEC)

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

static json_int_t n_refusals(const HttpsStore *h, const StoreSet *set)
{
        return json_integer_value(json_object_get(h->refused, set->name));
}

static int take_answer(HttpsStore *h, StoreSet *set, const ClientRequest *r)
{
        if (https_is_done(r))
                return note_written(h, set);
        set->error = -EIO;
        set->why = https_request_say(r);
        if (!set->why)
                return -ENOMEM;
        if (!r->error && r->status == 412) {
                set->error = -EAGAIN;
                return json_object_set_new(h->refused, set->name,
                                           json_integer(n_refusals(h, set) + 1)) < 0
                               ? -ENOMEM
                               : 0;
        }
        return 0;
}

/* P1; but where what was read is refused each time, and the publication is still ours, the server
 * does not know what it gave. */
static int judge_refusals(HttpsStore *h, StoreSet *const *sent, size_t n)
{
        size_t n_refused = 0;
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                if (sent[i]->error != -EAGAIN)
                        continue;
                n_refused++;
                if (n_refusals(h, sent[i]) < REFUSALS)
                        return -EAGAIN;
        }
        if (n_refused > 0)
                r = https_publication_check(h);
        for (size_t i = 0; r == 0 && i < n; i++)
                if (sent[i]->error == -EAGAIN)
                        sent[i]->error = -EIO;
        return r;
}

/* P1: without a condition it would undo what others write. */
static int leave_alone(const HttpsStore *h, StoreSet *set)
{
        _cleanup_free_ char *at = store_name_of(&h->names, set->name);

        set->error = -EOPNOTSUPP;
        if (!at || asprintf(&set->why,
                            "%s: the server gives no strong ETag for it, so two publishers could "
                            "undo each other. Remove it there, then: nhictl publish; or, where "
                            "nobody else publishes there, with --single-publisher",
                            at) < 0) {
                set->why = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* Requests for those that may be written, which are sent, too: *ret_n of both. */
static int make_requests(const HttpsStore *h, StoreSet *sets, size_t n, StoreSet **sent,
                         ClientRequest *requests, size_t *ret_n)
{
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++) {
                if (json_is_null(json_object_get(h->etags, sets[i].name))) {
                        r = leave_alone(h, &sets[i]);
                        continue;
                }
                sent[*ret_n] = &sets[i];
                r = https_put(h, sets[i].name, sets[i].jws, document_text(h->etags, sets[i].name),
                              &requests[(*ret_n)++]);
        }
        return r;
}

static int put_sets(Store *s, StoreSet *sets, size_t n)
{
        HttpsStore *h = (HttpsStore *)s;
        _cleanup_free_ StoreSet **sent = calloc(n, sizeof(StoreSet *));
        ClientRequest *requests = calloc(n, sizeof(*requests));
        size_t n_sent = 0;
        int r = requests && sent ? make_requests(h, sets, n, sent, requests, &n_sent) : -ENOMEM;

        if (r == 0)
                r = client_do(h->client, requests, n_sent);
        for (size_t i = 0; r == 0 && i < n_sent; i++)
                r = take_answer(h, sent[i], &requests[i]);
        if (r == 0)
                r = judge_refusals(h, sent, n_sent);
        for (size_t i = 0; requests && i < n_sent; i++)
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

/* ---- */

static void https_free(Store *s)
{
        HttpsStore *h = (HttpsStore *)s;

        https_forget(h);
        json_decref(h->refused);
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
        h->refused = json_object();
        r = h->refused ? store_names_split(o->url, strlen(o->url), SUFFIX, &h->names) : -ENOMEM;
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
