/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nhictl/ledger/fleet.h"

#include "lib/base/sort.h"
#include "lib/jose/json.h"
#include "nhi-agentd/set/set.h"
#include "nhictl/ledger/mint.h"
#include "nhictl/ledger/state.h"

#include <stdio.h>

typedef struct FleetGrant {
        json_t *grant; /* as minted */
        char hash[LEDGER_HASH_SIZE];
} FleetGrant;

struct Fleet {
        const Ledger *l;
        int64_t now_sec;
        json_t *accounts; /* as minted, of every host */
        char accounts_hash[LEDGER_HASH_SIZE], nothing_hash[LEDGER_HASH_SIZE];
        FleetGrant *grants; /* live ones, in the order of their ids */
        size_t n_grants;
        json_t *by_host, *by_label; /* name -> array of indices into grants, rising */
};

int content_of_json(const json_t *value, char ret[static LEDGER_HASH_SIZE])
{
        _cleanup_free_ char *text = json_write(value, JSON_COMPACT | JSON_SORT_KEYS);

        if (!text)
                return -ENOMEM;
        content_hash(text, strlen(text), ret);
        return 0;
}

/* ---- which grants ---- */

static int index_one(json_t *index, const json_t *names, size_t at)
{
        const json_t *name;
        size_t i;

        json_array_foreach(names, i, name) {
                const char *text = json_string_value(name);
                json_t *list = text ? json_object_get(index, text) : NULL;

                if (!text)
                        continue;
                if (!list && json_object_set_new(index, text, list = json_array()) < 0)
                        return -ENOMEM;
                if (json_array_append_new(list, json_integer((json_int_t)at)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int add_grant(Fleet *f, const json_t *doc)
{
        FleetGrant *g = &f->grants[f->n_grants];
        int r = mint_grant(doc, &g->grant);

        if (r == 0)
                r = content_of_json(g->grant, g->hash);
        if (r == 0)
                r = index_one(f->by_host, json_object_get(doc, "hosts"), f->n_grants);
        if (r == 0)
                r = index_one(f->by_label, json_object_get(doc, "labels"), f->n_grants);
        f->n_grants++;
        return r;
}

static int fill_grants(Fleet *f)
{
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_names(f->l, DOC_GRANT, &n);
        int r = names ? 0 : -ENOMEM;

        f->grants = calloc(n + 1, sizeof(*f->grants));
        if (!f->grants)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < n; i++) {
                const json_t *doc = ledger_get(f->l, DOC_GRANT, names[i]);

                if (grant_state_is_live(ledger_grant_state(f->l, doc, f->now_sec)))
                        r = add_grant(f, doc);
        }
        return r;
}

int fleet_new(const Ledger *l, int64_t now_sec, Fleet **ret)
{
        _cleanup_(fleet_freep) Fleet *f = calloc(1, sizeof(*f));
        _cleanup_(json_decrefp) json_t *nothing = json_array();
        int r;

        if (!f)
                return -ENOMEM;
        *f = (Fleet){ .l = l,
                      .now_sec = now_sec,
                      .accounts = json_array(),
                      .by_host = json_object(),
                      .by_label = json_object() };
        if (!f->accounts || !f->by_host || !f->by_label || !nothing)
                return -ENOMEM;
        r = mint_accounts(l, f->accounts);
        if (r == 0)
                r = content_of_json(f->accounts, f->accounts_hash);
        if (r == 0)
                r = content_of_json(nothing, f->nothing_hash);
        if (r == 0)
                r = fill_grants(f);
        if (r == 0)
                *ret = TAKE_PTR(f);
        return r;
}

Fleet *fleet_free(Fleet *f)
{
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n_grants; i++)
                json_decref(f->grants[i].grant);
        free(f->grants);
        json_decref(f->accounts);
        json_decref(f->by_host);
        json_decref(f->by_label);
        free(f);
        return NULL;
}

/* ---- of one host ---- */

typedef struct Indices {
        size_t *items, n, capacity;
} Indices;

static int indices_add(Indices *x, const json_t *list)
{
        const json_t *item;
        size_t i;

        json_array_foreach(list, i, item) {
                if (x->n == x->capacity) {
                        const size_t capacity = x->capacity ? x->capacity * 2 : 64;
                        size_t *grown = realloc(x->items, capacity * sizeof(*grown));

                        if (!grown)
                                return -ENOMEM;
                        x->items = grown;
                        x->capacity = capacity;
                }
                x->items[x->n++] = (size_t)json_integer_value(item);
        }
        return 0;
}

static int compare_indices(const void *a, const void *b)
{
        const size_t x = *(const size_t *)a, y = *(const size_t *)b;

        return (x > y) - (x < y);
}

/* By name or by label, each once, in the order of their ids. */
static int indices_of(const Fleet *f, const json_t *host, Indices *x)
{
        const json_t *label;
        size_t i, n = 0;
        int r;

        r = indices_add(x, json_object_get(f->by_host, document_text(host, "name")));
        json_array_foreach(json_object_get(host, "labels"), i, label) {
                if (r == 0 && json_is_string(label))
                        r = indices_add(x, json_object_get(f->by_label, json_string_value(label)));
        }
        if (r < 0 || x->n == 0)
                return r;
        sort_items(x->items, x->n, compare_indices);
        for (i = 0; i < x->n; i++)
                if (i == 0 || x->items[i] != x->items[n - 1])
                        x->items[n++] = x->items[i];
        x->n = n;
        return 0;
}

int fleet_payload(const Fleet *f, const char *name, const json_t *host, json_t **ret)
{
        json_t *grants = json_array(), *accounts = host ? json_incref(f->accounts) : json_array();
        Indices x = { 0 };
        int r = grants && accounts ? 0 : -ENOMEM;

        if (r == 0 && host)
                r = indices_of(f, host, &x);
        for (size_t i = 0; r == 0 && i < x.n; i++)
                if (json_array_append(grants, f->grants[x.items[i]].grant) < 0)
                        r = -ENOMEM;
        free(x.items);
        if (r < 0) {
                json_decref(grants);
                json_decref(accounts);
                return r;
        }
        *ret = mint_envelope(f->l, name, f->now_sec, accounts, grants);
        return *ret ? 0 : -ENOMEM;
}

static int collect_names(const Fleet *f, const Indices *x, json_t *ret)
{
        for (size_t i = 0; i < x->n; i++) {
                const char *jti = document_text(f->grants[x->items[i]].grant, "jti");

                if (json_object_set_new(ret, jti, json_true()) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int fleet_takes(const Fleet *f, const json_t *host, const json_t *grants, bool *ret)
{
        _cleanup_(json_decrefp) json_t *given = json_object();
        const json_t *grant;
        Indices x = { 0 };
        size_t i;
        int r = given ? indices_of(f, host, &x) : -ENOMEM;

        if (r == 0)
                r = collect_names(f, &x, given);
        free(x.items);
        if (r < 0)
                return r;
        *ret = false;
        json_array_foreach(grants, i, grant) {
                if (json_integer_value(json_object_get(grant, "exp")) > f->now_sec &&
                    !json_object_get(given, document_text(grant, "jti")))
                        *ret = true;
        }
        return 0;
}

/* ---- the hash of what is said ---- */

typedef struct Content {
        FILE *f;
        char *text;
        size_t size;
} Content;

static int content_begin(Content *c, json_int_t format, const char *iss, const char *aud,
                         const char *accounts_hash)
{
        c->f = open_memstream(&c->text, &c->size);
        if (!c->f)
                return -ENOMEM;
        (void)fprintf(c->f, "%lld\n%s\n%s\n%s\n", (long long)format, iss, aud, accounts_hash);
        return 0;
}

static int content_end(Content *c, int r, char ret[static LEDGER_HASH_SIZE])
{
        const bool failed = ferror(c->f);

        if ((fclose(c->f) != 0 || failed) && r == 0)
                r = -ENOMEM;
        if (r == 0)
                content_hash(c->text, c->size, ret);
        free(c->text);
        return r;
}

int fleet_content(const Fleet *f, const char *name, const json_t *host,
                  char ret[static LEDGER_HASH_SIZE])
{
        Indices x = { 0 };
        Content c = { 0 };
        int r = host ? indices_of(f, host, &x) : 0;

        if (r == 0)
                r = content_begin(&c, LEDGER_FORMAT, f->l->settings.issuer, name,
                                  host ? f->accounts_hash : f->nothing_hash);
        if (r == 0) {
                for (size_t i = 0; i < x.n; i++)
                        (void)fprintf(c.f, "%s\n", f->grants[x.items[i]].hash);
                r = content_end(&c, 0, ret);
        }
        free(x.items);
        return r;
}

int content_of_payload(const json_t *payload, char ret[static LEDGER_HASH_SIZE])
{
        const json_t *format = json_object_get(payload, "format"), *grant;
        char hash[LEDGER_HASH_SIZE];
        Content c = { 0 };
        size_t i;
        int r;

        r = content_of_json(json_object_get(payload, "accounts"), hash);
        if (r == 0)
                r = content_begin(&c, json_integer_value(format), document_text(payload, "iss"),
                                  document_text(payload, "aud"), hash);
        if (r < 0)
                return r;
        json_array_foreach(json_object_get(payload, "grants"), i, grant) {
                if (r == 0)
                        r = content_of_json(grant, hash);
                (void)fprintf(c.f, "%s\n", hash);
        }
        return content_end(&c, r, ret);
}
