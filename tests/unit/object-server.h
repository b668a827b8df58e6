/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A server that keeps objects: by PUT and GET with conditions, and the same as etcd's gateway. */

#include "lib/base/sort.h"
#include "lib/http/base64.h"
#include "tests/unit/https-server.h"

#include <jansson.h>

#define OBJECTS_MAX 64

typedef struct Object {
        char key[256];
        char *value;
        long revision; /* of its last change */
} Object;

typedef struct Objects {
        pthread_mutex_t lock;
        Object items[OBJECTS_MAX]; /* by key */
        size_t n;
        long revision;
        unsigned n_put;
        /* how it behaves */
        bool ignores_conditions, has_no_etag, repeats_itself, has_no_directory;
        unsigned refuse_put; /* PUT number that is answered by 412, once; 0: none */
        unsigned broken_put; /* PUT number that is answered by 503, once; 0: none */
        /* somebody else writes that just before the next write; NULL: nobody does */
        const char *slip_key, *slip_value;
        const char *closed;        /* path whose GET is answered by closed_status; NULL: none */
        unsigned closed_status;    /* 0: 403 */
        const char *open;          /* the only path whose GET is not answered by 500; NULL: all */
        const char *tagged;        /* path whose GET has etag and nothing else; NULL: none */
        const char *etag;          /* NULL: no such header */
        const char *homeless;      /* how paths begin whose PUT is answered by 409; NULL: none do */
        const char *stale;         /* path whose PUT is answered by 412; NULL: none */
        const char *broken_fields; /* with these header lines; NULL: none */
        unsigned token_life; /* etcd: requests that a token is good for; 0: one token, for ever */
        unsigned n_tokens, n_uses;
        const char *wanted; /* Authorization: that is asked for; NULL: none */
        char seen[128];     /* Authorization: of the last request */
} Objects;

static inline Object *object_find(Objects *o, const char *key)
{
        for (size_t i = 0; i < o->n; i++)
                if (streq(o->items[i].key, key))
                        return &o->items[i];
        return NULL;
}

static inline int object_compare(const void *a, const void *b)
{
        return strcmp(((const Object *)a)->key, ((const Object *)b)->key);
}

static inline void object_put(Objects *o, const char *key, const char *value, size_t size)
{
        Object *at = object_find(o, key);

        if (!at) {
                at = &o->items[o->n++];
                *at = (Object){ 0 };
                (void)snprintf(at->key, sizeof(at->key), "%s", key);
        }
        free(at->value);
        at->value = strndup(value, size);
        at->revision = o->revision;
        sort_items(o->items, o->n, object_compare);
}

static inline void object_slip(Objects *o)
{
        const char *key = TAKE_PTR(o->slip_key);

        if (!key)
                return;
        o->revision++;
        object_put(o, key, o->slip_value, strlen(o->slip_value));
}

static inline void objects_done(Objects *o)
{
        for (size_t i = 0; i < o->n; i++)
                free(o->items[i].value);
        o->n = 0;
}

/* ---- PUT and GET ---- */

static inline bool object_may_be_put(Objects *o, HttpsPeer *p)
{
        const Object *at = object_find(o, p->path);
        char want[80], have[40] = "";

        if (o->ignores_conditions)
                return true;
        if (at)
                (void)snprintf(have, sizeof(have), "\"r%ld\"", at->revision);
        if (https_header(p, "If-Match", want, sizeof(want)) && !streq(want, have))
                return false;
        return !https_header(p, "If-None-Match", want, sizeof(want)) || !at;
}

static inline bool object_serve_put(Objects *o, HttpsPeer *p)
{
        const bool is_probe = strstr(p->path, "_probe");
        char field[80] = "", length[32] = "0";

        if (o->has_no_directory ||
            (o->homeless && strncmp(p->path, o->homeless, strlen(o->homeless)) == 0))
                return https_answer(p, 409, "", "");
        if (!is_probe)
                object_slip(o);
        if (!is_probe && ++o->n_put == o->refuse_put)
                return https_answer(p, 412, "", "");
        if (!is_probe && o->n_put == o->broken_put)
                return https_answer(p, 503, o->broken_fields ? o->broken_fields : "", "");
        if (!object_may_be_put(o, p) || (o->stale && streq(o->stale, p->path)))
                return https_answer(p, 412, "", "");
        (void)https_header(p, "Content-Length", length, sizeof(length));
        o->revision++;
        object_put(o, p->path, p->body, (size_t)atol(length));
        if (!o->has_no_etag)
                (void)snprintf(field, sizeof(field), "ETag: \"r%ld\"\r\n", o->revision);
        return https_answer(p, 201, field, "");
}

static inline bool object_serve_get(Objects *o, HttpsPeer *p)
{
        const Object *at = object_find(o, p->path);
        char field[80] = "";

        if (o->closed && streq(o->closed, p->path))
                return https_answer(p, o->closed_status ? o->closed_status : 403,
                                    "Location: /elsewhere\r\n", "");
        if (o->open && !streq(o->open, p->path))
                return https_answer(p, 500, "", "");
        if (!at)
                return https_answer(p, 404, "", "");
        (void)snprintf(field, sizeof(field), "ETag: \"r%ld\"\r\n", at->revision);
        if (o->tagged && streq(o->tagged, p->path))
                (void)snprintf(field, sizeof(field), "%s%s%s", o->etag ? "ETag: " : "",
                               o->etag ? o->etag : "", o->etag ? "\r\n" : "");
        return https_answer(p, 200, field, at->value);
}

/* ---- etcd ---- */

