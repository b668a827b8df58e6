/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is published for the fleet now. */

#include "nhictl/fleet/show.h"

#include "nhictl/ledger/publish-keys.h"
#include "nhictl/ledger/published.h"
#include "nhictl/store/store.h"
#include "nhictl/verb.h"

#include <stdio.h>

typedef struct Listing {
        const Ledger *l;
        const SigningKey *key;
        KeyList *others;
        json_t *by_key; /* {kid: {name: version}} */
} Listing;

static int note(const Listing *g, const char *name, const Published *p)
{
        const char *kid = p->former ? p->former_kid : g->key->public.kid;

        if (!(p->ours || p->former) || !ledger_get(g->l, DOC_HOST, name))
                return 0;
        return json_object_set_new(json_object_get(g->by_key, kid), name,
                                   json_integer((json_int_t)p->ver)) < 0
                       ? -ENOMEM
                       : 0;
}

static int on_set(void *userdata, const char *name, const char *jws, size_t size, bool must_write,
                  Published *ret)
{
        const Listing *g = userdata;
        int r;

        *ret = (Published){ 0 };
        if (!jws)
                return 0;
        r = published_parse(jws, size, g->l->settings.issuer, g->key, g->others, name, ret);
        return r == 0 ? note(g, name, ret) : r;
}

static int on_known(void *userdata, const char *name, const Published *p)
{
        return note(userdata, name, p);
}

static int on_failed(void *userdata, const char *name, bool must_write, int error, const char *why)
{
        return 0;
}

static int load(Listing *g, char ret_error[static LEDGER_ERROR_MAX])
{
        const StoreOptions o = { .url = g->l->settings.publish,
                                 .access = &g->l->settings.access,
                                 .key = g->key,
                                 .others = g->others,
                                 .issuer = g->l->settings.issuer };
        const StoreSink sink = {
                .userdata = g, .set = on_set, .known = on_known, .failed = on_failed
        };
        _cleanup_(store_freep) Store *store = NULL;
        size_t n = 0;
        _cleanup_free_ const char **names = ledger_names(g->l, DOC_HOST, &n);
        int r = names ? store_open(&o, &store, ret_error) : -ENOMEM;

        if (r == 0)
                r = store->type->load(store, names, n, &sink);
        if (r < 0 && store && *store->error)
                (void)snprintf(ret_error, LEDGER_ERROR_MAX, "%s", store->error);
        return r;
}

/* Keys that count, without versions yet. */
static int listing_begin(Listing *g, int64_t now_sec, char ret_error[static LEDGER_ERROR_MAX])
{
        _cleanup_free_ char *keys = NULL;
        int r = ledger_keys_read(g->l, g->key, now_sec, &keys, &g->others, ret_error);

        if (r < 0)
                return r;
        g->by_key = json_pack("{s:{}}", g->key->public.kid);
        for (size_t i = 0; g->by_key && g->others && i < g->others->n_signing; i++)
                if (json_object_set_new(g->by_key, g->others->keys[i].jwk.kid, json_object()) < 0)
                        return -ENOMEM;
        return g->by_key ? 0 : -ENOMEM;
}

static void listing_done(Listing *g)
{
        key_list_free(g->others);
        json_decref(g->by_key);
}

int fleet_published(const Ledger *l, const SigningKey *key, int64_t now_sec, json_t **ret_by_key,
                    char ret_error[static LEDGER_ERROR_MAX])
{
        Listing g = { .l = l, .key = key };
        int r = listing_begin(&g, now_sec, ret_error);

        if (r == 0)
                r = load(&g, ret_error);
        if (r == 0)
                *ret_by_key = TAKE_PTR(g.by_key);
        listing_done(&g);
        return r;
}

/* ---- what it was ---- */

void fleet_remember(const Ledger *l, const SigningKey *key, int64_t now_sec, json_t *versions)
{
        _cleanup_(seen_freep) Seen *seen = NULL;
        Listing g = { .l = l, .key = key };
        char error[LEDGER_ERROR_MAX] = "";
        int r = listing_begin(&g, now_sec, error);

        if (r == 0)
                r = json_object_set(g.by_key, key->public.kid, versions) < 0 ? -ENOMEM : 0;
        if (r == 0)
                r = seen_open(l, &seen, error);
        if (r == 0)
                r = seen_published(seen, g.by_key);
        if (r == 0) {
                seen_keep_keys(seen, g.by_key);
                r = seen_save(seen);
        }
        if (r < 0 && *error)
                say("%s", error);
        else if (r < 0)
                say("%s/" SEEN_FILE ": what was published is not kept there", l->path);
        listing_done(&g);
        json_decref(versions);
}

/* Of each host one set stands there. */
static int merge(const json_t *by_key, json_t *ret)
{
        json_t *versions;
        const char *kid;

        json_object_foreach((json_t *)(uintptr_t)by_key, kid, versions) {
                if (json_object_update(ret, versions) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* What cannot be known or kept is said where reports are held against what was seen. */
int fleet_raise(const Ledger *l, const json_t *by_key, json_t **ret_versions, size_t *ret_n)
{
        _cleanup_(json_decrefp) json_t *versions = json_object();
        _cleanup_(seen_freep) Seen *seen = NULL;
        char error[LEDGER_ERROR_MAX];
        size_t n = 0;
        int r = versions ? merge(by_key, versions) : -ENOMEM;

        if (r == 0 && seen_open(l, &seen, error) == 0) {
                r = seen_published(seen, by_key);
                if (r == 0)
                        r = seen_raise(seen, by_key, versions, &n);
                if (r == 0)
                        (void)seen_save(seen);
        }
        if (r < 0)
                return r;
        if (n > 0)
                say("%s: of %zu hosts the set is older than the one that was published there, "
                    "cannot be read, or is gone: who took it back? nhictl publish brings another; "
                    "where that is known, nhictl fleet --forget HOST",
                    l->settings.publish, n);
        *ret_versions = TAKE_PTR(versions);
        *ret_n = n;
        return 0;
}