static inline char *object_bytes(const json_t *object, const char *member, size_t *ret_size)
{
        const char *text = json_string_value(json_object_get(object, member));
        uint8_t *bytes = NULL;
        char *plain;

        *ret_size = 0;
        if (!text || base64_decode(text, strlen(text), &bytes, ret_size) < 0)
                return strdup("");
        plain = strndup((const char *)bytes, *ret_size);
        free(bytes);
        return plain;
}

static inline char *object_plain(const json_t *object, const char *member)
{
        size_t size;

        return object_bytes(object, member, &size);
}

static inline json_t *object_coded(const char *text)
{
        char *coded = base64_encode(text, strlen(text));
        json_t *value = json_string(coded);

        free(coded);
        return value;
}

static inline bool object_answer(Objects *o, HttpsPeer *p, json_t *answer)
{
        char *text;
        bool ok;

        json_object_set_new(answer, "header",
                            json_pack("{s:o}", "revision", json_sprintf("%ld", o->revision)));
        text = json_dumps(answer, JSON_COMPACT);
        ok = https_answer(p, 200, "Content-Type: application/json\r\n", text);
        json_decref(answer);
        free(text);
        return ok;
}

static inline bool object_range(Objects *o, HttpsPeer *p, const json_t *ask)
{
        size_t size;
        char *from = object_bytes(ask, "key", &size), *to = object_plain(ask, "range_end");
        const bool is_behind = size > strlen(from); /* "KEY\0" */
        const bool is_single = !json_object_get(ask, "range_end");
        const size_t limit = 3; /* less than is asked for: pages */
        const char *since = json_string_value(json_object_get(ask, "min_mod_revision"));
        json_t *kvs = json_array();
        bool more = false;

        for (size_t i = 0; i < o->n; i++) {
                const Object *at = &o->items[i];

                if (is_single ? !streq(at->key, from)
                              : (strcmp(at->key, from) < 0 && !o->repeats_itself) ||
                                        strcmp(at->key, to) >= 0 ||
                                        (is_behind && streq(at->key, from)) ||
                                        (since && at->revision < atol(since)))
                        continue;
                more = json_array_size(kvs) == limit;
                if (more)
                        break;
                json_array_append_new(kvs,
                                      json_pack("{s:o, s:o, s:o}", "key", object_coded(at->key),
                                                "value", object_coded(at->value), "mod_revision",
                                                json_sprintf("%ld", at->revision)));
        }
        free(from);
        free(to);
        return object_answer(o, p, json_pack("{s:o, s:b}", "kvs", kvs, "more", more));
}

static inline bool object_txn(Objects *o, HttpsPeer *p, const json_t *ask)
{
        const json_t *compare = json_array_get(json_object_get(ask, "compare"), 0), *op;
        char *guard = object_plain(compare, "key");
        const char *want = json_string_value(json_object_get(compare, "mod_revision"));
        const Object *at;
        bool is_put;
        size_t i;

        object_slip(o);
        at = object_find(o, guard);
        is_put = (at ? at->revision : 0) == atol(want);
        free(guard);
        o->revision += is_put;
        json_array_foreach(json_object_get(ask, "success"), i, op) {
                const json_t *put = json_object_get(op, "request_put");
                char *key = object_plain(put, "key"), *value = object_plain(put, "value");

                o->n_put++;
                if (is_put)
                        object_put(o, key, value, strlen(value));
                free(key);
                free(value);
        }
        return object_answer(o, p, json_pack("{s:b}", "succeeded", is_put));
}

static inline bool object_log_in(Objects *o, HttpsPeer *p)
{
        char body[64];

        o->n_uses = 0;
        (void)snprintf(body, sizeof(body), "{\"token\":\"T%u\"}", ++o->n_tokens);
        return https_answer(p, 200, "", o->token_life > 0 ? body : "{\"token\":\"granted\"}");
}

/* Has the token that was shown run out? */
static inline bool object_token_is_over(Objects *o)
{
        char wanted[16];

        (void)snprintf(wanted, sizeof(wanted), "T%u", o->n_tokens);
        return o->token_life > 0 && (!streq(o->seen, wanted) || o->n_uses++ >= o->token_life);
}

static inline bool object_serve_etcd(Objects *o, HttpsPeer *p)
{
        json_t *ask = json_loads(p->body, 0, NULL);
        bool ok;

        if (streq(p->path, "/v3/auth/authenticate"))
                ok = object_log_in(o, p);
        else if (streq(p->path, "/v3/kv/range"))
                ok = object_range(o, p, ask);
        else
                ok = object_txn(o, p, ask);
        json_decref(ask);
        return ok;
}

static inline bool object_serve(HttpsPeer *p)
{
        Objects *o = p->server->userdata;
        const bool is_login = streq(p->path, "/v3/auth/authenticate");
        bool ok;

        (void)pthread_mutex_lock(&o->lock);
        o->seen[0] = '\0';
        (void)https_header(p, "Authorization", o->seen, sizeof(o->seen));
        if (o->wanted && !is_login && !streq(o->seen, o->wanted))
                ok = https_answer(p, 401, "", "");
        else if (!is_login && object_token_is_over(o))
                ok = https_answer(p, 401, "",
                                  "{\"error\":\"etcdserver: invalid auth token\",\"code\":16,"
                                  "\"message\":\"etcdserver: invalid auth token\"}");
        else if (streq(p->method, "POST"))
                ok = object_serve_etcd(o, p);
        else
                ok = streq(p->method, "PUT") ? object_serve_put(o, p) : object_serve_get(o, p);
        (void)pthread_mutex_unlock(&o->lock);
        return ok;
}
